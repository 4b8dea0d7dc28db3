"""Matrices of second derivatives, put together from a model's blocks."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


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
