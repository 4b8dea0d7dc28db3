"""DenseNet: published sizes, a plain NumPy network of the same weights, bad sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.networks.densenet import (
    EPSILON,
    BatchNorm,
    DenseNet,
    DenseNetConfig,
    new_densenet,
)

# Two blocks, and 12 pixels: a transition meets maps of an odd side.
TINY = DenseNetConfig(growth=3, blocks=(2, 1), stem=5, channels=2)
# Layers, growth, stem, and the parameters that torchvision publishes for 1,000 classes.
PUBLISHED = [
    ((6, 12, 24, 16), 32, None, 121, 7_978_856),
    pytest.param((6, 12, 32, 32), 32, None, 169, 14_149_480, marks=pytest.mark.long),
    pytest.param((6, 12, 48, 32), 32, None, 201, 20_013_928, marks=pytest.mark.long),
    pytest.param((6, 12, 36, 24), 48, 96, 161, 28_681_000, marks=pytest.mark.long),
]


class Zeros(np.random.Generator):
    """Gives no numbers, where only shapes count: drawing takes seconds."""

    def standard_normal(self, size, dtype):  # pyright: ignore
        return np.zeros(size, dtype)


def made(config: DenseNetConfig) -> DenseNet:
    return new_densenet(config, Zeros(np.random.PCG64()))


def drawn(config: DenseNetConfig) -> DenseNet:
    """With norms that are not those of a new network."""
    rng = np.random.default_rng(0)

    def strange(leaf):
        if leaf.ndim > 1:
            return leaf
        return jnp.asarray(rng.uniform(0.5, 1.5, leaf.shape), jnp.float32)

    return jax.tree.map(strange, new_densenet(config, rng))


@pytest.mark.parametrize(("blocks", "growth", "stem", "depth", "count"), PUBLISHED)
def test_networks_have_as_many_parameters_as_published(
    blocks, growth, stem, depth, count
):
    config = DenseNetConfig(blocks=blocks, growth=growth, stem=stem, channels=3)
    network = made(config)
    leaves = jax.tree_util.tree_leaves_with_path(network)
    trained = [leaf.size for path, leaf in leaves if "running" not in str(path)]
    assert config.depth == depth
    assert sum(trained) + 1000 * (network.width + 1) == count


@pytest.mark.long
def test_the_maps_of_densenet_121_are_those_of_its_table():
    network = made(DenseNetConfig(channels=3))

    def stages(x):
        return network.stages(x, training=True)[0]

    image = jax.ShapeDtypeStruct((1, 224, 224, 3), "f4")
    found = [one.shape[1:] for one in jax.eval_shape(stages, image)]
    side_and_maps = [(56, 64), (56, 256), (28, 128), (28, 512), (14, 256)]
    side_and_maps += [(14, 1024), (7, 512), (7, 1024), (7, 1024)]
    assert found == [(side, side, maps) for side, maps in side_and_maps]


def plain_convolution(x, weight, stride=1) -> np.ndarray:
    side = weight.shape[0]
    around = side // 2
    x = np.pad(x, ((0, 0), (around, around), (around, around), (0, 0)))
    size = [(n - side) // stride + 1 for n in x.shape[1:3]]
    out = np.zeros((len(x), *size, weight.shape[3]))
    for p in range(size[0]):
        for q in range(size[1]):
            i, j = p * stride, q * stride
            out[:, p, q] = np.tensordot(x[:, i : i + side, j : j + side], weight, 3)
    return out


def plain_norm(norm: BatchNorm, x, training) -> np.ndarray:
    mean, variance = (np.asarray(part, float) for part in norm.running)
    if training:
        flat = x.reshape(-1, x.shape[-1])
        mean, variance = flat.mean(axis=0), flat.var(axis=0)
    x = np.asarray(norm.scale) * (x - mean) / np.sqrt(variance + EPSILON)
    return np.maximum(x + np.asarray(norm.offset), 0)


def plain_features(network: DenseNet, x, training):
    """Features in 64 bits, each layer as the paper describes it."""
    x = plain_convolution(x, np.asarray(network.stem), 2)
    x = plain_norm(network.norm, x, training)
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))  # after ReLU: 0 is least
    rows, columns = range(0, wide.shape[1] - 2, 2), range(0, wide.shape[2] - 2, 2)
    x = np.stack(
        [
            np.stack(
                [wide[:, i : i + 3, j : j + 3].max(axis=(1, 2)) for j in columns], 1
            )
            for i in rows
        ],
        1,
    )
    for place, block in enumerate(network.blocks):
        for layer in block:
            new = plain_norm(layer.first, x, training)
            new = plain_convolution(new, np.asarray(layer.narrow))
            new = plain_norm(layer.second, new, training)
            new = plain_convolution(new, np.asarray(layer.wide))
            x = np.concatenate([x, new], axis=-1)
        if place < len(network.transitions):
            between = network.transitions[place]
            x = plain_norm(between.norm, x, training)
            x = plain_convolution(x, np.asarray(between.narrow))
            p, q = x.shape[1] // 2, x.shape[2] // 2
            halves = x[:, 0 : 2 * p : 2] + x[:, 1 : 2 * p : 2]
            x = (halves[:, :, 0 : 2 * q : 2] + halves[:, :, 1 : 2 * q : 2]) / 4
    return plain_norm(network.last, x, training).mean(axis=(1, 2))


@jax.jit
def called(network: DenseNet, x):
    return network(x, training=True), network(x, training=False)


def test_features_are_those_of_a_plain_network():
    network = drawn(TINY)
    x = np.random.default_rng(1).normal(size=(4, 12, 12, 2)).astype(np.float32)
    (trained, moved), (held, same) = called(network, jnp.asarray(x))
    for found, training in ((trained, True), (held, False)):
        wanted = plain_features(network, x, training)
        # 32-bit: sums of a hundred products, a few layers, features of size 1.
        np.testing.assert_allclose(found, wanted, atol=3e-5)
        assert wanted.std() > 0.1
    # Running moments move a tenth of the way to those of the batch, unbiased.
    maps = plain_convolution(x, np.asarray(network.stem), 2).reshape(-1, 5)
    old = network.norm.running
    for before, after, seen in zip(
        old, moved.norm.running, (maps.mean(0), maps.var(0, ddof=1)), strict=True
    ):
        np.testing.assert_allclose(after, 0.9 * before + 0.1 * seen, rtol=1e-5)
    assert not np.allclose(moved.last.running.mean, network.last.running.mean)
    kept = jax.tree.map(lambda a, b: bool(jnp.all(a == b)), same, network)
    assert all(jax.tree.leaves(kept))
