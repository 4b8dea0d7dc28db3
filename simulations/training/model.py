"""What a shared-module model is to a solver: outputs, and a convex loss of them."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from simulations.training.result import Parameters


class Blocks(NamedTuple):
    """Second derivatives of `F`: in `B` twice, in `B` and a head, in a head twice.

    Two heads have none in common. A bias is the last entry of its head, so a head has
    `h = r` entries, or `r + 1`.
    """

    shared: Float[Array, "d r d r"]
    mixed: Float[Array, "d r k h"]
    heads: Float[Array, "k h h"]

    def matrix(self) -> Float[Array, "p p"]:
        """One matrix, in the order of `ravel_pytree` on `Parameters`."""
        d, r, k, h = self.mixed.shape
        mixed = _biases_last(self.mixed.reshape(d * r, k, h), r)
        apart = jnp.eye(k, dtype=mixed.dtype)
        heads = jnp.einsum("kst,kl->kslt", self.heads, apart)
        heads = _biases_last(heads.reshape(k * h, k, h), r)
        heads = _biases_last(heads.T.reshape(-1, k, h), r)
        return jnp.block([[self.shared.reshape(d * r, d * r), mixed], [mixed.T, heads]])


def _biases_last(rows: Float[Array, "n k h"], width: int) -> Float[Array, "n l"]:
    flat = rows[:, :, :width].reshape(len(rows), -1)
    if rows.shape[2] == width:
        return flat
    return jnp.concatenate([flat, rows[:, :, width]], axis=1)


class Units(eqx.Module):
    """Scales of the columns of `X` and of the labels: `B = DB'`, `A_i = cA_i'`."""

    column: Float[Array, " d"]
    label: Float[Array, ""]

    def restore(self, point: Parameters) -> Parameters:
        """Parameters of the data as given, from those of the scaled data."""
        return Parameters(
            self.column[:, None] * point.shared, self.label * point.heads, point.bias
        )

    def remove(self, point: Parameters) -> Parameters:
        """The inverse of `restore`."""
        return Parameters(
            point.shared / self.column[:, None], point.heads / self.label, point.bias
        )


class Model(eqx.Module):
    """`f = Σ_i α_i L_i(u_i)`: outputs `u_i` of the parameters, `L_i` convex in `u_i`.

    The data are leaves, so a model may be batched and vmapped. `f` is a sum over rows,
    as in the source, and not a mean: a task counts by its rows, too.

    Source: W eq 1 (α_i = 1), eq 2.
    """

    @property
    @abstractmethod
    def count(self) -> int:
        """Number `k` of tasks."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Number `d` of inputs."""

    @property
    @abstractmethod
    def dtype(self) -> jnp.dtype:
        """Precision of the data, and so of the training."""

    @property
    def has_bias(self) -> bool:
        """Whether a head has a constant."""
        return False

    @abstractmethod
    def check(self, draws: int = 0) -> None:
        """Refuse data that cannot be trained on, as far as they are known.

        Args:
            draws: Number of axes before those of one problem.

        Raises:
            ValueError: Shapes or values that do not fit.
        """

    @abstractmethod
    def outputs(self, point: Parameters) -> Float[Array, "..."]:
        """All that the losses see of the parameters."""

    @abstractmethod
    def losses(self, outputs: Float[Array, "..."]) -> Float[Array, " k"]:
        """`L_i(u_i)`."""

    @abstractmethod
    def curvature(
        self, point: Parameters, weights: Float[Array, " k"], *, exact: bool
    ) -> Blocks:
        """Second derivatives of `Σ α_i L_i(u_i)` in the parameters.

        Exact, or without those of the outputs `u_i` (Gauss-Newton), which is never
        indefinite. A column of zeros counts as masked: it has no exact terms.
        """

    @abstractmethod
    def scaled(self) -> tuple["Model", Units]:
        """The model with columns and labels of unit size, and their units."""

    def softened(self, smoothing: Float[Array, ""]) -> "Model":
        """The model with the kinks of `g` smoothed over about this width."""
        del smoothing
        return self

    def dead(self, point: Parameters) -> Bool[Array, " r"]:
        """Units that are zero on every row, whatever the heads are."""
        return jnp.zeros(point.shared.shape[1], bool)
