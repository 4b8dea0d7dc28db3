"""DenseNet against the same network of torch.nn's modules; needs the extra `oracle`."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.networks.densenet import BatchNorm, DenseNet, DenseNetConfig
from tests.paper_checks.networks.test_densenet import drawn

pytestmark = pytest.mark.long

# What the brief of the network asks for; both sides are 32-bit.
TOLERANCE = 1e-4
MEDIUM = DenseNetConfig(growth=8, blocks=(3, 2, 2), channels=3)


def torch_network(network: DenseNet):
    """As a list of functions of a tensor, and its norms in order."""
    torch = pytest.importorskip("torch")
    norms, weights = [], []

    def norm(one: BatchNorm):
        made = torch.nn.BatchNorm2d(len(one.scale), eps=1e-5, momentum=0.1)
        state = {"weight": one.scale, "bias": one.offset}
        state |= {"running_mean": one.running.mean}
        state |= {"running_var": one.running.variance}
        tensors = {name: torch.tensor(np.asarray(v)) for name, v in state.items()}
        made.load_state_dict(tensors, strict=False)
        norms.append(made)
        return torch.nn.Sequential(made, torch.nn.ReLU())

    def convolution(weight, **options):
        side, _, inputs, outputs = weight.shape
        made = torch.nn.Conv2d(inputs, outputs, side, bias=False, **options)
        turned = np.transpose(np.asarray(weight), (3, 2, 0, 1))
        made.weight.data = torch.tensor(np.ascontiguousarray(turned))
        weights.append(made.weight)
        return made

    class Layer(torch.nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.steps = torch.nn.Sequential(
                norm(layer.first),
                convolution(layer.narrow),
                norm(layer.second),
                convolution(layer.wide, padding=1),
            )

        def forward(self, x):
            return torch.cat([x, self.steps(x)], 1)

    steps = [
        convolution(network.stem, stride=2, padding=3),
        norm(network.norm),
        torch.nn.MaxPool2d(3, stride=2, padding=1),
    ]
    for place, block in enumerate(network.blocks):
        steps += [Layer(layer) for layer in block]
        if place < len(network.transitions):
            between = network.transitions[place]
            steps += [norm(between.norm), convolution(between.narrow)]
            steps += [torch.nn.AvgPool2d(2, stride=2)]
    steps += [norm(network.last), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    return torch.nn.Sequential(*steps), norms, weights


def in_order(network: DenseNet) -> list[jax.Array]:
    """Convolutions from the image to the features."""
    found = [network.stem]
    for place, block in enumerate(network.blocks):
        found += [weight for layer in block for weight in (layer.narrow, layer.wide)]
        found += [one.narrow for one in network.transitions[place : place + 1]]
    return found


def images(side: int, channels: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.normal(size=(3, side, side, channels)).astype(np.float32)


def test_densenet_121_gives_what_torch_gives():
    torch = pytest.importorskip("torch")
    network = drawn(DenseNetConfig())
    theirs, _, _ = torch_network(network)
    x = images(64, 1)
    with torch.no_grad():
        wanted = theirs.eval()(torch.tensor(x.transpose(0, 3, 1, 2))).numpy()
    found = eqx.filter_jit(lambda net, x: net(x, training=False)[0])(network, x)
    assert np.abs(np.asarray(found) - wanted).max() <= TOLERANCE
    assert wanted.shape == (3, 1024)
    assert wanted.std() > 0.01


def test_training_moves_and_slopes_are_torchs():
    torch = pytest.importorskip("torch")
    network = drawn(MEDIUM)
    theirs, norms, weights = torch_network(network)
    x = images(36, 3)
    wanted = theirs.train()(torch.tensor(x.transpose(0, 3, 1, 2)))
    factor = np.random.default_rng(2).normal(size=wanted.shape).astype(np.float32)
    (wanted * torch.tensor(factor)).sum().backward()

    @eqx.filter_jit
    def slopes(network, x):
        def value(network):
            found, moved = network(x, training=True)
            return jnp.sum(found * factor), (found, moved)

        return jax.grad(value, has_aux=True)(network)

    slope, (found, moved) = slopes(network, x)
    assert np.abs(np.asarray(found) - wanted.detach().numpy()).max() <= TOLERANCE
    for mine, other in zip(in_order(slope), weights, strict=True):
        own = np.asarray(mine).transpose(3, 2, 0, 1)
        their = other.grad.numpy()
        assert np.abs(own - their).max() <= TOLERANCE * np.abs(their).max()
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(slope.last.running))
    last = norms[-1]
    np.testing.assert_allclose(moved.last.running.mean, last.running_mean, atol=1e-5)
    np.testing.assert_allclose(moved.last.running.variance, last.running_var, atol=1e-5)
