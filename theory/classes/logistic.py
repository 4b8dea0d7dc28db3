"""Multinomial logistic regression with one slope for all tasks, and rows left out."""

from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from theory.arguments import check_array, check_integer, check_shape, refuse

# Newton steps at most; convergence is quadratic, and most fits take six.
STEPS = 100
# A step that is to lower the sum by this share of it is the last.
SMALL = 1e-9


class Logistic(NamedTuple):
    """A fit, and what leaving rows out of it needs.

    `slope` is `θ_c` and `level` the intercepts `a_ic` of each task and class, 0 for
    classes that the task has not. `probability` is that of each row and class,
    `inverse` the inverse Hessian by class and column of `rows`, which are
    `z_j = (x_j, indicator of the task)`. `converged`: the last step was small.
    """

    slope: Float[np.ndarray, "c d"]
    level: Float[np.ndarray, "k c"]
    probability: Float[np.ndarray, "n c"]
    rows: Float[np.ndarray, "n q"]
    inverse: Float[np.ndarray, "c q c q"]
    label: Int[np.ndarray, " n"]
    seen: Bool[np.ndarray, "n c"]
    converged: bool

    def log_probability(
        self, covariates: Float[np.ndarray, "m d"], task: int
    ) -> Float[np.ndarray, "m c"]:
        """Return those of the classes of new rows of a task, −inf for absent ones."""
        own = np.zeros(len(self.slope), bool)
        own[self.label[self.rows[:, self.slope.shape[1] + task] > 0]] = True
        logits = np.asarray(covariates) @ self.slope.T + self.level[task]
        logits = np.where(own, logits, -np.inf)
        return logits - _log_sum(logits)[:, None]


class _Problem(NamedTuple):
    rows: Float[np.ndarray, "n q"]
    hot: Float[np.ndarray, "n c"]
    seen: Bool[np.ndarray, "n c"]
    allowed: Bool[np.ndarray, "k c"]
    penalty: float


def logistic(
    covariates: ArrayLike,
    labels: ArrayLike,
    task: ArrayLike,
    penalty: float,
    *,
    classes: int,
    start: Logistic | None = None,
) -> Logistic:
    """Fit classes by Newton's method, with an intercept for each task and class.

    min −Σ_j log p(y_j | x_j) + λ/2 Σ_c ‖θ_c‖²,   p(c | x) ∝ exp(a_{i(j)c} + xᵀθ_c).

    A task has the classes that its rows have; the others have probability 0 in it.
    Slopes of a class sum to 0 over classes at the minimum, which is unique for `λ > 0`,
    and intercepts sum to 0 over the classes of a task by convention.

    Args:
        covariates: `X` (n x d), in columns of comparable scale.
        labels: Number of the class of each row, from 0 and below `classes` (n).
        task: Number of the task of each row, from 0 (n).
        penalty: Strength `λ > 0`.
        classes: Number of classes, two or more.
        start: A fit to these rows at another strength, to start from.

    Raises:
        ValueError: Shapes or ranges do not fit.

    Source: the usual model; intercepts by task and absent classes derived here.
    """
    x = np.asarray(check_array("covariates", covariates, "n d", double=True))
    number = check_integer("classes", classes, 2)
    y, own = np.asarray(labels), np.asarray(task)
    check_shape("labels", y, "n", n=len(x))
    check_shape("task", own, "n", n=len(x))
    refuse("labels", y, (y < 0) | (y >= number), f"classes from 0 to {number - 1}")
    refuse("penalty", penalty, not (0 < penalty < np.inf), "finite and > 0")
    k, d = int(own.max()) + 1, x.shape[1]
    allowed = np.zeros((k, number), bool)
    allowed[own, y] = True
    rows = np.hstack([x, np.eye(k)[own]])
    problem = _Problem(rows, np.eye(number)[y], allowed[own], allowed, float(penalty))
    beta = np.zeros((number, d + k))
    if start is not None:
        beta = np.hstack([start.slope, start.level.T])
    beta, hessian, converged = _newton(problem, beta)
    size = hessian.shape[0]
    inverse = scipy.linalg.cho_solve(hessian_factor(hessian), np.eye(size))
    return Logistic(
        beta[:, :d], beta[:, d:].T, _probability(problem, beta), rows,
        inverse.reshape(*beta.shape, *beta.shape), y, problem.seen, converged,
    )  # fmt: skip


def hessian_factor(hessian: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the Cholesky factor of a Hessian, which the penalty keeps definite."""
    return scipy.linalg.cho_factor(hessian, check_finite=False)


def _newton(problem: _Problem, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    value = _objective(problem, beta)
    for _ in range(STEPS):
        gradient, hessian = _gradient(problem, beta), _hessian(problem, beta)
        step = scipy.linalg.cho_solve(hessian_factor(hessian), gradient.ravel())
        step = step.reshape(beta.shape)
        decrease = float(np.sum(gradient * step))
        if decrease <= SMALL * (1 + value):
            # Convergence is quadratic: after this step the rest is rounding.
            return beta - step, _hessian(problem, beta - step), True
        size = 1.0
        while (new := _objective(problem, beta - size * step)) > value:
            size /= 2
        beta, value = beta - size * step, new
    return beta, _hessian(problem, beta), False


def _logits(problem: _Problem, beta: np.ndarray) -> np.ndarray:
    return np.where(problem.seen, problem.rows @ beta.T, -np.inf)


def _log_sum(logits: Float[np.ndarray, "n c"]) -> Float[np.ndarray, " n"]:
    """`log Σ_c exp`; scipy's is ten times slower on few rows."""
    top = np.max(logits, axis=1)
    return top + np.log(np.sum(np.exp(logits - top[:, None]), axis=1))


def _probability(problem: _Problem, beta: np.ndarray) -> np.ndarray:
    logits = _logits(problem, beta)
    return np.exp(logits - _log_sum(logits)[:, None])


def _objective(problem: _Problem, beta: np.ndarray) -> float:
    logits = _logits(problem, beta)
    whole = _log_sum(logits)
    own = np.sum(np.where(problem.hot > 0, logits, 0), axis=1)
    slope = beta[:, : -len(problem.allowed)]
    return float(np.sum(whole - own) + problem.penalty / 2 * np.sum(slope**2))


def _gradient(problem: _Problem, beta: np.ndarray) -> np.ndarray:
    missed = _probability(problem, beta) - problem.hot
    found = missed.T @ problem.rows
    shrunk = problem.penalty * beta
    shrunk[:, -len(problem.allowed) :] = 0
    return found + shrunk


def _hessian(problem: _Problem, beta: np.ndarray) -> np.ndarray:
    p, z = _probability(problem, beta), problem.rows
    number, size = beta.shape
    k = len(problem.allowed)
    found = np.empty((number, size, number, size))
    for one in range(number):
        for other in range(number):
            weight = p[:, one] * ((one == other) - p[:, other])
            found[one, :, other] = (z.T * weight) @ z
    at = np.arange(number)
    for column in range(size - k):
        found[at, column, at, column] += problem.penalty
    # Intercepts of a task may move together: fixed to sum to 0, as from the start.
    for task, own in enumerate(problem.allowed):
        column = size - k + task
        found[:, column, :, column] += np.where(own[:, None] & own, 1.0, 0.0)
        found[at, column, at, column] += ~own
    return found.reshape(number * size, -1)


def logistic_left_out(
    fit: Logistic, cluster: ArrayLike | None = None
) -> Float[np.ndarray, "n c"]:
    """Return each row's log-probabilities by the fit to all rows but its cluster.

    One Newton step from the optimum. Leaving out the cluster `C` takes
    `Z_CᵀW_CZ_C` from the Hessian `H` and leaves the gradient `Z_Cᵀ(y_C − p_C)`, with
    `W = diag(p) − ppᵀ`. With `A = Z_CH⁻¹Z_Cᵀ` over rows and classes the logits become

        η_C + A (I − W_CA)⁻¹ (p_C − y_C),

    exact for a quadratic loss, where it is the leverage formula, and to second order in
    the step here. A task keeps its classes, also those of which the cluster has all
    rows.

    Args:
        fit: The fit.
        cluster: Number of the cluster of each row (n); each row its own for None.

    Raises:
        ValueError: Not one cluster a row.

    Source: arXiv 1801.10243 (approximate leave-one-out); tasks derived here.
    """
    n = len(fit.rows)
    block = np.arange(n) if cluster is None else np.asarray(cluster)
    check_shape("cluster", block, "n", n=n)
    order = np.argsort(block, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(block[order])) + 1)
    sizes = np.array([len(rows) for rows in members])
    moved = np.empty_like(fit.probability)
    for size in np.unique(sizes):
        some = np.array([members[i] for i in np.flatnonzero(sizes == size)])
        moved[some] = _moved(fit, some)
    with np.errstate(divide="ignore"):
        logits = np.where(fit.seen, np.log(fit.probability) + moved, -np.inf)
    return logits - _log_sum(logits)[:, None]


def _moved(fit: Logistic, some: Int[np.ndarray, "b g"]) -> Float[np.ndarray, "b g c"]:
    """What leaving out clusters of equal size moves their logits by."""
    z, p = fit.rows[some], fit.probability[some]
    b, g, number = p.shape
    hot = np.eye(number)[fit.label[some]]
    half = np.einsum("bgq,cqer->bgcer", z, fit.inverse, optimize=True)
    spread = np.einsum("bgcer,bhr->bgche", half, z, optimize=True)
    spread = spread.reshape(b, g * number, g * number)
    weight = np.zeros((b, g, number, g, number))
    for row in range(g):
        own = p[:, row]
        weight[:, row, :, row] = own[:, :, None] * (np.eye(number) - own[:, None])
    weight = weight.reshape(spread.shape)
    inner = np.eye(g * number) - weight @ spread
    right = np.linalg.solve(inner, (p - hot).reshape(b, -1, 1))
    return (spread @ right).reshape(b, g, number)
