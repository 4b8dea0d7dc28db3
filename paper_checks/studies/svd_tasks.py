"""Tasks by their singular value decompositions, as latents of instances make them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from paper_checks.judge.matrices import NOTHING, solved

# Of a margin that is met with equality, and of a difference of losses.
MET = 1e-12


class SvdTasks(NamedTuple):
    """Tasks `X_i = U_iD_iV_iᵀ`, by `V_i`, `D_i` and `U_iᵀy_i`, and any other module."""

    right: Float[Array, "k d d"]
    size: Float[Array, "k d"]
    labels: Float[Array, "k d"]
    weights: Float[Array, " k"]
    other: Float[Array, "d 2"]

    @classmethod
    def latent(cls, k: int, d: int, width: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the normal numbers that claims make instances of."""
        return {
            "right": (k, 2, d),
            "size": (k, d),
            "labels": (k, d),
            "weights": (k,),
            "other": (d, width),
        }

    @property
    def energies(self) -> Float[Array, "d d"]:
        """`Σ_i α_i U_iᵀy_iy_iᵀU_i`."""
        return (self.labels.T * self.weights) @ self.labels

    def loss(self, module: Float[Array, "d 2"]) -> Float[Array, ""]:
        """`min_A f(A; B)`, less what no `B` explains: residuals of least squares."""

        def one(right: Array, size: Array, label: Array) -> Array:
            seen = size[:, None] * (right.T @ module)
            heads = solved(seen.T @ seen, seen.T @ label)
            return jnp.sum((label - seen @ heads) ** 2)

        return self.weights @ jax.vmap(one)(self.right, self.size, self.labels)

    def one_x(self) -> Float[Array, ""]:
        """Margin of one `X` for all tasks."""
        moved = [jnp.max(jnp.abs(leaf - leaf[0])) for leaf in (self.right, self.size)]
        return MET - jnp.maximum(*moved)

    def condition_below(self, most: float) -> Float[Array, ""]:
        """Margin of `κ(X_1ᵀX_1) ≤ most`."""
        least, largest = jnp.min(self.size[0]), jnp.max(self.size[0])
        return most * (1 + MET) * least**2 / largest**2 - 1

    def excess(self, span: Float[Array, "d 2"]) -> Float[Array, ""]:
        """`[f(other) − f(span)]/λ_1`, with what rounding leaves of the difference."""
        energy = self.weights @ jnp.sum(self.labels**2, axis=1)
        worse = self.loss(self.other) - self.loss(span) + MET * energy
        return worse / (jnp.linalg.eigvalsh(self.energies)[-1] + NOTHING)


def squared_sines(
    first: Float[Array, "d 2"], second: Float[Array, "d 2"]
) -> Float[Array, ""]:
    """`Σ_j sin²φ_j` over the two principal angles between two spans."""
    onto, other = _projector(first), _projector(second)
    return jnp.maximum(2 - jnp.sum(onto * other), 0)


def _projector(module: Float[Array, "d 2"]) -> Float[Array, "d d"]:
    """`B(BᵀB)⁻¹Bᵀ` by Gram and Schmidt."""
    first = module[:, 0] / (jnp.linalg.norm(module[:, 0]) + NOTHING)
    second = module[:, 1] - (module[:, 1] @ first) * first
    # Once more: the first time leaves rounding of a column that is nearly parallel.
    second = second - (second @ first) * first
    second = second / (jnp.linalg.norm(second) + NOTHING)
    return jnp.outer(first, first) + jnp.outer(second, second)
