import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.judge.ascent import by_ascent
from paper_checks.judge.check import Check
from paper_checks.judge.claim import evidence_of
from paper_checks.judge.hypothesis_search import by_hypothesis
from paper_checks.judge.instance_file import load, reproduce, save
from paper_checks.judge.search import at_random, failures
from paper_checks.judge.statement import StatementError, ratio
from paper_checks.judge.stress import Effort, stress, survey
from tests.paper_checks.judge.toy_statements import (
    MUTANTS,
    cauchy_schwarz,
    geometric_mean,
    rarely_false,
    two_deviations,
)

KEY = jax.random.key(0)
LITTLE = Effort(
    instances=1_024,
    starts=16,
    steps=60,
    examples=20,
    draws=1_024,
    instances_dropped=1_024,
)


def present(value):
    assert value is not None
    return value


def test_a_true_statement_is_not_refuted_and_its_hypothesis_is_not_needed(tmp_path):
    found = stress(cauchy_schwarz(), KEY, LITTLE, folder=tmp_path)
    assert not found.refuted
    # The ascent gets to where it holds with equality; random instances do not.
    assert 1 - 1e-3 < found.tightness <= 1 + 1e-9
    assert present(found.searches[0].worst).ratio < found.tightness
    assert found.needed == {"u not short": None}
    assert [path.name for path in tmp_path.iterdir()] == ["true.npz"]


@pytest.mark.parametrize(
    "name",
    [
        name if name == "wrong constant" else pytest.param(name, marks=pytest.mark.long)
        for name in MUTANTS
    ],
)
def test_a_mutant_is_refuted_by_an_instance_that_reloads(name, tmp_path):
    false = cauchy_schwarz(name, rhs=MUTANTS[name])
    found = stress(false, KEY, LITTLE, folder=tmp_path, drop=())
    assert found.refuted
    again = reproduce(present(found.path), false)
    assert again.same
    assert bool(again.outcome.broken)
    assert float(again.outcome.ratio) == pytest.approx(found.worst.ratio, rel=1e-6)


def test_a_hypothesis_that_is_needed_is_seen_to_be():
    found = stress(geometric_mean(), KEY, LITTLE)
    assert not found.refuted
    worst = present(found.needed["entries above zero"])
    assert worst.broken
    assert worst.dropped == "entries above zero"
    # It always says more than the largest entry.
    assert found.useful.value == 1


def test_hypothesis_shrinks_what_it_finds():
    false = cauchy_schwarz("shrunk", rhs=MUTANTS["one entry left out"])
    found = by_hypothesis(false, KEY, 200)
    assert found.worst is not None
    # The simplest counterexample has u and v along the entry that was left out.
    assert np.count_nonzero(found.worst.latent["u"][:2]) <= 1
    assert by_hypothesis(cauchy_schwarz(), KEY, 30).worst is None


@pytest.mark.long
def test_what_fails_within_its_probability_is_not_refuted():
    # P(|z| > 2) = 4.55 %: below 5 % and above 4 %.
    effort = dataclasses.replace(LITTLE, instances=20_480, draws=20_480)
    found = stress(two_deviations(), KEY, effort, drop=())
    assert not found.refuted
    assert found.failure.low < 0.0455 < found.failure.high
    at_worst = present(found.failure_at_worst)
    assert at_worst.low < 0.0455 < at_worst.high
    assert stress(two_deviations(failure=0.04), KEY, effort, drop=()).refuted


@pytest.mark.parametrize(("failure", "refuted"), [(0.05, False), (0.04, True)])
def test_a_survey_judges_the_failure_rate_of_random_instances(failure, refuted):
    effort = dataclasses.replace(LITTLE, instances=40_960, starts=0)
    found = survey(two_deviations(failure=failure), 0, effort, drop=())
    assert found.refuted is refuted
    assert found.failure.low < 0.0455 < found.failure.high
    assert (found.allowed, found.searches) == (failure, ())


def test_a_survey_counts_failures_without_a_hypothesis(tmp_path):
    found = survey(geometric_mean(), 0, LITTLE, folder=tmp_path)
    rate = found.rates["entries above zero"]
    assert (rate.n, rate.quantity) == (1_024, "failures without 'entries above zero'")
    worst = present(found.needed["entries above zero"])
    assert rate.value > 0.5
    assert worst.dropped == "entries above zero"
    assert len(list(tmp_path.iterdir())) == 2
    true = survey(cauchy_schwarz(), 0, LITTLE)
    # The ascent gets to where it holds with equality.
    assert 1 - 1e-3 < true.tightness <= 1 + 1e-9
    assert true.needed == {"u not short": None}


def test_what_holds_and_says_nothing_is_not_useful():
    base = geometric_mean()
    effort = dataclasses.replace(LITTLE, starts=0)
    known = dataclasses.replace(base, baseline=lambda x: jnp.mean(x))
    evidence = evidence_of(stress(known, KEY, effort, drop=()), 0.05)
    assert evidence.holds
    assert not evidence.useful
    assert evidence.named["useful"] in evidence.measurements
    assert evidence_of(stress(base, KEY, effort, drop=()), 0.05).useful
    assert evidence_of(stress(known, KEY, effort, drop=())).useful


def test_failures_are_counted_at_one_instance():
    statement = two_deviations()
    worst = present(by_ascent(statement, KEY, starts=2, steps=2, draws=2).worst)
    broken, count = failures(statement, worst, KEY, 4_000)
    assert count == 4_096
    # Four standard deviations of a binomial count.
    assert abs(broken - 0.0455 * count) < 4 * np.sqrt(0.0455 * count)


def test_contradicting_hypotheses_are_an_error():
    impossible = dataclasses.replace(
        cauchy_schwarz("impossible"), margins=lambda pair: (jnp.asarray(-1.0),)
    )
    with pytest.raises(StatementError, match="impossible: none of 64 instances"):
        at_random(impossible, KEY, 64)


def test_a_margin_that_is_nan_is_named():
    odd = dataclasses.replace(
        cauchy_schwarz("odd"), margins=lambda pair: (jnp.log(pair[0][0]),)
    )
    with pytest.raises(StatementError, match="odd: the margin of 'u not short' is NaN"):
        at_random(odd, KEY, 64)


def test_instances_outside_a_hypothesis_are_not_counted():
    found = at_random(cauchy_schwarz(), KEY, 1_024)
    # |u|^2 of three normal numbers is above 1/2 on 92 % of draws.
    assert 0.88 * 1_024 < found.feasible < 0.96 * 1_024


def test_a_file_of_another_statement_or_version_is_refused(tmp_path):
    statement = cauchy_schwarz()
    worst = present(at_random(statement, KEY, 64).worst)
    path = save(tmp_path / "a.npz", statement, worst)
    np.testing.assert_array_equal(load(path, statement).latent["u"], worst.latent["u"])
    later = dataclasses.replace(statement, version=2)
    with pytest.raises(StatementError, match=r"a\.npz is an instance of 'true', ver"):
        load(path, later)
    with pytest.raises(StatementError, match="asked for 'means'"):
        load(path, geometric_mean())
    wider = dataclasses.replace(statement, latent={"u": (4,), "v": (4,)})
    with pytest.raises(StatementError, match="shapes"):
        load(path, wider)
    (tmp_path / "b.npz").write_bytes(path.read_bytes()[:50])
    with pytest.raises(StatementError, match=r"b\.npz is not an instance"):
        load(tmp_path / "b.npz", statement)
    np.save(tmp_path / "c.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(StatementError, match="is not an instance"):
        load(tmp_path / "c.npy", statement)


@pytest.mark.parametrize(
    ("field", "value"), [("failure", 1.0), ("latent", {}), ("hypotheses", ("a", "b"))]
)
def test_a_bad_statement_is_refused_as_it_is_made(field, value):
    with pytest.raises(ValueError, match="true: "):
        dataclasses.replace(cauchy_schwarz(), **{field: value})


def test_bad_efforts_and_names_are_refused():
    with pytest.raises(ValueError, match="steps must be at least 1"):
        Effort(steps=0)
    with pytest.raises(ValueError, match="no hypothesis 'x'"):
        at_random(cauchy_schwarz(), KEY, 8, dropped="x")


def test_one_that_breaks_it_counts_before_any_ratio_that_the_tolerance_explains():
    effort = dataclasses.replace(LITTLE, examples=0)
    found = stress(rarely_false(), KEY, effort, drop=())
    assert found.searches[0].broken
    assert found.refuted
    assert found.worst.broken
    assert found.tightness == pytest.approx(1.5)
    assert evidence_of(found).holds is False


@pytest.mark.parametrize("sides", [(1.5, 1.0), (1.0, 0.0), (0.0, -1.0)])
def test_the_ascent_keeps_one_that_breaks_it_whatever_its_ratio(sides):
    search = by_ascent(rarely_false(sides, rare=0.0), KEY, starts=16, steps=5)
    assert 0 < search.broken < 16
    assert present(search.worst).broken


@pytest.mark.parametrize("attack", [stress, survey])
def test_what_only_the_search_finds_decides_and_is_said(attack):
    """No random instance is as far out; the ascent climbs there."""

    def conclude(x, key):
        del key
        return Check(jnp.exp(x), jnp.exp(6.0), jnp.asarray(1e-9), "<=")

    far = rarely_false(conclude=conclude)
    effort = dataclasses.replace(LITTLE, steps=150, examples=0)
    found = attack(far, KEY if attack is stress else 0, effort, drop=())
    said = evidence_of(found)
    assert (found.failure.count, found.refuted, said.holds) == (0, True, False)
    assert said.headline == (
        "0 of 1,024 random instances break it, and one that the search found does"
    )
    deciding = present(said.deciding)
    assert deciding.value > deciding.flips_at == 1


def test_an_equality_without_a_tolerance_uses_none_where_it_is_exact():
    exact = Check(jnp.ones(2), jnp.array([1.0, 2.0]), jnp.zeros(2), "==")
    assert ratio(exact).tolist() == exact.used.tolist() == [0, np.inf]
