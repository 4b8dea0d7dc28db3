"""What the judge does with a claim: on toy statements whose truth is known."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from paper_checks.judge import (
    Check,
    CheckError,
    Claim,
    Control,
    Draws,
    Formula,
    Route,
    Settings,
    Sides,
    Stated,
    Verdict,
)

SEEN = Control.once("a factor", True)
FORMULA = Formula(
    latent={"x": (2,)},
    build=lambda z: z["x"],
    without={"x on the diagonal": lambda p, z: p * jnp.array([1.0, 3.0])},
    margins=lambda p: (1e-12 - jnp.abs(p[0] - p[1]),),
    sides=lambda p, says, key: Sides(2 * p[0] * p[1], says(p), 1e-12),
    says=lambda p: jnp.sum(p**2),
)
WORDS: dict[str, Any] = {
    "title": "Squares",
    "source": "here",
    "statement": "2ab <= a^2 + b^2",
}


def on_diagonal(z):
    return jnp.broadcast_to(z["x"][0], 2)


EQUAL = dataclasses.replace(FORMULA, build=on_diagonal, relation="==")


def drawn(keys):
    return jax.vmap(lambda key: jax.random.normal(key, (2,)))(keys)


def squares(scale):
    def check(x, keys):
        return Check(2 * x[:, 0] * x[:, 1], scale * jnp.sum(x**2, axis=1),
                     jnp.zeros(len(x)), "<=")  # fmt: skip

    return check


def draws(scale=1.0, without=2 / 3, **options):
    return Draws(
        draw=drawn,
        count=(50, 50),
        routes=(Route(squares(scale), "largest difference", "difference", **options),),
        without={"the factor": lambda keys: squares(-without)(drawn(keys), keys)},
    )


@pytest.fixture
def settings(tmp_path):
    return Settings(results=tmp_path)


def test_a_true_claim_holds_with_a_counterexample_without_its_hypothesis(settings):
    claim = Claim(id="T", **WORDS, formula=EQUAL, draws=draws())
    found = claim.find(settings)
    assert found.verdict is Verdict.HOLDS
    assert found.attack is not None
    assert found.attack.needed == ("x on the diagonal",)
    assert [one.dropped for one in found.controls] == [
        "the factor",
        "x on the diagonal (under attack)",
    ]
    assert (settings.results / "worst_instances" / "T.npz").is_file()
    assert found.headline.startswith("It holds on 50 of 50 draws; 0 of ")
    assert found.deciding is not None
    assert found.deciding.flips_at == 1 / 50


def test_a_mutant_is_refuted_and_so_is_a_claim_that_says_it(settings):
    half = lambda p: jnp.sum(p**2) / 2  # noqa: E731
    claim = Claim(id="T", **WORDS, formula=dataclasses.replace(EQUAL, says=half))
    assert claim.find(settings).verdict is Verdict.FAILS
    assert "mutant" in Claim(id="T", **WORDS, formula=EQUAL).mutant(half).name


def test_one_broken_route_on_draws_is_enough_to_fail(settings):
    claim = Claim(id="T", **WORDS, draws=draws(scale=0.1))
    found = claim.find(settings)
    assert found.verdict is Verdict.FAILS
    assert found.measurements[0].count > 0


def test_a_route_that_is_only_reported_decides_nothing(settings):
    route = Route(squares(0.1), "largest difference", reported=True)
    other = Route(squares(1.0), "largest difference of the other")
    both = dataclasses.replace(draws(), routes=(route, other))
    claim = Claim(id="T", **WORDS, draws=both)
    found = claim.find(settings)
    assert found.verdict is Verdict.HOLDS
    assert [m.quantity for m in found.measurements[1:]] == [
        "largest difference",
        "largest difference of the other",
    ]


def test_a_check_that_notices_nothing_is_an_error_and_no_verdict(settings):
    blind = Claim(id="T", **WORDS, draws=draws(without=-1.0))
    with pytest.raises(CheckError, match="no power: with 'the factor' it noticed 0"):
        blind.find(settings)


def test_draws_whose_tolerance_is_coarse_are_left_out_and_counted(settings):
    def coarse(x, keys):
        check = squares(1.0)(x, keys)
        room = jnp.where(x[:, 0] > 0, 2.0, 0.0)
        return Check(check.lhs, check.rhs, room, "<=")

    one = dataclasses.replace(draws(), routes=(Route(coarse, "difference"),))
    found = Claim(id="T", **WORDS, draws=one, judged=1.0).find(settings)
    rate, left_out = found.measurements[:2]
    assert rate.n + left_out.count == left_out.n == 50
    assert 0 < left_out.count < 50
    (caveat,) = found.caveats
    assert f"{left_out.count} of 50 draws are not judged" in caveat
    assert "above 1" in caveat
    with pytest.raises(CheckError, match="none of 50 draws can be judged"):
        Claim(id="T", **WORDS, draws=one, judged=-1.0).find(settings)


def test_real_sets_count_and_one_that_breaks_is_enough(settings):
    def real(_, worst):
        lhs = jnp.array([0.0, worst])
        return {"set": Check(lhs, jnp.zeros(2), jnp.full(2, 0.1), "==")}

    for worst, verdict in ((0.05, Verdict.HOLDS), (0.2, Verdict.FAILS)):
        claim = Claim(
            id="T",
            **WORDS,
            draws=draws(),
            real=lambda s, worst=worst: real(s, worst),
            real_quantity="angle",
        )
        found = claim.find(settings)
        assert found.verdict is verdict
        assert found.measurements[-1].quantity == "set: angle"
        assert found.data == "simulated; set"


def test_a_claim_without_a_control_or_without_anything_is_no_verdict(settings):
    for claim, message in (
        (Claim(id="T", **WORDS), "nothing is measured"),
        (Claim(id="T", **WORDS, draws=dataclasses.replace(draws(), without={})),
         "the check has no control"),
        (Claim(id="T", **WORDS, formula=dataclasses.replace(EQUAL, drop=())),
         "the check has no control"),
    ):  # fmt: skip
        with pytest.raises(CheckError, match=message):
            claim.find(settings)


def test_it_is_open_if_most_draws_cannot_be_judged(settings):
    """One of forty draws that holds says nothing of the thirty-nine left out."""

    def coarse(kept, lhs):
        def check(x, keys):
            room = jnp.where(jnp.arange(len(keys)) < kept, 0.0, 2.0)
            return Check(jnp.full(len(keys), lhs), jnp.zeros(len(keys)), room, "==")

        return dataclasses.replace(draws(), routes=(Route(check, "difference"),))

    for kept, lhs, verdict in (
        (24, 0.0, Verdict.UNDECIDED),
        (25, 0.0, Verdict.HOLDS),
        (1, 0.1, Verdict.FAILS),
    ):
        claim = Claim(id="T", **WORDS, draws=coarse(kept, lhs), judged=1.0)
        assert claim.find(settings).verdict is verdict


def test_a_nan_breaks_a_draw_and_is_said_but_no_control_notices_by_it(settings):
    def nan(x, keys):
        zero = jnp.zeros(len(keys))
        return Check(zero * jnp.nan, zero, zero, "==")

    routes = dataclasses.replace(draws(), routes=(Route(nan, "difference"),))
    found = Claim(id="T", **WORDS, draws=routes).find(settings)
    assert found.verdict is Verdict.FAILS
    assert found.caveats == ("50 of 50 draws are NaN, which breaks the claim.",)
    blind = dataclasses.replace(draws(), without={"size": lambda keys: nan(None, keys)})
    with pytest.raises(CheckError, match="with 'size' it noticed 0 of 50"):
        Claim(id="T", **WORDS, draws=blind).find(settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"without": {"d": lambda p, z: (p, p)}}, r"without: 'd' gives .*\[1\]"),
        ({"without": {"d": lambda p, z: p.astype("float32")}}, "'d' gives .*float32"),
        ({"without": {"d": lambda p, z: jnp.arange(3.0)}}, r"'d' gives .*\(3,\)"),
        ({"without": {}, "margins": lambda p: ()}, "0 hypotheses are named"),
        ({"margins": lambda p: p[0]}, "margins must return a tuple"),
        ({"margins": lambda p: (p,)}, r"the margin of 'x on .*' must be one number"),
        ({"margins": lambda p: (1.0,)}, r"none of 1024 instances violates 'x on the"),
        ({"sides": lambda p, says, k: Sides(p, p, p)}, "each side must be one number"),
        ({"sides": lambda p, says, k: Sides(p[0], p[0], jnp.nan)}, "tolerance is NaN"),
    ],
)
def test_a_formula_that_would_be_misread_is_refused(settings, changes, message):
    claim = Claim(id="T", **WORDS, formula=dataclasses.replace(EQUAL, **changes))
    with pytest.raises((ValueError, CheckError), match=message):
        claim.find(settings)


def test_routes_have_a_number_for_each_draw_and_one_decides(settings):
    short = Route(lambda x, keys: squares(1.0)(x[:9], keys), "difference")
    one = dataclasses.replace(draws(), routes=(short,))
    with pytest.raises(CheckError, match=r"'difference' must have a number .* \(9,\)"):
        Claim(id="T", **WORDS, draws=one).find(settings)
    with pytest.raises(ValueError, match="none of 1 decides"):
        draws(reported=True)


def test_no_real_set_is_no_evidence(settings):
    claim = Claim(id="T", **WORDS, draws=draws(), real=lambda _: {})
    assert claim.find(settings).data == "simulated"


def test_what_is_gathered_must_be_evidence(settings):
    class Own(Stated):
        def gather(self, settings) -> Any:
            return settings.seed

    with pytest.raises(CheckError, match="it must give Evidence, got 0"):
        Own(id="T", **WORDS).find(settings)


@pytest.mark.parametrize(
    ("baseline", "share"),
    [(None, 0.5), (lambda _: jnp.ones(()), 0.0), (lambda _: jnp.ones(()), 1.5)],
)
def test_a_baseline_and_the_share_that_it_asks_for_go_together(baseline, share):
    with pytest.raises(ValueError, match=rf"useful_share must be .* got {share} and"):
        dataclasses.replace(FORMULA, baseline=baseline, useful_share=share)
