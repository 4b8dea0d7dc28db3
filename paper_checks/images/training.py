"""Training of a DenseNet on labels of several tasks with weights; 32-bit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Float32, Int
from numpy.typing import ArrayLike
from sklearn.metrics import roc_auc_score

from paper_checks.data.chest_images import LabelledImages
from paper_checks.networks.densenet import (
    DenseNet,
    DenseNetConfig,
    new_densenet,
)
from theory.arguments import check_weights

# Images whose logits are found at once.
HELD = 100


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a network is trained.

    Args:
        network: Sizes of the DenseNet.
        width: Capacity `r` of a shared layer behind the pooled features; without it
            heads read the features, as CheXNet's do.
        batch: Images a step.
        rate: Of Adam; that of CheXNet.
        passes: Over the training part.
    """

    network: DenseNetConfig = field(default_factory=DenseNetConfig)
    width: int | None = None
    batch: int = 25
    rate: float = 1e-3
    passes: int = 5

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        sizes = {"batch": self.batch, "passes": self.passes}
        sizes |= {"width": self.width} if self.width is not None else {}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} must be >= 1, got {size}")
        if not 0 < self.rate < float("inf"):
            raise ValueError(f"rate must be finite and above 0, got {self.rate}")


class ImageModel(eqx.Module):
    """Logits of `k` tasks: a network that all share, and a head a task.

    The shared module is the network up to its pooled features `z`, with a layer
    `ReLU(zB)` of capacity `r` behind it if asked for; `logit_i = g A_i + c_i`.
    """

    network: DenseNet
    shared: Float32[Array, "f r"] | None
    heads: Float32[Array, "k r"]
    offset: Float32[Array, " k"]

    def __call__(
        self, x: Float32[Array, "b h w c"], *, training: bool
    ) -> tuple[Float32[Array, "b k"], "ImageModel"]:
        """Logits, and the model with moved running moments."""
        z, network = self.network(x, training=training)
        if self.shared is not None:
            z = jax.nn.relu(z @ self.shared)
        moved = ImageModel(network, self.shared, self.heads, self.offset)
        return z @ self.heads.T + self.offset, moved


class Fit(NamedTuple):
    """AUC of every pass and task, the dev part's NaN for a task of one class there.

    `chosen` is the first pass of those with the best mean AUC of the dev part; the
    last one if no task has both classes there.
    """

    loss: Float[np.ndarray, " p"]
    dev: Float[np.ndarray, "p k"]
    test: Float[np.ndarray, "p k"]

    @property
    def chosen(self) -> int:
        """Number of the pass, from 0 on."""
        mean = [known_mean(dev) for dev in self.dev]
        return len(mean) - 1 if np.isnan(mean).any() else int(np.argmax(mean))


class _State(NamedTuple):
    model: ImageModel
    optimiser: optax.OptState


def fit(
    data: LabelledImages,
    weights: ArrayLike,
    how: Training,
    seed: int,
    *,
    labels: np.ndarray | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Fit:
    """Train on `Σ_i α_i` times the mean logistic loss of task `i`, and test each pass.

    A pass goes over the training part in random order, and leaves out what does not
    fill its last batch. Two calls of one seed have the same start and the same batches,
    whatever weights and labels are. All calls of one network and shape of data run one
    compiled program.

    Args:
        data: Images of square shape, and clean labels.
        weights: `α_i ≥ 0`, one a task.
        how: The network and its training.
        seed: Of the start and the order of images.
        labels: Of the training part, where they are not the data's: 0 and 1.
        report: Told the loss and the AUC of each pass.

    Raises:
        ValueError: Weights or labels that do not fit, fewer images than a batch, images
            too small for the network, or scores that are not finite.
    """
    x, y = jnp.asarray(data.inputs()), _labels(data, labels)
    alpha = check_weights(weights, len(data.names), jnp.dtype("float32"))
    train = _training_rows(data, how.batch)
    model = new_model(how, len(data.names), np.random.default_rng([seed, 0]))
    rng = np.random.default_rng([seed, 1])
    state = _begin(model, how.rate)
    found: list[tuple[float, np.ndarray, np.ndarray]] = []
    for number in range(how.passes):
        order = rng.permutation(len(train))[: len(train) // how.batch * how.batch]
        losses = []
        for mine in order.reshape(-1, how.batch):
            batch = (jnp.asarray(train[mine]), jnp.asarray(y[mine]))
            state, loss = _step(state, x, *batch, alpha, how.rate)
            losses.append(loss)
        held = _held(state.model, x, data, number)
        found.append((float(np.mean(losses)), *held))
        report(
            f"pass {number + 1} of {how.passes}: loss {found[-1][0]:.3f}, mean AUC "
            f"{known_mean(held[0]):.3f} dev, {known_mean(held[1]):.3f} test"
        )
    return Fit(*(np.array(part) for part in zip(*found, strict=True)))


def known_mean(values: Float[np.ndarray, " k"]) -> float:
    """Mean of what is not NaN; NaN if nothing is left."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def new_model(how: Training, tasks: int, rng: np.random.Generator) -> ImageModel:
    """Draw a model: a network of He et al., and weights of variance 1/inputs behind."""
    network = new_densenet(how.network, rng)
    features, width = network.width, how.width

    def drawn(shape: tuple[int, int], inputs: int) -> Array:
        spread = np.float32(inputs**-0.5)
        return jnp.array(spread * rng.standard_normal(shape, np.float32))

    shared = None if width is None else drawn((features, width), features)
    inputs = features if width is None else width
    offset = jnp.zeros(tasks, jnp.float32)
    return ImageModel(network, shared, drawn((tasks, inputs), inputs), offset)


# One program: leaf by leaf, each shape is a compilation.
@partial(jax.jit, static_argnames="rate")
def _begin(model: ImageModel, rate: float) -> _State:
    return _State(model, optax.adam(rate).init(eqx.filter(model, eqx.is_array)))


@partial(jax.jit, static_argnames="rate", donate_argnums=0)
def _step(
    state: _State,
    x: Float32[Array, "n h w c"],
    rows: Int[Array, " b"],
    labels: Float32[Array, "b k"],
    alpha: Float32[Array, " k"],
    rate: float,
) -> tuple[_State, Float32[Array, ""]]:
    """One step of Adam. Running moments have no gradient, so that it leaves them."""

    def weighted(model: ImageModel) -> tuple[Array, ImageModel]:
        logits, moved = model(x[rows], training=True)
        each = optax.sigmoid_binary_cross_entropy(logits, labels)
        return jnp.sum(alpha * jnp.mean(each, axis=0)), moved

    (loss, moved), slope = jax.value_and_grad(weighted, has_aux=True)(state.model)
    change, optimiser = optax.adam(rate).update(slope, state.optimiser)
    return _State(eqx.apply_updates(moved, change), optimiser), loss


@jax.jit
def _logits(model: ImageModel, x: Float32[Array, "b h w c"]) -> Float32[Array, "b k"]:
    return model(x, training=False)[0]


def _held(
    model: ImageModel, x: Float32[Array, "n h w c"], data: LabelledImages, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """AUC of dev and test part, from logits with the running moments."""
    rows = np.concatenate([data.part["dev"], data.part["test"]])
    # Padded, so that one program finds them all.
    full = np.resize(rows, -(-len(rows) // HELD) * HELD).reshape(-1, HELD)
    scores = np.concatenate([np.asarray(_logits(model, x[some])) for some in full])
    scores = scores[: len(rows)]
    bad = np.flatnonzero(~np.isfinite(scores).all(axis=0))
    if len(bad):
        raise ValueError(
            f"{data.names[bad[0]]}: scores after pass {number + 1} are not finite: "
            "lower the rate"
        )
    cut = len(data.part["dev"])
    return (
        _auc(data.labels[rows[:cut]], scores[:cut]),
        _auc(data.labels[rows[cut:]], scores[cut:]),
    )


def _auc(labels: np.ndarray, scores: np.ndarray) -> Float[np.ndarray, " k"]:
    return np.array(
        [
            roc_auc_score(y, s) if y.min() < y.max() else np.nan
            for y, s in zip(labels.T, scores.T, strict=True)
        ]
    )


def _training_rows(data: LabelledImages, batch: int) -> Int[np.ndarray, " m"]:
    train = data.part["train"]
    if len(train) < batch:
        raise ValueError(
            f"a batch of {batch} images needs as many, and the train part has "
            f"{len(train)}: use a smaller batch"
        )
    return train


def _labels(data: LabelledImages, labels: np.ndarray | None) -> np.ndarray:
    """Labels of the training part, 32-bit."""
    clean = data.labels[data.part["train"]]
    given = clean if labels is None else np.asarray(labels)
    if given.shape != clean.shape:
        raise ValueError(
            f"labels must be {clean.shape[0]} x {clean.shape[1]} as the train part, "
            f"got shape {given.shape}"
        )
    for name, column in zip(data.names, given.T, strict=True):
        if not np.isin(column, (0, 1)).all():
            raise ValueError(f"{name}: labels to train on must be 0 or 1")
    return given.astype(np.float32)
