"""What W-P3 measures: angles between spans, and which of them can be judged."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings

from paper_checks.claims.proposition_3 import CLAIM
from paper_checks.settings import Settings
from paper_checks.studies import spans
from tests.strategies import SEED
from theory.weighting import proposition_3_span

DRAW = jax.jit(spans.on_one_x)


def drawn(seed: int, count: int = 1) -> spans.Problems:
    return DRAW(jax.random.split(jax.random.key(seed), count))


@given(seed=SEED)
@settings(max_examples=10)
def test_holds_for_tasks_of_one_matrix_and_any_weights(seed):
    weights = 10 ** np.random.default_rng(seed).uniform(-1, 1, (1, spans.TASKS))
    problems = drawn(seed)._replace(weights=jnp.asarray(weights))
    assert spans.closed_form(problems, KEYS).holds.all()


KEYS = jax.random.split(jax.random.key(1), 8)


def test_breaks_for_other_weights_than_those_of_the_optimum(monkeypatch):
    right = spans.proposition_3_span
    monkeypatch.setattr(
        spans, "proposition_3_span", lambda gram, moment, rank, _: right(gram, moment,
                                                                        rank)
    )  # fmt: skip
    problems = drawn(0)._replace(weights=jnp.array([[1.0, 1.0, 9.0]]))
    assert not spans.closed_form(problems, KEYS).holds.any()


def real(monkeypatch, angle, gap, condition: float = 1e3):
    values = {"angle": ("width", angle), "gap": ("width", gap)}
    data = xr.Dataset(
        values | {"condition": condition}, attrs={"dimension": spans.DIMENSION}
    )
    studied = {"set": {"span": data}, "other": {"optima": data}}
    monkeypatch.setattr(spans, "studies", lambda *_: studied)
    found = spans.real(Settings())
    assert list(found) == ["set"]
    return found["set"]


def test_real_angles_are_held_to_their_gap_and_condition(monkeypatch):
    angle, gap = [1e-14, 1e-6, np.nan], [0.1, 0.1, 0.1]
    assert real(monkeypatch, angle, gap).holds.tolist() == [True, False, False]
    assert real(monkeypatch, angle, gap, 1e9).holds.tolist() == [True, True, False]
    # So ill-conditioned that nothing can be said.
    assert real(monkeypatch, angle, gap, 1e14).judged(CLAIM.judged).count == 0


def test_what_is_judged_can_fail(monkeypatch):
    """The largest angle of all, π/2, breaks whatever is judged."""
    gap = 10.0 ** np.linspace(-20, 0, 41)
    found = real(monkeypatch, np.full(41, np.pi / 2), gap).judged(CLAIM.judged)
    assert found.broken == found.count == np.sum(gap > 1.3e-11)


def test_a_tie_leaves_the_span_open_and_is_not_judged():
    tied = spans.tied_problem(jax.random.key(0))
    span = proposition_3_span(tied.gram[0], tied.moment, spans.WIDTH)
    assert span.gap < 1e-12
    one = jax.tree.map(lambda leaf: leaf[None], tied)
    problems = spans.Problems(one, jnp.ones((1, spans.TASKS)))
    assert spans.closed_form(problems, KEYS).judged(CLAIM.judged).count == 0


@pytest.mark.long
def test_trained_spans_are_predicted_only_for_one_matrix_without_ties():
    assert spans.trained(drawn(1, 8), KEYS).holds.all()
    assert not spans.on_own_x(KEYS).holds.any()
    assert not spans.on_ties(KEYS).holds.any()
