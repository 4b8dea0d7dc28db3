"""What the images are trained on: all tasks, or a pair with random labels in one."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from paper_checks.benchmarks.folds import Standardised, standardised_whole
from paper_checks.benchmarks.label_noise import logistic_weights, weighting_schemes
from paper_checks.benchmarks.label_pairs import (
    LabelPairs,
    linear_auc,
    mlp_auc,
    noisy_pair,
)
from paper_checks.data.chest_images import LabelledImages

Study = Literal["clean", "pairs"]
Scheme = Literal["uniform", "printed", "standardised"]
SCHEMES: tuple[Scheme, ...] = ("uniform", "printed", "standardised")
# Of the thousand images among the sets of W-X2, so that pairs are those of its ledger.
SET = 3


class Problem(NamedTuple):
    """Tasks that train together, their training labels, and where weights come from."""

    tasks: tuple[int, ...]
    labels: Int[np.ndarray, "m k"]
    model: Standardised
    rank: int

    def weights(self, scheme: Scheme) -> Float[np.ndarray, " k"]:
        """On logistic losses, of mean 1."""
        return logistic_weights(self.model, self.rank)[SCHEMES.index(scheme)]


def problem(data: LabelledImages, study: Study, number: int, seed: int) -> Problem:
    """All tasks with clean labels, or the pair of this number.

    Weights are those of pixels averaged to 8 x 8 and labels of the training part. For
    all tasks their rank is half the number of tasks, for a pair it is 1.
    """
    train = data.benchmark("train")
    if study == "pairs":
        noisy = noisy_pair(LabelPairs(seed=seed), train, SET, number, 0)
        labels = np.stack(noisy.labels, axis=1) > 0
        return Problem(noisy.tasks, labels.astype(int), noisy.model, 1)
    labels, rank = data.labels[data.part["train"]], max(1, train.count // 2)
    return Problem(tuple(range(train.count)), labels, standardised_whole(train), rank)


def linear(data: LabelledImages, given: Problem) -> Float[np.ndarray, "4 k"]:
    """Test AUC of linear tasks, squared loss; uniform for each reading, as losses are.

    Schemes are uniform and printed on labels in their own units, then uniform and
    standardised on labels of unit energy.
    """
    test, schemes = data.benchmark("test"), weighting_schemes(given.model, given.rank)
    names = ("uniform", "printed", "uniform_standardised", "standardised")
    return np.array(
        [
            linear_auc(given.model, test, given.tasks, given.rank, schemes[name])
            for name in names
        ]
    )


def mlps(
    data: LabelledImages, given: Sequence[Problem], seeds: Sequence[int]
) -> Float[np.ndarray, "n 3 k"]:
    """Test AUC of a hidden layer of ten units on 8 x 8 pixels, with every scheme."""
    labels = np.stack([one.labels for one in given]).astype(float)
    alphas = np.array([[one.weights(s) for s in SCHEMES] for one in given])
    return mlp_auc(
        LabelPairs(),
        data.benchmark("train"),
        data.benchmark("test"),
        [one.tasks for one in given],
        labels,
        alphas,
        jnp.stack([jax.random.key(seed) for seed in seeds]),
    )
