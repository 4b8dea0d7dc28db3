"""The weights that make pooling least risky, given the rows of all tasks."""

from collections.abc import Callable, Sequence
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix as optx
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_array, check_per_task, check_target
from theory.risk import weighted_pooling as pooling
from theory.risk.linear_bound import bound_given_parameters, bound_over_parameters
from theory.risk.minimise import stationary_point
from theory.risk.pooled import PooledRisk
from theory.task_checks import check_grams

STEPS = 500
SCREEN = 1024  # Points of which the best are starts.
STARTS = 16
# BFGS stops where u and the risk change less than this, relatively.
CLOSE = 1e-9
# Newton steps in u after it; two would do where no weight is zero.
POLISH = 4


Parts = tuple[Array, Array]  # bias and variance


class BestWeights(eqx.Module):
    """The best weights found, and how good they are.

    `weights` sum to 1. `risk.total` lies above `lower_bound`, which holds for every
    choice of weights, of matrices even. `stationarity` is the largest
    `α_i |∂_i total|/total`; at a local minimum it is rounding, some 1e-8.
    """

    weights: Float[Array, " k"]
    risk: PooledRisk
    lower_bound: Float[Array, ""]
    stationarity: Float[Array, ""]


def best_weights(
    grams: ArrayLike | Sequence[ArrayLike],
    noise_variance: ArrayLike | Sequence[float],
    shift_variance: ArrayLike | Sequence[float],
    *,
    target: int = -1,
    target_covariance: ArrayLike | None = None,
) -> BestWeights:
    """Weights `α ≥ 0` with the least `theory.risk.mean_weighted_risk`.

    The risk is smooth where `Σ_i α_iS_i` is regular, and not convex. If all `S_i` and
    `Σ_t` commute, then for two tasks and `D = (μ_1²+μ_2²)/p` it is a sum over
    eigenvectors, with eigenvalues `l` of `S_1` and `m` of `S_2`, of

        [a²(l²D + σ_1²l) + σ_2²m]/(m + al)²,   a = α_1/α_2,

    each of which falls until `a = σ_2²/(σ_1² + lD)` and rises after it: so all minima
    lie between the least and the largest of these, but there can be several. For
    `S_i = c_iS` the risk is a convex quadratic in the shares `w_i = α_ic_i/Σ_l α_lc_l`,
    with `w_i ∝ 1/v_i` among the sources, `v_i = σ_i² tr(Σ_tS⁻¹)/c_i + μ_i² tr(Σ_t)/p`.

    In general it is taken on 1024 points of the box that two tasks suggest,
    `1/(σ_i² + D_i‖S_i‖) ≤ α_i ≤ 1/σ_i²` and `α_t = 1/σ_t²`, widened by `e³` below and
    `e` above; the 16 best are starts of BFGS in `u`, `α_i ∝ u_i²`, and Newton
    ends what is best. So the result is a local minimum, as `stationarity` tells,
    whose distance to the least risk `lower_bound` limits. The problem is not
    convex: with condition numbers up to 1e6 single runs of BFGS often end well above
    the least. From 16 starts, no run of scipy found less in 90 comparisons; from 8,
    two of 80 problems were 2 % and 5 % above.

    jit-, vmap- and grad-compatible. The gradient of `weights` is by the implicit
    function theorem, and 0 for a weight that is 0; that of `risk.total` is taken at
    fixed weights, on which the least risk does not depend (envelope theorem).

    Args:
        grams: `S_i`, k x d x d.
        noise_variance: `σ_i² ≥ 0`, one number or one a task.
        shift_variance: `μ_i² ≥ 0`, one number or one a task.
        target: Index `t` of the target; the last, if not given.
        target_covariance: `Σ_t`, d x d; None: the identity.

    Raises:
        ValueError: Shapes do not fit, or a value that is known is out of range.

    Source: derived here.
    """
    gram, covariance = check_grams(grams, target_covariance)
    k = gram.shape[0]
    noise = check_per_task("noise_variance", noise_variance, k)
    shift = check_per_task("shift_variance", shift_variance, k)
    at = check_target(target, k)
    return _best(gram, noise, shift, covariance, at, mean=True)


def best_weights_given_parameters(
    grams: ArrayLike | Sequence[ArrayLike],
    parameters: ArrayLike | Sequence[ArrayLike],
    noise_variance: ArrayLike | Sequence[float],
    *,
    target: int = -1,
    target_covariance: ArrayLike | None = None,
) -> BestWeights:
    """Weights `α ≥ 0` with the least `theory.risk.weighted_risk`.

    As `best_weights`, with `‖b_i − b_t‖²` in place of `(μ_i² + μ_t²)/p`. Weights may
    end at 0 here, where sources lie on one side of the target.

    Args:
        grams: `S_i`, k x d x d.
        parameters: `b_i`, k x d.
        noise_variance: `σ_i² ≥ 0`, one number or one a task.
        target: Index `t` of the target; the last, if not given.
        target_covariance: `Σ_t`, d x d; None: the identity.

    Raises:
        ValueError: Shapes do not fit, or a value that is known is out of range.

    Source: derived here.
    """
    gram, covariance = check_grams(grams, target_covariance)
    k, d, _ = gram.shape
    theta = check_array("parameters", parameters, "k d", double=True, k=k, d=d)
    noise = check_per_task("noise_variance", noise_variance, k)
    at = check_target(target, k)
    return _best(gram, noise, theta, covariance, at, mean=False)


@partial(jax.jit, static_argnames=("at", "mean"))
def _best(
    gram: Array, noise: Array, effect: Array, covariance: Array, at: int, *, mean: bool
) -> BestWeights:
    """The best for the mean over parameters of variance `effect`, or for given ones."""
    if mean:
        bound = bound_over_parameters(gram, noise, effect, covariance, at)
        distance = (effect + effect[at]) / gram.shape[-1]
        parts = partial(_parts, pooling.parts_over_parameters, at)
    else:
        bound = bound_given_parameters(gram, effect, noise, covariance, at)
        distance = jnp.sum((effect - effect[at]) ** 2, axis=1)
        parts = partial(_parts, pooling.parts_given_parameters, at)
    alpha, slope = _search(parts, (gram, noise, effect, covariance), distance, at)
    found = lax.stop_gradient(alpha)
    rest = {"target": at, "target_covariance": covariance}
    if mean:
        risk = pooling.mean_weighted_risk(gram, noise, effect, found, **rest)
    else:
        risk = pooling.weighted_risk(gram, effect, noise, found, **rest)
    return _result(alpha, slope, risk, bound)


def _parts(
    of_inverse: Callable[..., Parts],
    at: int,
    alpha: Array,
    gram: Array,
    noise: Array,
    effect: Array,
    covariance: Array,
) -> Parts:
    inverse = _inverse(alpha, gram)
    return of_inverse(inverse, gram, effect, noise, alpha, covariance, at)


def _inverse(alpha: Array, gram: Array) -> Array:
    """`R`, without the test whether there is one: NaN or large where not."""
    pooled = jnp.einsum("k,kij->ij", alpha, gram)
    scale = 1 / jnp.sqrt(jnp.diag(pooled))
    return jnp.linalg.inv(pooled * scale[:, None] * scale) * scale[:, None] * scale


def _search(
    parts: Callable[..., Parts], arguments: tuple, distance: Array, at: int
) -> tuple[Array, Array]:
    """The best weights found, and the risk's slope there."""
    fixed = lax.stop_gradient(arguments)
    low, high = _range(fixed[0], fixed[1], lax.stop_gradient(distance), at)
    scale = jnp.sqrt(low * high)

    def total(alpha: Array) -> Array:
        bias, variance = parts(alpha, *fixed)
        return jnp.where(jnp.isfinite(bias + variance), bias + variance, jnp.inf)

    level = total(scale)
    level = jnp.where((level > 0) & jnp.isfinite(level), level, 1)

    def height(u: Array) -> Array:
        return _height(parts, u, (scale, level, *fixed))

    def descend(start: Array) -> tuple[Array, Array]:
        solver = optx.BFGS(rtol=CLOSE, atol=CLOSE)
        found = optx.minimise(
            lambda u, _: height(u), solver, start, max_steps=STEPS, throw=False
        )
        return found.value, height(found.value)

    us, heights = lax.map(descend, _starts(total, scale, low, high))
    u = us[jnp.nanargmin(jnp.where(jnp.isnan(heights), jnp.inf, heights))]
    u = lax.fori_loop(0, POLISH, lambda _, u: _polished(height, u), u)
    u = jnp.where(jnp.all(jnp.isfinite(u)), u, 1)
    moving = partial(_height, parts)
    u = stationary_point(moving, lax.stop_gradient(u), (scale, level, *arguments))
    alpha = scale * u**2
    return alpha, jax.grad(total)(lax.stop_gradient(alpha))


def _height(parts: Callable[..., Parts], u: Array, arguments: tuple) -> Array:
    """The risk over `level` at `α = scale u²`, finite or infinite, never NaN."""
    scale, level, *rest = arguments
    bias, variance = parts(scale * u**2, *rest)
    total = jnp.where(jnp.isfinite(bias + variance), bias + variance, jnp.inf)
    # The risk does not depend on the length of u; this keeps it near √k.
    return total / level + (jnp.mean(u**2) - 1) ** 2


def _range(gram: Array, noise: Array, distance: Array, at: int) -> tuple[Array, Array]:
    """Where `α_i` is looked for, if the target's is `1/σ_t²`."""
    size = jnp.linalg.eigvalsh(gram)[:, -1]
    apart = jnp.where(jnp.arange(len(noise)) == at, 0, distance)
    least = noise + apart * size
    tiny = jnp.finfo(least.dtype).eps
    low = 1 / jnp.where(least > 0, least, 1)
    return low, 1 / jnp.maximum(noise, tiny * jnp.where(least > 0, least, 1))


def _starts(
    total: Callable[[Array], Array], scale: Array, low: Array, high: Array
) -> Array:
    """The best of many points spread over the box of weights, in `u`."""
    k = len(scale)
    # Kronecker's sequence of the roots of primes is evenly spread.
    primes = jnp.asarray([n for n in range(2, 10 * k + 9) if _is_prime(n)][:k])
    places = (jnp.arange(1, SCREEN)[:, None] * jnp.sqrt(primes)) % 1.0
    low, high = jnp.log(low) - 3, jnp.log(high) + 1
    points = jnp.exp(low + (high - low) * places)
    points = jnp.concatenate([jnp.ones((1, k)), points])
    heights = lax.map(total, points, batch_size=64)
    heights = jnp.where(jnp.isnan(heights), jnp.inf, heights)
    best = points[lax.top_k(-heights, STARTS)[1]]
    u = jnp.sqrt(best / scale)
    return u / jnp.sqrt(jnp.mean(u**2, axis=1, keepdims=True))


def _is_prime(n: int) -> bool:
    return all(n % q for q in range(2, int(n**0.5) + 1))


def _polished(height: Callable[[Array], Array], u: Array) -> Array:
    """A Newton step, if it leads down."""
    slope, curvature = jax.grad(height)(u), jax.hessian(height)(u)
    moved = u - jnp.linalg.solve(curvature, slope)
    better = height(moved) <= height(u)
    return jnp.where(better & jnp.all(jnp.isfinite(moved)), moved, u)


def _result(alpha: Array, slope: Array, risk: PooledRisk, bound: Array) -> BestWeights:
    total = lax.stop_gradient(risk.total)
    share = alpha / jnp.sum(alpha)
    zero = share < 1e-12
    push = jnp.where(zero, jnp.maximum(-slope, 0), jnp.abs(alpha * slope))
    worst = jnp.max(jnp.where(zero, 0, push))
    return BestWeights(share, risk, bound, worst / jnp.where(total > 0, total, 1))
