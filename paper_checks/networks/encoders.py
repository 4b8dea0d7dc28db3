"""Shared modules of capacity r over the embedded tokens of a batch of texts.

All take `x` (texts x tokens x d) and `mask`, which is false behind the last token of a
text, and give `r` numbers a text. Masked entries change nothing, so a batch may be
padded to any length. 32-bit.
"""

from functools import partial
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, PRNGKeyArray

from paper_checks.networks.matmul import product
from paper_checks.networks.recurrence import last_output

Kind = Literal["mlp", "cnn", "lstm"]
# Tokens that a filter of Kim's network sees.
SPANS = (3, 4, 5)
WIDEST = max(SPANS)


class MeanMlp(eqx.Module):
    """`ReLU(x̄W + c)` of the mean `x̄` of a text's embeddings; 0 for an empty text."""

    weight: Float32[Array, "d r"]
    bias: Float32[Array, " r"]

    def __call__(
        self, x: Float32[Array, "b l d"], mask: Bool[Array, "b l"]
    ) -> Float32[Array, "b r"]:
        """Encode a batch."""
        seen = mask[..., None]
        count = jnp.maximum(jnp.sum(mask, axis=1), 1).astype(x.dtype)
        mean = jnp.sum(jnp.where(seen, x, 0), axis=1) / count[:, None]
        return jax.nn.relu(mean @ self.weight + self.bias)


class KimCnn(eqx.Module):
    """Filters over 3, 4 and 5 tokens, ReLU, and the largest value along the text.

    The `r` filters are shared out as evenly as they go. Texts are padded by zeros at
    both ends, so that a text shorter than a filter has an output as well.

    Source: Kim, EMNLP 2014.
    """

    weights: tuple[Float32[Array, "_ _"], ...]  # (span d) x filters
    bias: Float32[Array, " r"]

    def after(self, change: Float32[Array, "d d"]) -> "KimCnn":
        """Give the encoder of `x` that is this one of `xR`."""
        by_token = jax.vmap(partial(product, change))
        turned = [
            by_token(weight.reshape(span, len(change), -1)).reshape(weight.shape)
            for span, weight in zip(SPANS, self.weights, strict=True)
        ]
        return KimCnn(tuple(turned), self.bias)

    def __call__(
        self, x: Float32[Array, "b l d"], mask: Bool[Array, "b l"]
    ) -> Float32[Array, "b r"]:
        """Encode a batch."""
        texts, length, d = x.shape
        seen = mask[..., None]
        x = jnp.pad(jnp.where(seen, x, 0), ((0, 0), _around(1), (0, 0)))
        # One product for all filters, which see as many tokens by zeros: XLA's
        # convolution is many times slower where every run has filters of its own.
        windows = [x[:, n : n + length] for n in range(WIDEST)]
        flat = jnp.concatenate(windows, axis=-1).reshape(-1, WIDEST * d)
        filters = jnp.concatenate(
            [
                jnp.pad(w, ((d * before, d * behind), (0, 0)))
                for w, (before, behind) in zip(
                    self.weights, map(_around, SPANS), strict=True
                )
            ],
            axis=1,
        )
        found = product(flat, filters).reshape(texts, length, -1)
        # The largest of ReLUs is the ReLU of the largest.
        best = jnp.max(jnp.where(seen, found, -jnp.inf), axis=1)
        return jax.nn.relu(best + self.bias)


class Lstm(eqx.Module):
    """The last state of an LSTM of `r` units; 0 for an empty text.

        i, f, g, o = x_tW + h_{t−1}U + c,
        s_t = σ(f) s_{t−1} + σ(i) tanh(g),   h_t = σ(o) tanh(s_t).

    Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
    """

    weight: Float32[Array, "d four_r"]
    recurrent: Float32[Array, "r four_r"]
    bias: Float32[Array, " four_r"]

    def after(self, change: Float32[Array, "d d"]) -> "Lstm":
        """Give the encoder of `x` that is this one of `xR`."""
        return Lstm(product(change, self.weight), self.recurrent, self.bias)

    def __call__(
        self, x: Float32[Array, "b l d"], mask: Bool[Array, "b l"]
    ) -> Float32[Array, "b r"]:
        """Encode a batch."""
        texts, length, d = x.shape
        # All products with inputs are one, outside of the recurrence.
        flat = jnp.swapaxes(x, 0, 1).reshape(-1, d)
        drive = (product(flat, self.weight) + self.bias).reshape(length, texts, -1)
        return last_output(drive, self.recurrent, mask.T)


def _around(span: int) -> tuple[int, int]:
    """Tokens of the widest filter before and behind those of one of `span`."""
    before = (WIDEST - 1) // 2 - (span - 1) // 2
    return before, WIDEST - span - before


Encoder = MeanMlp | KimCnn | Lstm


def new_encoder(kind: Kind, dimension: int, width: int, key: PRNGKeyArray) -> Encoder:
    """Draw an encoder: uniform weights of variance 1/inputs, zero offsets.

    Forget gates start at 1, as usual, or nothing would be remembered at first.

    Raises:
        ValueError: An unknown kind, or a width below 1 (3 for `cnn`, a filter a span).
    """
    least = len(SPANS) if kind == "cnn" else 1
    if width < least:
        raise ValueError(f"an encoder '{kind}' needs width >= {least}, got {width}")
    keys = jax.random.split(key, len(SPANS))
    if kind == "mlp":
        return MeanMlp(_uniform(keys[0], dimension, width), jnp.zeros(width, "f4"))
    if kind == "cnn":
        filters = [(width + n) // len(SPANS) for n in range(len(SPANS))]
        drawn = zip(keys, SPANS, filters, strict=True)
        weights = tuple(_uniform(k, span * dimension, f) for k, span, f in drawn)
        return KimCnn(weights, jnp.zeros(width, "f4"))
    if kind == "lstm":
        bias = jnp.zeros(4 * width, "f4").at[width : 2 * width].set(1)
        return Lstm(
            _uniform(keys[0], dimension, 4 * width),
            _uniform(keys[1], width, 4 * width),
            bias,
        )
    raise ValueError(f"encoder must be mlp, cnn or lstm, got {kind!r}")


def _uniform(key: PRNGKeyArray, inputs: int, outputs: int) -> Float32[Array, "i o"]:
    bound = (3 / inputs) ** 0.5
    return jax.random.uniform(key, (inputs, outputs), jnp.float32, -bound, bound)
