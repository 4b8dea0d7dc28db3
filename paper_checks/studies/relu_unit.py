"""One ReLU unit for a target of rows and a Gaussian source of any number of rows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from simulations.sampling import sample_statistics
from theory.relu.kernel import gradient

# Steps of a start, accepted or not. From the teacher's side of a source whose rows
# decide, a handful is enough; the rest is for targets alone.
STEPS = 16
# Up to so many rows their sides are drawn one by one.
FEW = 100


class Source(NamedTuple):
    """Rows `x = S_1z`, labels `ReLU(xᵀθ_1) + σ_1ε`, through a draw of their moments.

    `gram` and `moment` are those of the rows with `xᵀθ_1 > 0`.
    """

    root: Float[Array, "d d"]
    teacher: Float[Array, " d"]
    rows: Float[Array, ""]
    gram: Float[Array, "d d"]
    moment: Float[Array, " d"]


class Target(NamedTuple):
    """Rows and their labels."""

    covariates: Float[Array, "m d"]
    labels: Float[Array, " m"]


class Fit(NamedTuple):
    """`B` of length 1, heads, and the loss less the labels' energy."""

    shared: Float[Array, " d"]
    heads: Float[Array, "2"]
    value: Float[Array, ""]


def draw_source(
    key: PRNGKeyArray,
    root: Float[Array, "d d"],
    teacher: Float[Array, " d"],
    noise: Float[Array, ""],
    rows: Float[Array, ""],
) -> Source:
    """Draw a source in `O(d³)`, whatever its number of rows.

    Of `m` rows `N ~ Bin(m, 1/2)` have `xᵀθ_1 > 0`. Turned to that side, a Gaussian row
    differs from what it was by its sign alone, which a Gram matrix does not see: given
    `N` the moments of these rows are those of `N` Gaussian rows of a *linear* task, and
    `sample_statistics` draws them exactly.

    Args:
        key: Of the draw.
        root: `S_1`.
        teacher: `θ_1`, not zero.
        noise: `σ_1`.
        rows: `m`, a whole number; above 100 `N` is a rounded normal number.

    Source: docs/mathematics.md, "Exact draw without rows".
    """
    count_key, key = jax.random.split(key)
    sides = jax.random.bernoulli(count_key, shape=(FEW,))
    few = jnp.sum(jnp.where(jnp.arange(FEW) < rows, sides, 0.0))
    many = rows / 2 + jnp.sqrt(rows) / 2 * jax.random.normal(count_key)
    active = jnp.where(rows <= FEW, few, jnp.rint(many))
    found = sample_statistics(key, root, teacher, noise, jnp.maximum(active, 1))
    some = active > 0
    return Source(
        root,
        teacher,
        rows,
        jnp.where(some, found.gram, 0),
        jnp.where(some, found.moment, 0),
    )


def no_source(dimension: int) -> Source:
    """A source without rows."""
    none, zero = jnp.zeros(dimension), jnp.zeros((dimension, dimension))
    return Source(zero, none, jnp.asarray(0.0), zero, none)


def fit(
    source: Source,
    target: Target,
    starts: Float[Array, "s d"],
    *,
    steps: int = STEPS,
) -> Fit:
    """Minimise `L_1 + L_2` over one ReLU unit and its heads, from some starts.

    For `B = b` the best heads leave `e_i − T_i(b)`, with

        T_i(b) = (g_i(b)ᵀb)²/(bᵀG_i(b)b),

    `G_i(b)` and `g_i(b)` the moments of the rows that `b` activates. Those of the
    target are computed. Those of the source are its draw at `θ_1`, and what the rows
    that change sides between `θ_1` and `b` bring on average:

        G_1(b) = G_1(θ_1),   g_1(b) = g_1(θ_1) + m (D(b, θ_1) − D(θ_1, θ_1)),

    `D` of `theory.relu.gradient_moment`, since `E 1(bᵀx > 0) xxᵀ = Σ/2` for every `b`.
    What is left out is the noise of these rows, a share `√φ` of all noise at an angle
    `φ`. Damped Gauss-Newton steps on the sphere; the least value of all starts counts.
    A minimum, and not for certain the least.

    Args:
        source: A draw, or `no_source`.
        target: Rows.
        starts: First directions.
        steps: Of each start.

    Source: W eq 1 with ReLU; derived here.
    """
    whitened = source.teacher @ source.root

    def moments(b: Array) -> tuple[Array, Array]:
        # D(θ_1, θ_1) = Sᵀθ_1/2.
        moved = gradient(b @ source.root, whitened) - whitened / 2
        first = source.moment + source.rows * source.root @ moved
        active = jnp.where(target.covariates @ b > 0, 1.0, 0.0)
        rows = target.covariates * active[:, None]
        gram = jnp.stack([source.gram, rows.T @ rows])
        return gram, jnp.stack([first, rows.T @ target.labels])

    def value(b: Array) -> tuple[Array, Array]:
        gram, moment = moments(b)
        size = jnp.einsum("d,kde,e->k", b, gram, b)
        seen = size > 0
        heads = jnp.where(seen, moment @ b / jnp.where(seen, size, 1), 0)
        return -jnp.sum(heads * (moment @ b)), heads

    def step(state: tuple, _: None) -> tuple[tuple, None]:
        b, now, damping = state
        moved = _step(*moments(b), b, damping)
        least = value(moved)[0]
        better = least < now
        kept = jnp.where(better, moved, b), jnp.where(better, least, now)
        return (*kept, jnp.where(better, 0.1 * damping, 10 * damping)), None

    def descend(b: Array) -> Fit:
        b = b / jnp.linalg.norm(b)
        first = (b, value(b)[0], jnp.asarray(1e-3))
        b, least, _ = lax.scan(step, first, length=steps)[0]
        return Fit(b, value(b)[1], least)

    found = jax.vmap(descend)(starts)
    best = jnp.argmin(found.value)
    return jax.tree.map(lambda leaf: leaf[best], found)


def _step(
    gram: Float[Array, "2 d d"],
    moment: Float[Array, "2 d"],
    b: Float[Array, " d"],
    damping: Float[Array, ""],
) -> Float[Array, " d"]:
    """A Gauss-Newton step of the loss without heads, on the sphere.

    With `A_i = g_iᵀb/bᵀG_ib` the slope of `−T_i` is `−2A_i(g_i − A_iG_ib)`, and twice
    `A_i²(G_i − G_ibbᵀG_i/bᵀG_ib)` its curvature where residuals are small (Kaufman).
    """
    along = gram @ b
    size = along @ b
    seen = size > 0
    safe = jnp.where(seen, size, 1)
    heads = jnp.where(seen, moment @ b / safe, 0)
    slope = heads @ (moment - heads[:, None] * along)
    across = gram - along[:, :, None] * along[:, None, :] / safe[:, None, None]
    curvature = jnp.einsum("k,kde->de", jnp.where(seen, heads**2, 0), across)
    d = len(b)
    trace = jnp.trace(curvature)
    unit = jnp.where(trace > 0, trace, 1) / d
    damped = curvature + unit * (damping * jnp.eye(d) + jnp.outer(b, b))
    moved = b + jnp.linalg.solve(damped, slope)
    return moved / jnp.linalg.norm(moved)
