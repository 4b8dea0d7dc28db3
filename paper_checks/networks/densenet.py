"""DenseNet of Huang et al. (CVPR 2017): every layer sees the maps of all before it.

32-bit. Images are batch x height x width x channels. Batch statistics are handled
functionally: a module that is called returns its output and itself with moved running
moments, which are leaves of the pytree that no output of training depends on.
"""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float32

EPSILON = 1e-5
# Share of a running moment that a batch replaces.
MOMENTUM = 0.1
# Maps of a bottleneck, in units of the growth.
BOTTLENECK = 4


@dataclass(frozen=True, kw_only=True)
class DenseNetConfig:
    """Sizes of a DenseNet-BC; those of DenseNet-121 if not given.

    Args:
        growth: Maps that a layer adds.
        blocks: Layers of each dense block.
        stem: Maps of the first convolution; twice the growth if not given.
        compression: Share of the maps that a transition keeps.
        channels: Of the images: 1 grey, 3 coloured.
    """

    growth: int = 32
    blocks: tuple[int, ...] = (6, 12, 24, 16)
    stem: int | None = None
    compression: float = 0.5
    channels: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        sizes = {"growth": self.growth, "channels": self.channels}
        sizes |= {"stem": self.stem} if self.stem is not None else {}
        for field, size in sizes.items():
            if size < 1:
                raise ValueError(f"{field} must be >= 1, got {size}")
        if not self.blocks or min(self.blocks) < 1:
            raise ValueError(f"blocks need layers >= 1 each, got {self.blocks}")
        if not 0 < self.compression <= 1:
            raise ValueError(f"compression must be in (0, 1], got {self.compression}")

    @property
    def depth(self) -> int:
        """Layers with weights, the head's with them: 121 as it is."""
        return 2 * sum(self.blocks) + len(self.blocks) + 1


SMALL = DenseNetConfig(growth=8, blocks=(2, 4, 4))
CONFIGS = {"121": DenseNetConfig(), "small": SMALL}


class Moments(NamedTuple):
    """Mean and variance of each map over a batch."""

    mean: Float32[Array, " c"]
    variance: Float32[Array, " c"]


class BatchNorm(eqx.Module):
    """`γ (x − μ)/√(v + ε) + β`, with moments of the batch or the running ones.

    A batch of `n` values a map moves the running moments as PyTorch does, a tenth of
    the way to `μ` and to the unbiased `v n/(n − 1)`.

    Source: Ioffe and Szegedy 2015.
    """

    scale: Float32[Array, " c"]
    offset: Float32[Array, " c"]
    running: Moments

    @classmethod
    def new(cls, maps: int) -> "BatchNorm":
        """Scale 1, offset 0, running mean 0 and variance 1."""
        # Copies of NumPy's: jnp.ones is a compilation a shape. One array each, since
        # a step of training writes into them.
        scale, offset, mean, variance = (
            jnp.array(np.full(maps, value, "f4")) for value in (1, 0, 0, 1)
        )
        return cls(scale, offset, Moments(mean, variance))

    def __call__(
        self, x: Float32[Array, "b h w c"], batch: Moments | None
    ) -> tuple[Float32[Array, "b h w c"], "BatchNorm"]:
        """Normalise with the moments of a batch, or without them the running ones."""
        used = self.running if batch is None else batch
        factor = self.scale * lax.rsqrt(used.variance + EPSILON)
        normed = (x - used.mean) * factor + self.offset
        if batch is None:
            return normed, self
        count = x.size // x.shape[-1]
        seen = Moments(batch.mean, batch.variance * (count / max(count - 1, 1)))
        moved = jax.tree.map(lambda a, b: a + MOMENTUM * (b - a), self.running, seen)
        return normed, BatchNorm(self.scale, self.offset, moved)


class DenseLayer(eqx.Module):
    """Norm, ReLU, 1 x 1 to `4 g` maps, norm, ReLU, 3 x 3 to `g` maps."""

    first: BatchNorm
    narrow: Float32[Array, "1 1 c i"]
    second: BatchNorm
    wide: Float32[Array, "3 3 i g"]

    def __call__(
        self, x: Float32[Array, "b h w c"], batch: Moments | None
    ) -> tuple[Float32[Array, "b h w g"], "DenseLayer"]:
        """The maps that the layer adds."""
        x, first = self.first(x, batch)
        x = _convolve(jax.nn.relu(x), self.narrow)
        x, second = self.second(x, None if batch is None else moments(x))
        x = _convolve(jax.nn.relu(x), self.wide)
        return x, DenseLayer(first, self.narrow, second, self.wide)


class Transition(eqx.Module):
    """Norm, ReLU, 1 x 1 to a share of the maps, mean of 2 x 2."""

    norm: BatchNorm
    narrow: Float32[Array, "1 1 c o"]

    def __call__(
        self, x: Float32[Array, "b h w c"], batch: Moments | None
    ) -> tuple[Float32[Array, "b p q o"], "Transition"]:
        """Maps of half the side."""
        x, norm = self.norm(x, batch)
        # A mean and a 1 x 1 convolution commute; a quarter of the products is left.
        x = _convolve(_halved(jax.nn.relu(x)), self.narrow)
        return x, Transition(norm, self.narrow)


class DenseNet(eqx.Module):
    """The shared module of image tasks: from images to pooled features.

    The stem is a 7 x 7 convolution of stride 2, norm, ReLU and the largest of 3 x 3 at
    stride 2; then dense blocks with transitions between, a norm, ReLU, and the mean
    over pixels. No convolution has an offset.

    Source: Huang, Liu, van der Maaten and Weinberger, arXiv 1608.06993, Table 1.
    """

    stem: Float32[Array, "7 7 i c"]
    norm: BatchNorm
    blocks: tuple[tuple[DenseLayer, ...], ...]
    transitions: tuple[Transition, ...]
    last: BatchNorm

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.last.scale)

    def __call__(
        self, x: Float32[Array, "b h w i"], *, training: bool
    ) -> tuple[Float32[Array, "b f"], "DenseNet"]:
        """Features of a batch, and the network with moved running moments."""
        maps, moved = self.stages(x, training=training)
        return jnp.mean(maps[-1], axis=(1, 2)), moved

    def stages(
        self, x: Float32[Array, "b h w i"], *, training: bool
    ) -> tuple[list[Float32[Array, "b _ _ _"]], "DenseNet"]:
        """Maps behind the stem, every block and every transition, and the last norm.

        Raises:
            ValueError: Images of other channels, or too small for the blocks.
        """
        self._check(x.shape)
        x = _convolve(x, self.stem, stride=2)
        x, norm = self.norm(x, moments(x) if training else None)
        x = _largest(jax.nn.relu(x))
        found, blocks, transitions = [x], [], []
        batch: Moments | None = None
        for block, between in zip(self.blocks, (*self.transitions, None), strict=True):
            x, batch, moved = _block(block, x, training)
            blocks.append(moved)
            found.append(x)
            if between is not None:
                x, between = between(x, batch)
                transitions.append(between)
                found.append(x)
        x, last = self.last(x, batch)
        found.append(jax.nn.relu(x))
        new = DenseNet(self.stem, norm, tuple(blocks), tuple(transitions), last)
        return found, new

    def _check(self, shape: tuple[int, ...]) -> None:
        # Pixels a side that leave one of the last block's maps.
        channels, least = self.stem.shape[2], 2 ** (len(self.blocks) + 1)
        if shape[3] != channels:
            raise ValueError(
                f"images must have {channels} channels, got shape {shape}: make them "
                "grey, or build the network for as many"
            )
        if min(shape[1:3]) < least:
            raise ValueError(
                f"{len(self.blocks)} blocks need images of {least} x {least} pixels "
                f"or more, got {shape[1]} x {shape[2]}"
            )


def new_densenet(config: DenseNetConfig, rng: np.random.Generator) -> DenseNet:
    """Draw a network: weights of variance `2/inputs` (He et al. 2015).

    By NumPy, since 120 shapes of jax's draws are half a minute of compilation.
    """

    def drawn(side: int, inputs: int, outputs: int) -> Array:
        shape = (side, side, inputs, outputs)
        spread = np.float32((2 / (side * side * inputs)) ** 0.5)
        return jnp.array(spread * rng.standard_normal(shape, np.float32))

    growth, inner = config.growth, BOTTLENECK * config.growth
    maps = 2 * growth if config.stem is None else config.stem
    stem, norm = drawn(7, config.channels, maps), BatchNorm.new(maps)
    blocks, transitions = [], []
    for place, layers in enumerate(config.blocks):
        block = []
        for _ in range(layers):
            narrow, wide = drawn(1, maps, inner), drawn(3, inner, growth)
            norms = BatchNorm.new(maps), BatchNorm.new(inner)
            block.append(DenseLayer(norms[0], narrow, norms[1], wide))
            maps += growth
        blocks.append(tuple(block))
        if place < len(config.blocks) - 1:
            kept = max(1, int(maps * config.compression))
            transitions.append(Transition(BatchNorm.new(maps), drawn(1, maps, kept)))
            maps = kept
    return DenseNet(stem, norm, tuple(blocks), tuple(transitions), BatchNorm.new(maps))


def moments(x: Float32[Array, "b h w c"]) -> Moments:
    """Mean and biased variance of each map."""
    return Moments(jnp.mean(x, axis=(0, 1, 2)), jnp.var(x, axis=(0, 1, 2)))


def _block(
    layers: tuple[DenseLayer, ...], x: Float32[Array, "b h w c"], training: bool
) -> tuple[Float32[Array, "b h w o"], Moments | None, tuple[DenseLayer, ...]]:
    """All maps of a block; a map's moments are found once, for all layers after it."""
    batch, moved = moments(x) if training else None, []
    for layer in layers:
        new, after = layer(x, batch)
        moved.append(after)
        x = jnp.concatenate([x, new], axis=-1)
        if batch is not None:
            pairs = zip(batch, moments(new), strict=True)
            batch = Moments(*(jnp.concatenate(pair) for pair in pairs))
    return x, batch, tuple(moved)


def _convolve(
    x: Float32[Array, "b h w i"], weight: Float32[Array, "s s i o"], stride: int = 1
) -> Float32[Array, "b p q o"]:
    """Correlate, with zeros around so that only the stride makes maps smaller."""
    side = weight.shape[0]
    if side == 1:
        return x @ weight[0, 0]
    around = (side // 2, side // 2)
    return lax.conv_general_dilated(
        x,
        weight,
        (stride, stride),
        (around, around),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _largest(x: Float32[Array, "b h w c"]) -> Float32[Array, "b p q c"]:
    """Largest of 3 x 3 pixels at stride 2."""
    around = ((0, 0), (1, 1), (1, 1), (0, 0))
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), around)


def _halved(x: Float32[Array, "b h w c"]) -> Float32[Array, "b p q c"]:
    """Mean of 2 x 2 pixels; an odd last row or column is left out."""
    b, h, w, c = x.shape
    x = x[:, : h // 2 * 2, : w // 2 * 2]
    return jnp.mean(x.reshape(b, h // 2, 2, w // 2, 2, c), axis=(2, 4))
