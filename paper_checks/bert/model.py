"""Several tasks on one BERT: heads of their own, and maps R_i of the embeddings."""

from typing import Literal, NamedTuple, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int32, PRNGKeyArray

from paper_checks.bert.compute import DEFAULT, Compute
from paper_checks.bert.encoder import Encoder, Tokens, lowered
from paper_checks.bert.layers import drop

# What is aligned: nothing, or R_i with the encoder held (`fixed`) or trained along
# (`moving`): the two readings of Algorithm 1, whose text leaves open if B moves.
Alignment = Literal["none", "fixed", "moving"]
ALIGNMENTS: tuple[Alignment, ...] = get_args(Alignment)


class Batch(NamedTuple):
    """Sequences of one task; `seen` is false at rows that only fill the batch up."""

    tokens: Tokens
    labels: Int32[Array, " b"]
    seen: Bool[Array, " b"]
    task: Int32[Array, ""]


class MultiTask(eqx.Module):
    """Logits `pool(B(E R_i)) A_i + c_i` of task `i`.

    `turns` is `R_i − I`, zero at the start, so that weight decay draws `R_i` to the
    identity and bfloat16 keeps small turns; `None` without alignment.

    Source: W Algorithm 1 (W-F5a).
    """

    encoder: Encoder
    heads: Float[Array, "k d c"]
    bias: Float[Array, "k c"]
    turns: Float[Array, "k d d"] | None

    @property
    def maps(self) -> Float[Array, "k d d"] | None:
        """`R_i`."""
        if self.turns is None:
            return None
        return self.turns + jnp.eye(self.turns.shape[-1], dtype=self.turns.dtype)

    def embed(
        self, tokens: Tokens, task: Int[Array, ""], compute: Compute = DEFAULT
    ) -> Float[Array, "b l d"]:
        """What the blocks see of task `i`: `E_i R_i`."""
        plain = self.encoder.embed(tokens, compute)
        if self.turns is None:
            return plain
        return plain + plain @ self.turns[task].astype(plain.dtype)

    def logits(
        self,
        tokens: Tokens,
        task: Int[Array, ""],
        compute: Compute = DEFAULT,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "b c"]:
        """Logits, 32-bit; nothing is dropped without a key."""
        encoder = lowered(self.encoder, compute)
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        x = self.embed(tokens, task, compute)
        pooled = encoder.pool(encoder.run(x, tokens.mask, compute, keys[0]))
        kept = drop(pooled.astype(jnp.float32), encoder.config.dropout, keys[1])
        return kept @ self.heads[task] + self.bias[task]


def new_model(
    encoder: Encoder,
    seed: int,
    *,
    tasks: int,
    classes: int = 2,
    aligned: bool,
) -> MultiTask:
    """Put heads `N(0, spread²)` on an encoder, and `R_i = I` if it is aligned.

    Raises:
        ValueError: No task, or fewer than two classes.
    """
    if tasks < 1 or classes < 2:
        raise ValueError(
            f"a model needs tasks >= 1 and classes >= 2, got {tasks} and {classes}"
        )
    d = encoder.config.width
    rng = np.random.default_rng(seed)
    heads = rng.standard_normal((tasks, d, classes), dtype=np.float32)
    turns = np.zeros((tasks, d, d), np.float32)
    return MultiTask(
        encoder=encoder,
        heads=jnp.asarray(np.float32(encoder.config.spread) * heads),
        bias=jnp.asarray(np.zeros((tasks, classes), np.float32)),
        turns=jnp.asarray(turns) if aligned else None,
    )


def batch_loss(
    model: MultiTask, batch: Batch, compute: Compute, key: PRNGKeyArray | None
) -> Float[Array, ""]:
    """Mean cross-entropy of the rows seen."""
    logits = model.logits(batch.tokens, batch.task, compute, key)
    each = -jnp.take_along_axis(
        jax.nn.log_softmax(logits), batch.labels[:, None], axis=1
    )[:, 0]
    seen = batch.seen.astype(jnp.float32)
    return jnp.sum(each * seen) / jnp.maximum(jnp.sum(seen), 1)
