"""What every claim of the registry keeps to: words, record, verdict, mutants.

A new claim is covered as soon as its file is there. A claim with a formula gets mutants
here, which the attack must refute.
"""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks import ledger
from paper_checks.claims import first_order, proposition_3
from paper_checks.judge import Claim, Control, Verdict, registry
from paper_checks.judge.instance_file import reproduce
from paper_checks.judge.search import at_random
from paper_checks.judge.statement import NONE
from paper_checks.judge.stress import Effort, stress
from paper_checks.settings import Settings
from tests.paper_checks.claims import (
    test_equation_4,
    test_equation_5,
    test_local_minima,
    test_noisy_copy,
)

KEY = jax.random.key(3)
LITTLE = Effort(
    instances=4_096, starts=8, steps=15, examples=20, instances_dropped=1_024
)
KNOWN = registry.registered()
CLAIMS = {name: one for name, one in KNOWN.items() if isinstance(one, Claim)}
RECORD = {name: kept["findings"] for name, kept in ledger.recorded().items()}
FILES = [tuple(names) for names in registry.by_file(list(KNOWN))]


@pytest.mark.parametrize("name", KNOWN)
def test_words_are_those_of_a_reader(name):
    claim = KNOWN[name]
    assert 10 < len(claim.title) <= 70, claim.title
    assert claim.title[0].isupper()
    assert not claim.title.endswith(".")
    assert not re.search(r"W-\w|_\w+\(|`", claim.title), "a code name in the title"
    assert claim.statement.endswith(".")
    assert claim.source
    assert {*claim.repairs, *claim.explains, *claim.uses} <= set(KNOWN) - {name}


@pytest.mark.parametrize("record", RECORD)
def test_every_claim_is_on_record_with_its_own_words(record):
    kept = RECORD[record]
    assert set(kept) <= set(KNOWN)
    assert set(kept) == set(KNOWN) or record != ledger.BUNDLED
    for name, found in kept.items():
        claim = KNOWN[name]
        assert (found["title"], found["source"]) == (claim.title, claim.source)
        assert found["statement"] == claim.statement
        assert len(found["headline"]) <= 110, found["headline"]
        number = re.search(r"\d", found["headline"])
        assert number or found["verdict"] == Verdict.NEEDS_DATA, found["headline"]
        assert found["verdict"] in set(Verdict)
        for sentence in (*found["details"], *found["caveats"]):
            assert sentence.endswith((".", "`")), f"{name}: {sentence}"


@pytest.mark.parametrize("record", RECORD)
def test_every_control_on_record_noticed(record):
    """A verdict for or against has a control, and each of them has power."""
    for name, found in RECORD[record].items():
        if found["verdict"] not in {Verdict.NEEDS_DATA, Verdict.UNDECIDED}:
            assert found["controls"], name
        for control in found["controls"]:
            assert Control(**control).convincing, (name, control)


@pytest.mark.long
@pytest.mark.parametrize("names", FILES, ids=lambda names: names[0])
def test_verdicts_are_those_on_record(names, tmp_path):
    """As `make verify` measures them; each control noticed, or `find` raises."""
    settings = Settings(results=tmp_path)
    for name in names:
        found = KNOWN[name].find(settings)
        kept = RECORD["bundled data"][name]
        assert found.verdict == kept["verdict"], found.headline
        assert [m.quantity for m in found.measurements] == [
            m["quantity"] for m in kept["measurements"]
        ]


def swapped_solutions(given):
    return jnp.sum(given.energy) - jnp.sum(given.moment * given.solutions[::-1])


def first_task_alone(given):
    return jnp.sum(given.energy) - given.moment[0] @ given.solutions[0]


def no_inverse(given):
    _, vector = jnp.linalg.eigh(given.energies)
    return given.right[0] @ (given.size[0][:, None] * vector[:, -2:])


def bottom_eigenvectors(given):
    _, vector = jnp.linalg.eigh(given.energies)
    return given.right[0] @ (vector[:, :2] / given.size[0][:, None])


def without_weights(given):
    return proposition_3.span(given._replace(weights=jnp.ones(3)))


def half_of_what_is_explained(given):
    return (given.energy + given.bound()) / 2


def half_of_first_order(given):
    return first_order.gains(given)[1] / 2


MUTANTS = {
    ("F-Z2", "half of first order"): half_of_first_order,
    ("M-SK", "half of what is explained"): half_of_what_is_explained,
    ("W-P1", "swapped solutions"): swapped_solutions,
    ("W-P1", "first task alone"): first_task_alone,
    ("W-P3", "no inverse"): no_inverse,
    ("W-P3", "bottom eigenvectors"): bottom_eigenvectors,
    ("W-P3", "without weights"): without_weights,
    **test_equation_4.MUTANTS,
    **test_equation_5.MUTANTS,
    **test_local_minima.MUTANTS,
    **test_noisy_copy.MUTANTS,
}
ATTACKED = sorted({claim for claim, _ in MUTANTS})


@pytest.mark.long
@pytest.mark.parametrize(("claim", "name"), MUTANTS)
def test_a_mutant_is_refuted_by_an_instance_that_reloads(claim, name, tmp_path):
    mutant = CLAIMS[claim].mutant(MUTANTS[claim, name], name)
    found = stress(mutant, KEY, LITTLE, folder=tmp_path, drop=())
    assert found.refuted
    assert found.path is not None
    again = reproduce(found.path, mutant)
    assert again.same
    assert bool(again.outcome.broken)
    assert bool(again.outcome.feasible)


@pytest.mark.long
@pytest.mark.parametrize("claim", ATTACKED)
def test_a_million_instances_do_not_refute_it(claim):
    found = at_random(CLAIMS[claim].attacked, KEY, 1_000_000)
    assert found.feasible > 800_000
    assert found.broken == 0


@pytest.mark.long
@pytest.mark.parametrize("claim", ATTACKED)
def test_every_hypothesis_is_needed(claim):
    found = stress(CLAIMS[claim].attacked, jax.random.key(11), LITTLE)
    assert not found.refuted
    assert all(worst is not None for worst in found.needed.values()), found.needed


@pytest.mark.long
@pytest.mark.parametrize("claim", ATTACKED)
def test_zeros_are_no_nan(claim):
    """The simplest latent of all, which hypothesis shrinks to."""
    statement = CLAIMS[claim].attacked
    zeros = {name: jnp.zeros(shape) for name, shape in statement.latent.items()}
    given = statement.build(zeros, jnp.asarray(NONE))
    check = statement.conclude(given, KEY)
    sides = [check.lhs, check.rhs, *statement.margins(given)]
    assert not np.isnan(np.asarray(sides, float)).any()
