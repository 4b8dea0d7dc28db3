"""The parts of a block: affine maps, norms, attention and dropout."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from paper_checks.bert.compute import Compute

# What is cheap to compute is computed anew in the backward pass, which keeps only its
# input. Inside of a loop over blocks nothing could undo that: no barrier is needed.
anew = partial(jax.checkpoint, prevent_cse=False)
# Added to the logit of a key that is not there: e^{−30000} is 0 in 32 bits.
ABSENT = -3e4


class Affine(eqx.Module):
    """`xW + c`; stacked blocks have a leading axis."""

    weight: Float[Array, "*n i o"]
    bias: Float[Array, "*n o"]

    def __call__(self, x: Float[Array, "*b i"]) -> Float[Array, "*b o"]:
        """Apply it, in the precision of `x`."""
        return x @ self.weight.astype(x.dtype) + self.bias.astype(x.dtype)


class Norm(eqx.Module):
    """`(x − mean)/√(variance + ε) · scale + offset` over a token's entries, 32-bit."""

    scale: Float[Array, "*n d"]
    offset: Float[Array, "*n d"]

    def __call__(self, x: Float[Array, "*b d"], epsilon: float) -> Float[Array, "*b d"]:
        """Apply it; the result has the precision of `x`."""

        @anew
        def apply(x: Array, scale: Array, offset: Array) -> Array:
            wide = x.astype(jnp.float32)
            centred = wide - jnp.mean(wide, axis=-1, keepdims=True)
            variance = jnp.mean(centred**2, axis=-1, keepdims=True)
            unit = centred * jax.lax.rsqrt(variance + jnp.float32(epsilon))
            return (unit * scale + offset).astype(x.dtype)

        return apply(x, self.scale, self.offset)


class Block(eqx.Module):
    """Attention and two affine maps, each added to its input and normalised."""

    mixed: Affine  # query, key and value side by side: d x 3d
    output: Affine
    attention_norm: Norm
    inner: Affine
    outer: Affine
    norm: Norm


def activate(x: Float[Array, "*b f"], name: str) -> Float[Array, "*b f"]:
    """The nonlinearity that a config names."""
    if name == "relu":
        return jax.nn.relu(x)
    return anew(partial(jax.nn.gelu, approximate=name == "gelu_new"))(x)


def drop(
    x: Float[Array, "*b"], share: float, key: PRNGKeyArray | None
) -> Float[Array, "*b"]:
    """Set a share of the entries to 0 and divide the others by `1 − share`.

    Nothing is dropped without a key. The share is met to 2⁻¹⁷: a draw is 16 bits,
    which halves the cost of the generator.
    """
    if key is None or share == 0:
        return x
    bits = jax.random.bits(key, x.shape, jnp.uint16)
    kept = bits >= round(share * 2**16)

    # So that the marks alone are kept, and no zeros.
    @anew
    def apply(x: Array, kept: Array) -> Array:
        return jnp.where(kept, x / jnp.asarray(1 - share, x.dtype), jnp.zeros_like(x))

    return apply(x, kept)


def attend(
    mixed: Float[Array, "b l e"],
    mask: Bool[Array, "b l"],
    heads: int,
    compute: Compute,
    share: float,
    key: PRNGKeyArray | None,
) -> Float[Array, "b l d"]:
    """`softmax(QKᵀ/√(d/h)) V` of every head, side by side; `e = 3d`.

    Keys where `mask` is false are not seen.
    """
    batch, length, width = mixed.shape
    parts = mixed.reshape(batch, length, 3, heads, width // 3 // heads)
    query, keys, values = parts[:, :, 0], parts[:, :, 1], parts[:, :, 2]
    if compute.attention == "cudnn":
        lengths = jnp.sum(mask, axis=1, dtype=jnp.int32)
        found = jax.nn.dot_product_attention(
            query, keys, values, key_value_seq_lengths=lengths, implementation="cudnn"
        )
        return found.reshape(batch, length, width // 3)
    scale = jnp.float32((width // 3 // heads) ** -0.5)
    logits = jnp.einsum(
        "bqhe,bkhe->bhqk", query, keys, preferred_element_type=jnp.float32
    )
    absent = jnp.where(mask, jnp.float32(0), jnp.float32(ABSENT))
    share_of = jax.nn.softmax(logits * scale + absent[:, None, None, :], axis=-1)
    share_of = drop(share_of.astype(mixed.dtype), share, key)
    found = jnp.einsum("bhqk,bkhe->bqhe", share_of, values)
    return found.reshape(batch, length, width // 3)
