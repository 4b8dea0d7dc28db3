"""Algorithm 1: an alignment matrix for each task, before the shared module."""

from typing import Literal, NamedTuple, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_array, check_choice, check_shape, is_traced
from theory.linear.loss import task_losses
from theory.task_checks import check_statistics, check_weights
from theory.tasks import TaskStatistics

# Whether the shared module stays where it is while the tasks are aligned.
Reading = Literal["fixed", "moving"]
# What a step does to the alignment matrices.
Maps = Literal["held", "free", "orthogonal"]


class AlignmentPoint(eqx.Module):
    """A point of the aligned model: `B`, the heads `A_i` and the matrices `R_i`."""

    shared: Float[Array, "*n d r"]
    heads: Float[Array, "*n k r"]
    maps: Float[Array, "*n k d d"]

    @property
    def parameters(self) -> Float[Array, "*n k d"]:
        """What the tasks' inputs meet: `θ_i = R_iBA_i`, so that `Z_iBA_i = X_iθ_i`."""
        inner = jnp.einsum("...dr,...kr->...kd", self.shared, self.heads)
        return jnp.einsum("...kde,...ke->...kd", self.maps, inner)


class StepLengths(NamedTuple):
    """Lengths `η` of the gradient steps; own parameters may have one a task."""

    heads: Float[Array, "*k"]
    maps: Float[Array, "*k"]
    shared: Float[Array, ""]


def unaligned(
    shared: Float[Array, "d r"], heads: Float[Array, "k r"]
) -> AlignmentPoint:
    """Where Algorithm 1 starts: every `R_i` is the identity."""
    d = shared.shape[-2]
    eye = jnp.eye(d, dtype=shared.dtype)
    return AlignmentPoint(shared, heads, jnp.broadcast_to(eye, (len(heads), d, d)))


def aligned_statistics(
    statistics: TaskStatistics, maps: Float[Array, "k d d"]
) -> TaskStatistics:
    """Statistics of `Z_i = X_iR_i`: `(R_iᵀG_iR_i, R_iᵀg_i, e_i)`.

    All that is known of the shared-module model holds for the aligned tasks, with a
    solution `ζ_i` of theirs standing for `θ_i = R_iζ_i`.

    Raises:
        ValueError: The maps are not k x d x d.

    Source: W Algorithm 1 on statistics; derived here.
    """
    k, d = statistics.moment.shape
    check_shape("maps", maps, "k d d", k=k, d=d)
    inner = jnp.einsum("kde,kef->kdf", statistics.gram, maps)
    return TaskStatistics(
        gram=jnp.einsum("kde,kdf->kef", maps, inner),
        moment=jnp.einsum("kde,kd->ke", maps, statistics.moment),
        energy=statistics.energy,
        samples=statistics.samples,
    )


def alignment_loss(
    statistics: TaskStatistics,
    point: AlignmentPoint,
    weights: ArrayLike | None = None,
    ridge: ArrayLike = 0.0,
) -> Float[Array, ""]:
    """Loss of the aligned tasks, with a penalty on what departs from no alignment.

        f(A, R; B) = Σ_i α_i ‖X_i R_i B A_i − y_i‖² + Σ_i λ_i ‖R_i − I‖².

    Args:
        statistics: The tasks.
        point: `B`, `A_i`, `R_i`.
        weights: `α_i ≥ 0`; ones if not given.
        ridge: `λ ≥ 0`, or one a task.

    Raises:
        ValueError: Shapes do not fit, or a weight or a known `λ` is negative.

    Source: W Algorithm 1; the penalty is ours.
    """
    alpha, penalty = _check(statistics, point, weights, ridge)
    eye = jnp.eye(statistics.dimension, dtype=point.maps.dtype)
    away = jnp.sum((point.maps - eye) ** 2, axis=(1, 2))
    losses = task_losses(statistics, point.parameters)
    return jnp.sum(alpha * losses) + jnp.sum(penalty * away)


def alignment_slopes(
    statistics: TaskStatistics,
    point: AlignmentPoint,
    weights: ArrayLike | None = None,
) -> AlignmentPoint:
    """Gradients of `Σ α_i ‖X_iR_iBA_i − y_i‖²`, in the fields of a point.

    With `q_i = 2α_i(G_iθ_i − g_i)`, `θ_i = R_iBA_i`:

        ∂f/∂A_i = BᵀR_iᵀq_i,   ∂f/∂R_i = q_i (BA_i)ᵀ,   ∂f/∂B = Σ_i R_iᵀq_i A_iᵀ.

    Raises:
        ValueError: As `alignment_loss`.

    Source: derived here from W Algorithm 1.
    """
    alpha, _ = _check(statistics, point, weights, 0.0)
    inner = point.heads @ point.shared.T
    slope, turned = _slopes(statistics, alpha, point.maps, inner)
    return AlignmentPoint(
        shared=turned.T @ point.heads,
        heads=turned @ point.shared,
        maps=slope[:, :, None] * inner[:, None, :],
    )


def alignment_step(
    statistics: TaskStatistics,
    point: AlignmentPoint,
    lengths: StepLengths,
    *,
    weights: ArrayLike | None = None,
    ridge: ArrayLike = 0.0,
    maps: Maps = "free",
    reading: Reading = "fixed",
) -> AlignmentPoint:
    """One round of Algorithm 1: a step on every `A_i`, then `R_i`, then maybe `B`.

    Each step is one of gradient descent at the point that the step before it left.
    For batches, give the statistics of a batch. The readings differ in `B`: *fixed*
    keeps it, so that the loss is a sum of `k` problems that share nothing that moves;
    *moving* trains it along. `R_i` moves in one of three ways:

    - *free*: `R − η∂f/∂R`, then the proximal step of the penalty,
      `(R + 2ηλI)/(1 + 2ηλ)`: stable for every `λ`, and `λ → ∞` keeps `R_i = I`.
    - *orthogonal*: by Cayley's transform along the tangent of the orthogonal group,
      `R ← R (I + ½ηS)⁻¹(I − ½ηS)`, `S = ½(auᵀ − uaᵀ)`, `a = R_iᵀq_i`, `u = BA_i`.
      `S` has rank 2 and `S³ = −w²S`, so the transform needs no solve:
      `I − c ηS + ½c (ηS)²`, `1/c = 1 + (ηw/2)²`. A step keeps `RᵀR = I` to rounding.
    - *held*: not at all; with `R_i = I` that is plain training of shared modules.

    Args:
        statistics: The tasks, or a batch of each.
        point: `B`, `A_i`, `R_i`.
        lengths: Of the steps.
        weights: `α_i ≥ 0`; ones if not given.
        ridge: `λ ≥ 0`, or one a task; of free maps only.
        maps: What moves `R_i`.
        reading: Whether `B` moves.

    Raises:
        ValueError: As `alignment_loss`; also an unknown word, or a known `λ` above 0
            for maps that are not free.

    Source: W Algorithm 1 (W-A1), in both readings. Cayley's transform:
        Wen and Yin 2013; its closed form for rank 2 is derived here.
    """
    check_words(maps, reading, ridge)
    alpha, penalty = _check(statistics, point, weights, ridge)
    inner = point.heads @ point.shared.T
    _, turned = _slopes(statistics, alpha, point.maps, inner)
    heads = point.heads - _column(lengths.heads) * (turned @ point.shared)
    shared, turn = point.shared, point.maps
    if maps != "held":
        inner = heads @ shared.T
        slope, _ = _slopes(statistics, alpha, turn, inner)
        length = jnp.broadcast_to(lengths.maps, alpha.shape)
        move = _free if maps == "free" else _cayley
        turn = jax.vmap(move)(turn, slope, inner, length, penalty)
    if reading == "moving":
        _, turned = _slopes(statistics, alpha, turn, heads @ shared.T)
        shared = shared - lengths.shared * (turned.T @ heads)
    return AlignmentPoint(shared, heads, turn)


def check_words(maps: str, reading: str, ridge: ArrayLike) -> None:
    """Refuse unknown words, and a penalty on maps that it would not move.

    Raises:
        ValueError: The message names the argument.
    """
    check_choice("maps", maps, get_args(Maps))
    check_choice("reading", reading, get_args(Reading))
    if maps != "free" and not is_traced(ridge) and np.any(np.asarray(ridge) != 0):
        raise ValueError(f"ridge is for free maps, got {ridge} with {maps} maps")


def check_ridge(ridge: ArrayLike, statistics: TaskStatistics) -> Float[Array, "*k"]:
    """Return `λ` as an array; values are checked unless they are traced.

    Raises:
        ValueError: Neither a number nor one a task, or negative or not finite.
    """
    penalty = check_array("ridge", ridge, None, "finite and >= 0")
    if penalty.ndim:
        check_shape("ridge", penalty, "k", k=statistics.count)
    return penalty.astype(statistics.moment.dtype)


def _slopes(
    statistics: TaskStatistics, alpha: Array, maps: Array, inner: Array
) -> tuple[Float[Array, "k d"], Float[Array, "k d"]]:
    """`q_i = 2α_i(G_iθ_i − g_i)` at `θ_i = R_iBA_i`, and `R_iᵀq_i`."""
    theta = jnp.einsum("kde,ke->kd", maps, inner)
    curved = jnp.einsum("kde,ke->kd", statistics.gram, theta)
    slope = 2 * alpha[:, None] * (curved - statistics.moment)
    return slope, jnp.einsum("kde,kd->ke", maps, slope)


def _free(
    turn: Array, slope: Array, inner: Array, length: Array, ridge: Array
) -> Array:
    shrunk = 2 * length * ridge
    eye = jnp.eye(len(turn), dtype=turn.dtype)
    return (turn - length * jnp.outer(slope, inner) + shrunk * eye) / (1 + shrunk)


def _cayley(
    turn: Array, slope: Array, inner: Array, length: Array, ridge: Array
) -> Array:
    """`R (I − cηS + ½c(ηS)²)`, from products of `R` with `a` and `u` alone."""
    del ridge
    half = length / 2
    own = turn.T @ slope
    size, mixed, other = own @ own, own @ inner, inner @ inner
    # ηS = h(auᵀ − uaᵀ) with h = η/2; w² of it is h²(|a|²|u|² − (aᵀu)²).
    square = half**2 * jnp.maximum(size * other - mixed**2, 0)
    factor = half / (1 + square / 4)
    along, across = turn @ own, turn @ inner
    second = half / 2
    left = along - second * (mixed * along - size * across)
    right = across - second * (other * along - mixed * across)
    return turn - factor * (jnp.outer(left, inner) - jnp.outer(right, own))


def _column(values: Array) -> Array:
    return values if values.ndim == 0 else values[:, None]


def _check(
    statistics: TaskStatistics,
    point: AlignmentPoint,
    weights: ArrayLike | None,
    ridge: ArrayLike,
) -> tuple[Float[Array, " k"], Float[Array, " k"]]:
    check_statistics(statistics, certificate=False)
    k, d = statistics.moment.shape
    r = point.shared.shape[-1]
    for field, shape in {"shared": "d r", "heads": "k r", "maps": "k d d"}.items():
        check_shape(field, getattr(point, field), shape, k=k, d=d, r=r)
    penalty = check_ridge(ridge, statistics)
    return check_weights(weights, statistics), jnp.broadcast_to(penalty, (k,))
