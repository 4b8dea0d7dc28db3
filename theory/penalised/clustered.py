"""Clusters of tasks that are learnt: the convex relaxation."""

from typing import Any, NoReturn

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from theory.arguments import check_integer, check_values, is_traced, refuse
from theory.penalised.boxes import box_conjugate, box_proximal, box_value
from theory.penalised.penalty import HalfSquared, non_negative
from theory.penalised.trace_norm import singular_values


class ClusteredPenalty(HalfSquared):
    """The tasks are in `r` clusters, which ones is relaxed.

        R(W) = ½ε_M k‖w̄‖² + ½ min_Σ tr(WΠΣ⁻¹ΠWᵀ),   aI ⪯ Σ ⪯ bI,  tr Σ = c,

    `a = 1/ε_W`, `b = 1/ε_B`, `c = (k − r + 1)a + (r − 1)b`, `Π = I − 11ᵀ/k`. A
    partition into `r` clusters has such a `Σ`: `b` along the `r − 1` directions between
    centres and `a` elsewhere. One cluster leaves `ε_W/2` for all of `WΠ`, and `k` of
    them `ε_B/2`.

    `Σ` has `k` eigenvalues and `WΠ` as many singular values, padded with zeros; both
    have the same vectors at the minimum. The mean `WU`, `U = 11ᵀ/k`, is orthogonal to
    `WΠ`, and `k‖w̄‖² = ‖WU‖²`, so that prox and conjugate are sums over both parts.

    Attributes:
        clusters: `r`, 1 to `k`.
        mean: `ε_M > 0`, in units of `Σ_rows x²`, and so are the others.
        between: `ε_B > 0`.
        within: `ε_W ≥ ε_B`.
        ridge: `ρ` of `(ρ/2)‖W‖²`.

    Raises:
        ValueError: No positive strengths, `within < between`, or no such number.

    Source: Jacob, Bach and Vert 2008 (arXiv 0809.2085); prox and conjugate derived
    here, with McDonald, Pontil and Stamos 2014 for the box.
    """

    clusters: int = eqx.field(static=True)
    mean: Float[Array, "*n"] = eqx.field(converter=non_negative("mean"))
    between: Float[Array, "*n"] = eqx.field(converter=non_negative("between"))
    within: Float[Array, "*n"] = eqx.field(converter=non_negative("within"))
    ridge: Float[Array, "*n"] = eqx.field(default=0.0, converter=non_negative("ridge"))

    def __check_init__(self) -> None:
        check_integer("clusters", self.clusters)
        for name in ("mean", "between", "within"):
            check_values(name, getattr(self, name), "finite and > 0")
        if not is_traced(self.between, self.within):
            bad = np.asarray(self.within < self.between)
            rule = f"at least between, {self.between}"
            refuse("within", np.asarray(self.within), bad, rule)

    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """The mean's part and the box's."""
        mean, rest = _parts(parameters)
        low, high, extra = self._box()
        size = _padded(singular_values(rest), len(parameters))
        trace = len(parameters) * low + extra
        common = self.mean * len(parameters) * jnp.sum(mean**2) / 2
        return common + box_value(size, low, high, trace)

    def proximal(
        self, parameters: Float[Array, "k d"], step: Float[Array, ""]
    ) -> Float[Array, "k d"]:
        """The mean over `1 + tε_M`, and the box's on the rest."""
        mean, rest = _parts(parameters)
        low, high, extra = self._box()
        k = len(parameters)
        left, size, right = jnp.linalg.svd(rest, full_matrices=False)
        many = box_proximal(_padded(size, k), step, low, high, k * low + extra)
        return mean / (1 + step * self.mean) + (left * many[: len(size)]) @ right

    def conjugate(self, slope: Float[Array, "k d"]) -> Float[Array, ""]:
        """`‖V1‖²/(2kε_M) + ½[aΣs² + (b − a)Σ_{j < r} s_j²]`, `s` of `VΠ`."""
        mean, rest = _parts(slope)
        common = len(slope) * jnp.sum(mean**2) / (2 * self.mean)
        return common + box_conjugate(singular_values(rest), *self._box())

    def check(self, count: int) -> None:
        """As many clusters as tasks at most."""
        super().check(count)
        check_integer("clusters", self.clusters, most=count)

    def is_zero(self) -> Bool[Array, "*n"]:
        """Never: all strengths are positive."""
        return self.mean == 0

    def at(self, strength: Any) -> NoReturn:
        """Refused: which of the three would it be?"""
        raise ValueError(f"ClusteredPenalty has three strengths: {strength} is of none")

    def _box(self) -> tuple[Array, Array, Array]:
        """`a`, `b`, and `c − ka = (r − 1)(b − a)`."""
        low, high = 1 / self.within, 1 / self.between
        return low, high, (self.clusters - 1) * (high - low)


def _parts(matrix: Float[Array, "k d"]) -> tuple[Array, Array]:
    """The mean over tasks, and what deviates from it."""
    mean = jnp.mean(matrix, axis=0)
    return mean, matrix - mean


def _padded(size: Float[Array, " n"], count: int) -> Float[Array, " k"]:
    return jnp.pad(size, (0, count - len(size)))
