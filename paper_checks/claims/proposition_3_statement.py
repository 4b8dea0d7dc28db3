"""W-P3 as a statement: whatever is nearly optimal nearly spans what it says."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from paper_checks.judge.check import Check
from paper_checks.judge.matrices import NOTHING, rotation, solved
from paper_checks.judge.statement import Statement

SOURCE = "W-P3 (Proposition 3)"
TASKS, DIMENSION, WIDTH = 3, 3, 2
# Most of κ(XᵀX), and least of (λ_r − λ_(r+1))/λ_1.
CONDITION, GAP = 10.0, 0.05
# What rounding leaves of a difference of losses, as a share of the label energy.
ROUNDING = 1e-12
# Of a margin that is met with equality.
MET = 1e-12


class Competitor(NamedTuple):
    """Tasks `X_i = U_iD_iV_iᵀ`, by `Uᵀy_i`, `D_i` and `V_i`, and any other module."""

    right: Float[Array, "3 d d"]  # V_i
    size: Float[Array, "3 d"]  # D_i
    labels: Float[Array, "3 d"]  # U_iᵀy_i
    weights: Float[Array, "3"]
    other: Float[Array, "d 2"]


Span = Callable[[Competitor], Float[Array, "d 2"]]


def printed(given: Competitor) -> Float[Array, "d 2"]:
    """`(XᵀX)⁻¹VDQ_r = VD⁻¹Q_r` with the first task's `X`; zero for a zero of `D`."""
    _, vector = jnp.linalg.eigh(energies(given))
    seen = given.size[0] > 0
    inverse = jnp.where(seen, 1 / jnp.where(seen, given.size[0], 1), 0)
    return given.right[0] @ (inverse[:, None] * vector[:, -WIDTH:])


def energies(given: Competitor) -> Float[Array, "d d"]:
    """`Σ_i α_i Uᵀy_iy_iᵀU`."""
    return (given.labels.T * given.weights) @ given.labels


def lost(given: Competitor, module: Float[Array, "d 2"]) -> Float[Array, ""]:
    """`min_A f(A; B)`, less what no `B` explains: residuals of least squares."""

    def one(right: Array, size: Array, label: Array) -> Array:
        seen = size[:, None] * (right.T @ module)
        heads = solved(seen.T @ seen, seen.T @ label)
        return jnp.sum((label - seen @ heads) ** 2)

    return given.weights @ jax.vmap(one)(given.right, given.size, given.labels)


def apart(first: Float[Array, "d 2"], second: Float[Array, "d 2"]) -> Float[Array, ""]:
    """`Σ_j sin²φ_j` over the principal angles between two spans."""
    onto, other = (_projector(module) for module in (first, second))
    return jnp.maximum(WIDTH - jnp.sum(onto * other), 0)


def _projector(module: Float[Array, "d 2"]) -> Float[Array, "d d"]:
    """`B(BᵀB)⁻¹Bᵀ` by Gram and Schmidt."""
    first = module[:, 0] / (jnp.linalg.norm(module[:, 0]) + NOTHING)
    second = module[:, 1] - (module[:, 1] @ first) * first
    # Once more: the first time leaves rounding of a column that is nearly parallel.
    second = second - (second @ first) * first
    second = second / (jnp.linalg.norm(second) + NOTHING)
    return jnp.outer(first, first) + jnp.outer(second, second)


def _conclude(given: Competitor, span: Span) -> Check:
    predicted = span(given)
    largest = jnp.linalg.eigvalsh(energies(given))[-1] + NOTHING
    energy = given.weights @ jnp.sum(given.labels**2, axis=1)
    worse = lost(given, given.other) - lost(given, predicted) + ROUNDING * energy
    return Check(
        lhs=apart(given.other, predicted),
        rhs=CONDITION / GAP * worse / largest,
        tolerance=jnp.zeros(()),  # rounding is on the right side, for the ratio's sake
        relation="<=",
        source=SOURCE,
    )


def margins(given: Competitor) -> tuple[Float[Array, ""], ...]:
    """One `X`; its rank, by its condition; and the gap."""
    moved = [jnp.max(jnp.abs(leaf - leaf[0])) for leaf in (given.right, given.size)]
    value = jnp.linalg.eigvalsh(energies(given))
    gap = (value[-WIDTH] - value[-WIDTH - 1]) / (value[-1] + NOTHING)
    least, most = jnp.min(given.size[0]), jnp.max(given.size[0])
    return (
        MET - jnp.maximum(*moved),
        CONDITION * (1 + MET) * least**2 / most**2 - 1,
        gap - GAP,
    )


def _build(latent: Mapping[str, Array], dropped: Int[Array, ""]) -> Competitor:
    right = jnp.stack([rotation(v) for v in latent["right"]])
    size = CONDITION ** (jax.nn.sigmoid(latent["size"]) / 2)
    labels, weights = latent["labels"], jnp.exp(latent["weights"])
    # A direction that no row sees; as labels have none there either, any two columns
    # that are seen explain all there is.
    seen = jnp.where(dropped == 1, jnp.array([0.0, 1.0, 1.0]), 1.0)
    # Labels at right angles and of one size: every eigenvalue is the same.
    tie = dropped == 2
    return Competitor(
        right=jnp.where(dropped == 0, right, right[0]),
        size=jnp.where(dropped == 0, size, size[0] * seen),
        labels=jnp.where(tie, jnp.eye(TASKS, DIMENSION), labels * seen),
        weights=jnp.where(tie, 1.0, weights),
        other=latent["other"],
    )


@cache
def proposition_3(span: Span = printed, name: str = "W-P3") -> Statement[Competitor]:
    """Proposition 3 with its distance to every other module.

    Whiten with `R`, `RᵀR = G = XᵀX`. A module `B` then has the loss
    `Σ_iα_i‖y_i‖² − tr(PS)` with `P` the projector on the span of `RB` and `S` similar
    to `Σ_i α_i Uᵀy_iy_iᵀU`, of eigenvalues `λ_1 ≥ λ_2 ≥ ...`. With `P*` on the top `r`
    eigenvectors, `tr((P* − P)S) ≥ (λ_r − λ_(r+1)) Σ_j sin²φ_j`, `φ_j` the angles
    between the two, as what `P` has outside of `P*` weighs `λ_(r+1)` at most and what
    it lacks of it at least `λ_r`. Undoing `R` stretches sines by `√κ(G)` at most:

        Σ_j sin²∠_j(B, B*) ≤ κ(G) [f(B) − f(B*)]/(λ_r − λ_(r+1)),

    here with bounds on `κ(G)` and the gap in their place, so that each is a hypothesis
    that can be dropped. So `B*` is optimal, and alone in it: that is Proposition 3.

    Source: W-P3; the distance is derived here.
    """

    def conclude(given: Competitor, key: PRNGKeyArray) -> Check:
        del key
        return _conclude(given, span)

    d = DIMENSION
    return Statement(
        name=name,
        source=SOURCE,
        version=1,
        latent={
            "right": (TASKS, 2, d),
            "size": (TASKS, d),
            "labels": (TASKS, d),
            "weights": (TASKS,),
            "other": (d, WIDTH),
        },
        hypotheses=("one X for all tasks", "X of rank d", "a gap after eigenvalue r"),
        build=_build,
        margins=margins,
        conclude=conclude,
    )
