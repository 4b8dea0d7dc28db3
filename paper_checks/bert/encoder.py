"""BERT: embeddings, blocks, and the pooled first token."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int32, PRNGKeyArray

from paper_checks.bert.compute import DEFAULT, Compute
from paper_checks.bert.config import BertConfig
from paper_checks.bert.layers import Affine, Block, Norm, activate, anew, attend, drop


class Tokens(NamedTuple):
    """A batch of sequences; `kind` is the segment, `mask` is false past the end."""

    piece: Int32[Array, "b l"]
    kind: Int32[Array, "b l"]
    mask: Bool[Array, "b l"]


class Encoder(eqx.Module):
    """The weights of a BERT, 32-bit; `blocks` are stacked along a leading axis."""

    pieces: Float[Array, "v d"]
    positions: Float[Array, "p d"]
    kinds: Float[Array, "t d"]
    norm: Norm
    blocks: Block
    pooler: Affine
    config: BertConfig = eqx.field(static=True)

    def embed(
        self, tokens: Tokens, compute: Compute = DEFAULT
    ) -> Float[Array, "b l d"]:
        """Task embeddings `E`: the sum of three tables, normalised.

        Raises:
            ValueError: Longer sequences than the model has positions.
        """
        length = tokens.piece.shape[1]
        if length > self.config.positions:
            raise ValueError(
                f"sequences of {length} tokens: the model has positions for "
                f"{self.config.positions}"
            )
        summed = (
            self.pieces[tokens.piece]
            + self.positions[:length]
            + self.kinds[tokens.kind]
        )
        return self.norm(summed, self.config.epsilon).astype(compute.float)

    def run(
        self,
        x: Float[Array, "b l d"],
        mask: Bool[Array, "b l"],
        compute: Compute = DEFAULT,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "b l d"]:
        """Vectors of all tokens after the last block, from embeddings `x`."""
        return self._scan(x, mask, compute, key, each=False)[0]

    def run_each(
        self,
        x: Float[Array, "b l d"],
        mask: Bool[Array, "b l"],
        compute: Compute = DEFAULT,
    ) -> Float[Array, "n b l d"]:
        """Vectors of all tokens after every block."""
        return self._scan(x, mask, compute, None, each=True)[1]

    def pool(self, last: Float[Array, "b l d"]) -> Float[Array, "b d"]:
        """`tanh` of an affine map of the first token's vector."""
        return jnp.tanh(self.pooler(last[:, 0]))

    def _scan(
        self,
        x: Float[Array, "b l d"],
        mask: Bool[Array, "b l"],
        compute: Compute,
        key: PRNGKeyArray | None,
        *,
        each: bool,
    ) -> tuple[Array, Any]:
        config = self.config
        numbers = jnp.arange(config.layers, dtype=jnp.int32)

        def one(x: Array, entry: tuple[Block, Int[Array, ""]]):
            block, number = entry
            own = None if key is None else jax.random.fold_in(key, number)
            out = block_output(block, x, mask, config, compute, own)
            return out, out if each else None

        if compute.remat == "layer":
            one = jax.checkpoint(one)
        elif compute.remat == "dots":
            one = jax.checkpoint(
                one, policy=jax.checkpoint_policies.dots_with_no_batch_dims_saveable
            )
        start = drop(
            x,
            config.dropout,
            None if key is None else jax.random.fold_in(key, config.layers),
        )
        steps = config.layers if compute.unroll else 1
        return jax.lax.scan(one, start, (self.blocks, numbers), unroll=steps)


def block_output(
    block: Block,
    x: Float[Array, "b l d"],
    mask: Bool[Array, "b l"],
    config: BertConfig,
    compute: Compute,
    key: PRNGKeyArray | None,
) -> Float[Array, "b l d"]:
    """One block; nothing is dropped without a key."""
    keys = (None,) * 3 if key is None else tuple(jax.random.split(key, 3))
    share = config.attention_dropout
    mixed = attend(block.mixed(x), mask, config.heads, compute, share, keys[0])
    mixed = drop(block.output(mixed), config.dropout, keys[1])
    x = block.attention_norm(x + mixed, config.epsilon)

    # The backward pass makes the activation anew, to keep its input alone.
    @anew
    def outer(wide: Array, affine: Affine) -> Array:
        return affine(activate(wide, config.activation))

    wide = drop(outer(block.inner(x), block.outer), config.dropout, keys[2])
    return block.norm(x + wide, config.epsilon)


def new_encoder(config: BertConfig, seed: int) -> Encoder:
    """Draw weights `N(0, spread²)`, offsets 0 and scales 1, 32-bit."""
    rng = np.random.default_rng(seed)
    n, d, f = config.layers, config.width, config.inner

    def drawn(*shape: int) -> Float[Array, "..."]:
        values = rng.standard_normal(shape, dtype=np.float32)
        return jnp.asarray(np.float32(config.spread) * values)

    def affine(*shape: int) -> Affine:
        zeros = np.zeros((*shape[:-2], shape[-1]), np.float32)
        return Affine(drawn(*shape), jnp.asarray(zeros))

    def norm(*shape: int) -> Norm:
        ones, zeros = np.ones(shape, np.float32), np.zeros(shape, np.float32)
        return Norm(jnp.asarray(ones), jnp.asarray(zeros))

    return Encoder(
        pieces=drawn(config.vocabulary, d),
        positions=drawn(config.positions, d),
        kinds=drawn(config.kinds, d),
        norm=norm(d),
        blocks=Block(
            mixed=affine(n, d, 3 * d),
            output=affine(n, d, d),
            attention_norm=norm(n, d),
            inner=affine(n, d, f),
            outer=affine(n, f, d),
            norm=norm(n, d),
        ),
        pooler=affine(d, d),
        config=config,
    )


def lowered(encoder: Encoder, compute: Compute) -> Encoder:
    """Weights in the precision of products, once for all their uses; norms stay.

    A gradient through this comes back in 32 bits, the precision of the weights kept.
    """
    if compute.dtype == "float32":
        return encoder
    blocks = jax.tree.map(
        lambda part: (
            part
            if isinstance(part, Norm)
            else jax.tree.map(lambda leaf: leaf.astype(compute.float), part)
        ),
        encoder.blocks,
        is_leaf=lambda part: isinstance(part, (Norm, Affine)),
    )
    return eqx.tree_at(lambda e: e.blocks, encoder, blocks)
