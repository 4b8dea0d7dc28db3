"""The parts of a block: affine maps, norms, attention and dropout."""

import math
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.extend.random import threefry_2x32
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from paper_checks.bert.compute import Compute
from paper_checks.networks.matmul import product

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
        flat = x.reshape(-1, x.shape[-1])
        found = product(flat, self.weight.astype(x.dtype))
        return found.reshape(*x.shape[:-1], -1) + self.bias.astype(x.dtype)


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
    if name == "gelu_new":
        return anew(partial(jax.nn.gelu, approximate=True))(x)

    # By erf, as BERT defines it: jax's own takes erfc, at twice the cost on a CPU.
    # 1 + erf cancels where x is negative: in 32 bits always.
    @anew
    def apply(x: Array) -> Array:
        wide = x.astype(jnp.float32)
        below = 0.5 * (1 + jax.lax.erf(wide * jnp.float32(0.5**0.5)))
        return (wide * below).astype(x.dtype)

    return apply(x)


def drop(
    x: Float[Array, "*b"], share: float, key: PRNGKeyArray | None
) -> Float[Array, "*b"]:
    """Set a share of the entries to 0 and divide the others by `1 − share`.

    Nothing is dropped without a key. The share is met to 2⁻¹⁷: a draw is 16 bits.
    """
    if key is None or share == 0:
        return x
    kept = _kept(key, x.shape, share)

    # So that the marks alone are kept, and no zeros.
    @anew
    def apply(x: Array, kept: Array) -> Array:
        return jnp.where(kept, x / jnp.asarray(1 - share, x.dtype), jnp.zeros_like(x))

    return apply(x, kept)


def _kept(key: PRNGKeyArray, shape: tuple[int, ...], share: float) -> Bool[Array, "*b"]:
    """Marks by draws of 16 bits, row by row: rows may be on different devices.

    Threefry makes two words of two, and `jax.random.bits` keeps one, for 16 bits as
    for 32; here both words are taken, each for two draws: a quarter of the work.
    """
    rows, of_row = shape[0], math.prod(shape[1:])
    words = 2 * -(-of_row // 4)
    if str(jax.random.key_impl(key)) == "threefry2x32":
        first = words * jnp.arange(rows, dtype=jnp.uint32)[:, None]
        counts = first + jnp.arange(words, dtype=jnp.uint32)
        hashed = jax.vmap(threefry_2x32, in_axes=(None, 0))
        drawn = hashed(jax.random.key_data(key), counts)
    else:
        drawn = jax.random.bits(key, (rows, words), jnp.uint32)
    halves = (drawn & jnp.uint32(0xFFFF), drawn >> jnp.uint32(16))
    least = round(share * 2**16)
    marks = jnp.concatenate([half >= least for half in halves], axis=1)
    return marks[:, :of_row].reshape(shape)


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
    of_head = (batch, length, heads, width // 3 // heads)
    parts = jnp.split(mixed, 3, axis=-1)
    query, keys, values = (part.reshape(of_head) for part in parts)
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
