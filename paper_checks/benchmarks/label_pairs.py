"""Algorithm 2 on random pairs of tasks, one of which has random labels (W-X2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key
from sklearn.metrics import roc_auc_score

from paper_checks.benchmarks.folds import (
    Standardised,
    constant_columns,
    refuse_constant_labels,
    row_statistics,
    standardise,
)
from paper_checks.benchmarks.label_noise import (
    logistic_weights,
    randomised,
    weighting_schemes,
)
from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.networks.mlp import mlp_logits, scaled, train_mlps
from simulations.store import Entry, dataset
from theory.linear import shared_optimum

# How the algorithm is read, and the uniform weights that it is compared with.
READINGS = {"printed": "uniform", "standardised": "uniform_standardised"}
MODELS = ("linear", "mlp")


@dataclass(frozen=True, kw_only=True)
class LabelPairs:
    """What is done to each set; saved with the results.

    Args:
        sets: Names of multi-label sets with a training and a test part.
        pairs: Random pairs of tasks of each set.
        draws: Draws of the random labels of each pair.
        share: Of the training labels of the pair's first task that are random.
        width: Hidden units of the MLP; the linear module has one column.
        steps: Of Adam.
        batch: Rows a step.
        rate: Of Adam.
        seed: Of pairs, labels, starts and batches.
        manifest: SHA-256 of the list of what the sets are read from.
    """

    sets: tuple[str, ...] = ("yeast", "scene", "emotions")
    pairs: int = 20
    draws: int = 5
    share: float = 0.2
    width: int = 10
    steps: int = 300
    batch: int = 100
    rate: float = 5e-3
    seed: int = 0
    manifest: str = ""


class Noisy(NamedTuple):
    """A pair with random labels: standardised rows, and the model of its statistics."""

    tasks: tuple[int, int]
    labels: list[np.ndarray]
    model: Standardised


Load = Callable[[str, str], LinearBenchmark]


def run(spec: LabelPairs, load: Load) -> xr.Dataset:
    """Test AUC with the weights of Algorithm 2 less that with uniform weights.

    The first task of a pair has random labels in training; test labels are clean. Both
    tasks share one column (linear, squared loss) or a hidden layer (MLP, logistic
    loss). Weights are those of rank 1, on labels in their own units (`printed`) and on
    labels of unit variance (`standardised`); the linear model is compared with uniform
    weights on the same labels.

    Args:
        spec: What is done.
        load: Reads the `train` or `test` part of a set.

    Returns:
        `gain` and `noisy_gain` (set, model, reading, pair, draw): AUC weighted less
        uniform, mean of both tasks and of the task with random labels; `uniform`, the
        mean AUC with uniform weights (set, model, pair, draw). In points of a per cent.

    Raises:
        ValueError: A share out of range, or parts that do not fit.
    """
    if not 0 <= spec.share <= 1:
        raise ValueError(f"share of labels must be in [0, 1], got {spec.share}")
    by_set = []
    for number, name in enumerate(spec.sets):
        train, test = load(name, "train"), load(name, "test")
        if train.task_names != test.task_names:
            raise ValueError(f"{name}: train and test parts have other tasks")
        if train.dimension != test.dimension:
            raise ValueError(
                f"{name}: the train part has {train.dimension} inputs, and the test "
                f"part {test.dimension}: they must be of one set"
            )
        by_set.append(_set(spec, number, train, test))
    auc = 100 * np.stack(by_set)  # set, pair, draw, model, scheme, task
    auc = np.moveaxis(auc, (1, 2), (-2, -1))  # set, model, scheme, task, pair, draw
    gain = auc[:, :, [1, 3]] - auc[:, :, [0, 2]]
    axes = ("set", "model", "reading", "pair", "draw")
    variables: dict[str, Entry] = {
        "gain": (axes, gain.mean(axis=3), "gain of mean AUC", "points"),
        "noisy_gain": (
            axes,
            gain[:, :, :, 0],
            "gain of the noisy task's AUC",
            "points",
        ),
        "uniform": (
            ("set", "model", "pair", "draw"),
            auc[:, :, 0].mean(axis=2),
            "mean AUC, uniform weights",
            "per cent",
        ),
    }
    coordinates: dict[str, Entry] = {
        "set": ("set", list(spec.sets), "set", "1"),
        "model": ("model", list(MODELS), "model", "1"),
        "reading": ("reading", list(READINGS), "reading of Algorithm 2", "1"),
    }
    return dataset(spec, variables, coordinates)


def noisy_auc(
    spec: LabelPairs, train: LinearBenchmark, test: LinearBenchmark, share: float
) -> Float[np.ndarray, "pairs 2"]:
    """Test AUC of the first and second task, linear, uniform weights, one draw."""
    found = []
    for pair in range(spec.pairs):
        noisy = noisy_pair(replace(spec, share=share), train, 0, pair, 0)
        scheme = weighting_schemes(noisy.model, 1)["uniform"]
        found.append(linear_auc(noisy.model, test, noisy.tasks, 1, scheme))
    return np.array(found)


def noisy_pair(
    spec: LabelPairs, train: LinearBenchmark, number: int, pair: int, draw: int
) -> Noisy:
    """Choose a pair of tasks, and randomise labels of the first.

    Raises:
        ValueError: Fewer than two tasks, tasks with an `X` of their own, or random
            labels that are all equal.
    """
    if train.count < 2 or not train.common_covariates:
        raise ValueError(
            f"{train.name}: a pair needs two tasks on one X, got {train.count} with "
            f"{'one X' if train.common_covariates else 'an X each'}"
        )
    rng = np.random.default_rng([spec.seed, number, pair])
    tasks = tuple(int(t) for t in rng.choice(train.count, 2, replace=False))
    rng = np.random.default_rng([spec.seed, number, pair, draw])
    own = replace(
        train,
        task_names=tuple(train.task_names[t] for t in tasks),
        covariates=train.covariates[:1] * 2,
        labels=tuple(train.labels[t] for t in tasks),
    )
    every = [np.ones(train.rows, dtype=bool)] * 2
    labels = list(own.labels)
    labels[0] = randomised(labels[0], every[0], spec.share, rng)
    where = f"once {spec.share:.0%} of them are random"
    mend = "use another seed, or leave out a task that is so rare"
    refuse_constant_labels(own, labels, every, where, mend)
    statistics = row_statistics(own, every, labels)
    return Noisy(
        (tasks[0], tasks[1]),
        labels,
        standardise(statistics, constant_columns(own, every)),
    )


def _set(
    spec: LabelPairs, number: int, train: LinearBenchmark, test: LinearBenchmark
) -> np.ndarray:
    """AUC (pair, draw, model, scheme, task) of one set."""
    chosen = [
        noisy_pair(spec, train, number, pair, draw)
        for pair in range(spec.pairs)
        for draw in range(spec.draws)
    ]
    schemes = [weighting_schemes(one.model, 1) for one in chosen]
    names = [name for pair in READINGS.items() for name in (pair[1], pair[0])]
    linear = [
        [linear_auc(one.model, test, one.tasks, 1, weights[name]) for name in names]
        for one, weights in zip(chosen, schemes, strict=True)
    ]
    alphas = np.stack([logistic_weights(one.model, 1) for one in chosen])
    labels = np.stack([np.stack(one.labels, axis=1) > 0 for one in chosen])
    keys = jax.random.split(jax.random.key(1000 * spec.seed + number), len(chosen))
    pairs = [one.tasks for one in chosen]
    deep = mlp_auc(spec, train, test, pairs, labels.astype(float), alphas, keys)
    deep = deep[:, [0, 1, 0, 2]]  # both uniform schemes are one, as losses are
    both = np.stack([np.array(linear), deep], axis=1)
    return both.reshape(spec.pairs, spec.draws, *both.shape[1:])


def linear_auc(
    model: Standardised,
    test: LinearBenchmark,
    tasks: Sequence[int],
    width: int,
    weights: Float[Array, " k"],
) -> list[float]:
    """Test AUC of tasks that share `width` columns, with weights on squared losses."""
    found = shared_optimum(model.statistics, width, weights).parameters
    slopes = np.asarray(model.column_scale * found)
    pairs = zip(tasks, slopes, strict=True)
    return [auc(test.labels[t], test.covariates[t] @ slope) for t, slope in pairs]


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve of labels −1 and 1."""
    return float(roc_auc_score(labels > 0, scores))


def mlp_auc(
    spec: LabelPairs,
    train: LinearBenchmark,
    test: LinearBenchmark,
    tasks: Sequence[Sequence[int]],
    labels: Float[np.ndarray, "n m k"],
    alphas: Float[np.ndarray, "n s k"],
    keys: Key[Array, " n"],
) -> Float[np.ndarray, "n s k"]:
    """Test AUC of hidden layers that tasks share, with several weights.

    Args:
        spec: Sizes and training of the MLP.
        train: Its rows are trained on.
        test: Its rows and labels are tested on.
        tasks: Of each problem.
        labels: To train on, 0 and 1, of each problem.
        alphas: Weights on logistic losses, several of each problem.
        keys: Of start and batches; one for all weights, which are compared.
    """
    schemes, k = alphas.shape[1:]
    trained = train_mlps(
        jnp.asarray(scaled(train.covariates[0], train)),
        jnp.asarray(np.repeat(labels, schemes, axis=0), jnp.float32),
        jnp.asarray(alphas.reshape(-1, k), jnp.float32),
        jnp.repeat(keys, schemes),
        spec.width,
        spec.steps,
        spec.batch,
        spec.rate,
    )
    held = jnp.asarray(scaled(test.covariates[0], train))
    scores = np.asarray(jax.vmap(mlp_logits, (0, None))(trained, held))
    scores = scores.reshape(len(tasks), schemes, len(held), k)

    def of(own: Sequence[int], out: np.ndarray) -> list[float]:
        pairs = zip(own, out.T, strict=True)
        return [auc(test.labels[t], column) for t, column in pairs]

    pairs = zip(tasks, scores, strict=True)
    return np.array([[of(own, out) for out in mine] for own, mine in pairs])
