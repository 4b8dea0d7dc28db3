"""Draws of linear tasks: as exact statistics, whatever `m` is, or as rows."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Key, PRNGKeyArray

from theory.arguments import is_traced
from theory.tasks import Tasks, TaskStatistics

RowName = Literal["gaussian", "uniform", "sign", "sphere"]
# (key, (number of rows, d)) to rows of mean zero and covariance I.
RowLaw = Callable[[PRNGKeyArray, tuple[int, ...]], Array]
_Test = Callable[[np.ndarray], np.ndarray]
# Candidates for every entry in one pass: with two, one in 400 or fewer needs another.
CANDIDATES = 2


def sample_statistics(
    key: PRNGKeyArray,
    covariance_root: ArrayLike,
    parameter: ArrayLike,
    noise: ArrayLike,
    samples: ArrayLike,
) -> TaskStatistics:
    """Draw `(G, g, e)` of Gaussian tasks without their rows.

    For rows `N(0, SSᵀ)` and `y = Xθ + σε`, exactly in law and in `O(d³)` for any `m`
    (Bartlett): with `L` lower triangular, `L_jj² ~ χ²(m − j)`, `L_jl ~ N(0, 1)` below
    the diagonal, columns `j ≥ m` zero, and `z ~ N(0, I)` on the first `min(m, d)`
    coordinates,

        T = SL,   G = TTᵀ,   g = T(Tᵀθ + σz),
        e = ‖Tᵀθ + σz‖² + σ² χ²(max(m − d, 0)).

    Every argument may be traced and vmapped. A key that is not vmapped over gives one
    set of normals for all `m`, `S`, `θ` and `σ`: common random numbers, and the
    cheapest way to fill a grid.

    Args:
        key: Split into one key a task if there is a task axis.
        covariance_root: Any `S` with `Σ = SSᵀ` (d x d), or one a task (k x d x d).
        parameter: `θ` (d) for one task without a task axis, or `θ_i` (k x d).
        noise: `σ ≥ 0`, or one a task.
        samples: `m ≥ 1`, a whole number; or one a task. `m < d` gives rank `m`.

    Raises:
        ValueError: Shapes do not fit; or a value that is known is out of range.

    Source: docs/mathematics.md, "Exact draw without rows"; Bartlett 1933.
    """
    root, theta, sigma, count = check_draw(covariance_root, parameter, noise, samples)
    if theta.ndim == 1:
        return _statistics(key, root, theta, sigma, count)
    keys = jax.random.split(key, theta.shape[0])
    axes = (0, 0 if root.ndim == 3 else None, 0, 0, 0)
    return jax.vmap(_statistics, axes)(keys, root, theta, sigma, count)


def sample_tasks(
    key: PRNGKeyArray,
    covariance_root: ArrayLike,
    parameter: ArrayLike,
    noise: ArrayLike,
    samples: int | Sequence[int],
    rows: RowName | RowLaw = "gaussian",
) -> Tasks:
    """Draw tasks row by row, `X_i = U_iS_iᵀ` and `y_i = X_iθ_i + σ_iε_i`.

    The rows of `U_i` are independent, of mean zero and covariance `I`; `ε_i` is
    Gaussian for every law of the rows.

    Args:
        key: Key of the whole draw.
        covariance_root: `S` (d x d), or one a task (k x d x d).
        parameter: `θ_i` (k x d); one `θ` (d) gives one task.
        noise: `σ ≥ 0`, or one a task.
        samples: `m ≥ 1`, or one a task: static, as it is a shape.
        rows: Law of the rows of `U`. `gaussian`: `N(0, I)`. `uniform`: coordinates
            uniform on `[−√3, √3]`. `sign`: coordinates `±1`. `sphere`: uniform on
            the sphere of radius `√d`. `row_bound` gives their largest norms. Or a
            function of a key and a shape (..., d).

    Raises:
        ValueError: Shapes do not fit, a value is out of range, or an unknown law.

    Source: W §2.1; bounded rows as Theorem 2 (W-T2) asks for.
    """
    law = _law(rows) if isinstance(rows, str) else rows
    theta = jnp.atleast_2d(jnp.asarray(parameter))
    root, theta, sigma, _ = check_draw(
        covariance_root, theta, noise, np.asarray(samples)
    )
    count = np.broadcast_to(np.asarray(samples, int), len(theta))
    mask = np.arange(count.max()) < count[:, None]
    row_key, noise_key = jax.random.split(key)
    drawn = law(row_key, (*mask.shape, theta.shape[1]))
    x = jnp.where(mask[:, :, None], drawn @ jnp.swapaxes(root, -1, -2), 0)
    epsilon = jax.random.normal(noise_key, mask.shape, x.dtype)
    y = jnp.einsum("kmd,kd->km", x, theta) + sigma[:, None] * epsilon
    return Tasks(x, jnp.where(mask, y, 0), jnp.asarray(mask))


def row_bound(rows: RowName, dimension: int) -> float:
    """Largest norm of a row of `U`; infinite for Gaussian rows.

    `√(3d)` for uniform coordinates, `√d` for signs and for the sphere. A row of
    `X = USᵀ` is at most `‖S‖` times as long.
    """
    _law(rows)
    size = {"gaussian": np.inf, "uniform": 3.0, "sign": 1.0, "sphere": 1.0}[rows]
    return float(np.sqrt(size * dimension))


def _statistics(
    key: PRNGKeyArray,
    root: Float[Array, "d d"],
    theta: Float[Array, " d"],
    sigma: Float[Array, ""],
    samples: Float[Array, ""],
) -> TaskStatistics:
    d, dtype = len(theta), theta.dtype
    normal_key, chi_key = jax.random.split(key)
    kept = jnp.arange(d) < samples
    # Degrees of freedom of L's squared diagonal, and of what no row of L sees.
    squares = sample_chi_square(chi_key, samples - jnp.arange(d + 1, dtype=dtype))
    z, below = jnp.split(jax.random.normal(normal_key, (d * (d + 1) // 2,), dtype), [d])
    factor = _strictly_lower(below, d) + jnp.diag(jnp.sqrt(squares[:d]))
    half = root @ jnp.where(kept, factor, 0)
    seen = theta @ half + sigma * jnp.where(kept, z, 0)
    return TaskStatistics(
        gram=half @ half.T,
        moment=half @ seen,
        energy=jnp.sum(seen**2) + sigma**2 * squares[d],
        samples=samples,
    )


def _strictly_lower(values: Float[Array, " n"], d: int) -> Float[Array, "d d"]:
    """Place `d(d−1)/2` values below the diagonal; only these are drawn."""
    row, column = np.tril_indices(d, -1)
    place = np.zeros((d, d), int)
    place[row, column] = np.arange(1, len(row) + 1)
    # A gather from (0, values) is some times faster on a CPU than a scatter.
    return jnp.concatenate([jnp.zeros(1, values.dtype), values])[place]


def _law(name: str) -> RowLaw:
    laws: dict[str, RowLaw] = {
        "gaussian": jax.random.normal,
        "uniform": lambda key, shape: jax.random.uniform(
            key, shape, minval=-np.sqrt(3), maxval=np.sqrt(3)
        ),
        "sign": lambda key, shape: jax.random.rademacher(key, shape, dtype=float),
        "sphere": _sphere,
    }
    if name not in laws:
        raise ValueError(f"rows must be one of {get_args(RowName)}, got {name!r}")
    return laws[name]


def _sphere(key: PRNGKeyArray, shape: tuple[int, ...]) -> Array:
    normal = jax.random.normal(key, shape)
    length = jnp.linalg.norm(normal, axis=-1, keepdims=True)
    return np.sqrt(shape[-1]) * normal / length


class Draw(NamedTuple):
    """Arguments of a draw as floats; `noise` and `samples` with one entry a task."""

    root: Float[Array, "*r d d"]
    parameter: Float[Array, "*k d"]
    noise: Float[Array, "*k"]
    samples: Float[Array, "*k"]


def check_draw(
    covariance_root: ArrayLike,
    parameter: ArrayLike,
    noise: ArrayLike,
    samples: ArrayLike,
) -> Draw:
    """Convert and check; values that jax is tracing are taken as they are.

    Raises:
        ValueError: Shapes that do not fit; a parameter or root that is not finite;
            noise that is negative or not finite; samples that are below 1 or not
            whole. The message names the field, the task and the value.
    """
    dtype = jnp.zeros(0).dtype
    theta = jnp.asarray(parameter, dtype)
    root = jnp.asarray(covariance_root, dtype)
    if theta.ndim not in (1, 2) or not theta.size:
        raise ValueError(f"parameter must be d or k x d, got shape {theta.shape}")
    square = (theta.shape[-1],) * 2
    if root.shape not in (square, theta.shape[:-1] + square):
        raise ValueError(
            f"covariance_root has shape {root.shape}; parameter of shape {theta.shape}"
            f" needs {square}" + (" or one such a task" if theta.ndim == 2 else "")
        )
    _check_values("covariance_root", root, np.isfinite, "finite")
    _check_values("parameter", theta, np.isfinite, "finite")
    sigma = _one_a_task("noise", jnp.asarray(noise, dtype), theta.shape[:-1])
    count = _one_a_task("samples", jnp.asarray(samples, dtype), theta.shape[:-1])
    _check_values("noise", sigma, _is_noise, "finite and >= 0")
    _check_values("samples", count, _is_count, "a whole number >= 1")
    return Draw(root, theta, sigma, count)


def _one_a_task(field: str, value: Array, shape: tuple[int, ...]) -> Array:
    if value.shape not in ((), shape):
        wanted = f"a number or one a task, {shape}" if shape else "a number"
        raise ValueError(f"{field} must be {wanted}, got shape {value.shape}")
    return jnp.broadcast_to(value, shape)


def _check_values(field: str, value: Array, allowed: _Test, rule: str) -> None:
    if is_traced(value):
        return
    known = np.atleast_1d(np.asarray(value))
    bad = np.argwhere(~allowed(known))
    if len(bad):
        place = f"{list(map(int, bad[0]))}" if value.ndim else ""
        raise ValueError(f"{field}{place} must be {rule}, got {known[tuple(bad[0])]:g}")


def _is_noise(value: np.ndarray) -> np.ndarray:
    return np.isfinite(value) & (value >= 0)


def _is_count(value: np.ndarray) -> np.ndarray:
    # NaN and infinity have a remainder that is NaN, so they fail the comparison.
    with np.errstate(invalid="ignore"):
        return (np.mod(value, 1) == 0) & (value >= 1)


class _Draws(NamedTuple):
    key: Key[Array, ""]
    values: Float[Array, "*n"]
    missing: Bool[Array, "*n"]


def sample_chi_square(
    key: Key[Array, ""], freedom: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    """Draw `χ²(freedom)`, independent entries; zero where `freedom ≤ 0`.

    By rejection: with `a = freedom/2`, raised by 1 where it is below 1, `δ = a − 1/3`,
    `x ~ N(0, 1)`, `u ~ U(0, 1)` and `v = (1 + x/√(9δ))³`, `δv` is a draw of `Γ(a)` if
    `v > 0` and `log u < x²/2 + δ − δv + δ log v`, which more than 95 of 100 are; what
    was raised is multiplied by `u^(1/a)` of another `u`, with `a` as it was.

    `jax.random.gamma` does the same one entry after another on a CPU, at several times
    the cost; here all entries are drawn in one pass, and those that are missing again.

    Source: Marsaglia and Tsang 2000.
    """
    some = freedom > 0
    shape = jnp.where(some, freedom, 2) / 2
    raised = shape < 1
    delta = jnp.where(raised, shape + 1, shape) - 1 / 3
    size = (CANDIDATES, *delta.shape)

    def again(state: _Draws) -> _Draws:
        key, normal_key, uniform_key = jax.random.split(state.key, 3)
        x = jax.random.normal(normal_key, size, delta.dtype)
        u = jax.random.uniform(uniform_key, (size[0] + 1, *delta.shape), delta.dtype)
        v = (1 + x / jnp.sqrt(9 * delta)) ** 3
        log_v = jnp.log(jnp.where(v > 0, v, 1))
        accepted = (v > 0) & (jnp.log(u[1:]) < x**2 / 2 + delta * (1 - v + log_v))
        first = jnp.take_along_axis(v, jnp.argmax(accepted, axis=0)[None], axis=0)[0]
        gamma = delta * first * jnp.where(raised, u[0] ** (1 / shape), 1)
        return _Draws(
            key=key,
            values=jnp.where(state.missing, 2 * gamma, state.values),
            missing=state.missing & ~jnp.any(accepted, axis=0),
        )

    start = again(_Draws(key, jnp.zeros_like(delta), some))
    return lax.while_loop(lambda state: jnp.any(state.missing), again, start).values
