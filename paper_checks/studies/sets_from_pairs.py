"""How well losses of pairs tell those of larger sets, and which groups they choose."""

from itertools import product

import numpy as np
import xarray as xr
from scipy.stats import rankdata

from theory.grouping import Groups, PairScores, TableScores, best_groups
from theory.grouping.scores import members_of

# Of groups, where there is a choice between one group for all and one a task.
NUMBERS = (2, 3, 4)


def gains(loss: xr.DataArray) -> xr.DataArray:
    """`1 − L_j(G)/L_j({j})`: losses would mainly say which tasks are difficult."""
    alone = loss.sel(set=[1 << j for j in range(loss.sizes["task"])])
    return 1 - loss / alone.max("set")


def from_pairs(gain: np.ndarray) -> PairScores:
    """Scores from the gains of pairs alone: the mean over the pairs within a set."""
    k = gain.shape[1]
    pairs = np.zeros((k, k))
    for i, j in product(range(k), repeat=2):
        pairs[i, j] = gain[(1 << i | 1 << j) - 1, j]
    np.fill_diagonal(pairs, 0)
    return PairScores(pairs, np.zeros(k))


def rank_correlations(scores: PairScores, test: np.ndarray) -> np.ndarray:
    """Of predicted and measured gains of each task, over sets of three and more."""
    members = members_of(np.arange(1, len(test) + 1), scores.count)
    told, large = scores.of(members), members.sum(axis=1) > 2
    return np.array(
        [
            np.corrcoef(*(rankdata(one[large & own, j]) for one in (told, test)))[0, 1]
            for j, own in enumerate(members.T)
        ]
    )


def explained(scores: PairScores, test: np.ndarray) -> float:
    """Share that predictions explain of the squared gains about a task's mean pair."""
    members = members_of(np.arange(1, len(test) + 1), scores.count)
    large = (members.sum(axis=1) > 2)[:, None] & members
    told = scores.of(members)
    mean = scores.affinity.sum(axis=0) / (scores.count - 1)
    rest, all_ = (
        (test - one)[large] for one in (told, np.broadcast_to(mean, test.shape))
    )
    return 1 - float(np.sum(rest**2) / np.sum(all_**2))


def worth(groups: Groups, test: TableScores) -> float:
    """Total test gain of chosen groups, each task served as it was chosen."""
    members = np.array([np.isin(np.arange(test.count), g) for g in groups.groups])
    return float(test.of(members)[groups.serving, np.arange(test.count)].sum())


def random_worth(test: TableScores, number: int) -> float:
    """Mean total test gain over all ways to label the tasks with a group."""
    labels = np.array(list(product(range(number), repeat=test.count)))
    total = sum(
        np.nansum(test.of(labels == group)[(labels == group).any(axis=1)])
        for group in range(number)
    )
    return float(total / len(labels))


def regrets(scores: PairScores | TableScores, test: TableScores) -> np.ndarray:
    """What these choices miss of the gain of the best groups over random ones, in %."""
    missed = []
    for number in NUMBERS:
        best, chance = best_groups(test, number).value, random_worth(test, number)
        chosen = worth(best_groups(scores, number), test)
        missed.append(100 * (best - chosen) / (best - chance))
    return np.array(missed)


def shuffled(scores: PairScores, rng: np.random.Generator) -> PairScores:
    """Gains of pairs given to other partners, task by task."""
    other = np.zeros_like(scores.affinity)
    for j in range(scores.count):
        partners = np.flatnonzero(np.arange(scores.count) != j)
        other[partners, j] = rng.permutation(scores.affinity[partners, j])
    return PairScores(other, scores.single)
