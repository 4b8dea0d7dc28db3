"""The certificate under attack: no dual value is above any objective."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from tests.strategies import rows
from tests.theory.penalised.test_optimum import PENALTIES
from theory.penalised import BlockSparse, ClusteredPenalty, TraceNorm
from theory.penalised.descent import descend
from theory.penalised.duality import Judged, Problem, judge
from theory.penalised.penalty import RowSparse
from theory.penalised.screening import inactive_rows
from theory.tasks import TaskStatistics

K, D = 4, 3
WEIGHTS = np.array([0.5, 2.0, 1.0, 3.0])
CLOSED = [name for name in PENALTIES if "tensor" not in name]


def problem_of(seed: int, kind: str = "plain") -> Problem:
    sums = TaskStatistics.from_data(*rows(seed, K, D, kind))  # type: ignore[arg-type]
    return Problem.of(sums, jnp.asarray(WEIGHTS), common=False)


@pytest.mark.parametrize("name", list(PENALTIES))
def test_no_lower_bound_is_above_any_objective(name):
    """Points at random, near the optimum, scaled, and where labels are fitted."""
    penalty, problem = PENALTIES[name], problem_of(0)
    rng = np.random.default_rng(1)
    fitted = np.linalg.solve(problem.gram, problem.moment[..., None])[..., 0]
    near = fitted * 0.8
    points = [np.zeros((K, D)), fitted, near, *rng.normal(size=(40, K, D))]
    points += [
        fitted + size * rng.normal(size=(K, D)) for size in 10.0 ** -np.arange(9)
    ]
    points += [scale * fitted for scale in (-1, 0.1, 0.5, 0.9, 0.99, 1.1, 3, 100)]

    def one(W: jax.Array) -> Judged:
        return judge(problem, penalty, W, problem.seen(W))

    judged = jax.jit(jax.vmap(one))(jnp.asarray(np.stack(points)))
    least = float(jnp.min(judged.objective))
    if "tensor" not in name:
        found = descend(problem, penalty, jnp.asarray(near), jnp.asarray(1e-13))
        least = min(least, float(found.best.objective))
    scale = float(jnp.sum(problem.weights * problem.energy))
    assert float(jnp.max(judged.bound)) <= least + 1e-14 * scale
    assert (np.asarray(judged.scale) >= 0).all()


def _value(penalty: BlockSparse, W: mpmath.matrix) -> mpmath.mpf:
    """`λ Σ_j ‖W^j‖_2` and the ridge with 50 digits; W is k x d."""
    norms = (
        mpmath.sqrt(sum(W[i, j] ** 2 for i in range(W.rows))) for j in range(W.cols)
    )
    square = sum(W[i, j] ** 2 for i in range(W.rows) for j in range(W.cols))
    return (
        mpmath.mpf(float(penalty.strength)) * mpmath.fsum(norms)
        + mpmath.mpf(float(penalty.ridge)) * square / 2
    )


@pytest.mark.parametrize("kind", ["plain", "condition"])
def test_the_gap_is_that_of_the_rows_in_fifty_digits(kind):
    """`F` and the dual value of the rows `u_i = t√α_i(y_i − X_iw_i)`, `−t√ρw_i`."""
    covariates, labels = rows(2, K, D, kind)
    penalty = BlockSparse(2.0, 2, 0.3)
    problem = problem_of(2, kind)
    zero, close = jnp.zeros((K, D)), jnp.asarray(1e-13)
    best = descend(problem, penalty, zero, close).best
    here = judge(problem, penalty, best.parameters, problem.seen(best.parameters))
    with mpmath.workdps(50):
        t = mpmath.mpf(float(here.scale))
        W = mpmath.matrix(np.asarray(here.parameters).tolist())
        primal, dual = _value(penalty, W), mpmath.mpf(0)
        rho = mpmath.mpf(float(penalty.ridge))
        slope = mpmath.zeros(K, D)
        for i, (x, y) in enumerate(zip(covariates, labels, strict=True)):
            alpha, w = mpmath.mpf(WEIGHTS[i]), W[i, :].T
            X, Y = mpmath.matrix(x.tolist()), mpmath.matrix(y.tolist())
            left = Y - X * w
            square = (left.T * left)[0]
            primal += alpha * square / 2
            dual += t * alpha * (Y.T * left)[0] - t**2 * alpha * square / 2
            dual -= t**2 * rho * (w.T * w)[0] / 2
            slope[i, :] = (t * (alpha * (X.T * left) - rho * w)).T
        polars = [mpmath.norm(slope[:, j]) / float(penalty.strength) for j in range(D)]
        assert max(polars) <= 1 + mpmath.mpf("1e-14")
        scale = float(jnp.sum(problem.weights * problem.energy))
        rounding = 2 * float(here.rounding) + 1e-15 * scale
        assert abs(primal - float(here.objective)) <= rounding
        # Rounding is taken off the bound: (t + t²/2)r, some 1.5 r.
        taken = dual - float(here.bound)
        assert float(here.rounding) / 2 <= taken <= 3 * rounding
        assert primal >= dual


@pytest.mark.parametrize("name", CLOSED)
def test_only_the_right_strength_closes_the_gap(name):
    """A strength 3e-5 off in the bound leaves a gap that the tolerance sees."""
    penalty, problem = PENALTIES[name], problem_of(3)
    close = jnp.asarray(1e-13)
    best = descend(problem, penalty, jnp.zeros((K, D)), close).best
    scale = float(jnp.sum(problem.weights * problem.energy))
    assert float(best.objective - best.bound) <= 1e-13 * scale
    for factor in (1 - 3e-5, 1 + 3e-5, 0.5, 2.0):
        if isinstance(penalty, ClusteredPenalty):
            sizes = (penalty.mean, penalty.between, penalty.within)
            other = ClusteredPenalty(2, *(factor * size for size in sizes))
        else:
            strength = jax.tree.leaves(penalty)[0]
            other = penalty.at(factor * float(strength))
        seen = problem.seen(best.parameters)
        judged = judge(problem, other, best.parameters, seen)
        assert float(judged.objective - judged.bound) > 1e-12 * scale


@pytest.mark.parametrize("name", ["l1", "l1/l2", "l1/linf", "dirty", "l1/l2, ridge"])
def test_rows_that_are_screened_are_zero(name):
    """At every point on the way, for strengths at which rows vanish."""
    problem = problem_of(4)
    base = PENALTIES[name]
    assert isinstance(base, RowSparse)
    largest = float(base.least_zero(problem.weights[:, None] * problem.moment))
    screened = 0
    for share in (0.9, 0.6, 0.3):
        penalty = base.at(share * largest)
        zero = jnp.zeros((K, D))
        assert isinstance(penalty, RowSparse)
        best = descend(problem, penalty, zero, jnp.asarray(1e-13)).best
        used = np.abs(np.asarray(best.parameters)).max(axis=0) > 1e-9
        for part in (0.0, 0.5, 0.9, 0.999, 1.0):
            W = part * best.parameters
            seen = problem.seen(W)
            judged = judge(problem, penalty, W, seen)
            slope = problem.slope(W, seen, penalty.ridge)
            out = inactive_rows(problem, penalty, judged, slope, judged.objective)
            assert not (np.asarray(out) & used).any()
            screened += int(out.sum())
    assert screened > 0


def test_labels_that_are_fitted_are_not_certified_below_rounding():
    """`sq` cancels: the bracket stays, and the description says why."""
    rng = np.random.default_rng(5)
    covariates = [rng.normal(size=(20, D)) for _ in range(K)]
    labels = [x @ rng.normal(size=D) for x in covariates]
    from theory.penalised import penalised_optimum

    sums = TaskStatistics.from_data(covariates, labels)
    found = penalised_optimum(sums, TraceNorm(1e-9), tolerance=1e-15)
    assert float(found.lower_bound) <= float(found.objective)
    assert float(found.tolerance) == pytest.approx(2 * float(found.rounding))
    assert "rounding of the statistics" in found.describe()
