"""F-G2: groups chosen from losses of pairs, on tables with a known truth."""

from pathlib import Path

import numpy as np
import pytest

from paper_checks.claims.sets_from_pairs import judged
from paper_checks.data.task_networks import FOLDER, SETTINGS, load_networks, missing
from paper_checks.studies import sets_from_pairs
from theory.grouping import TableScores
from theory.grouping.scores import members_of

MEMBERS = members_of(np.arange(1, 32), 5)


def losses(rng: np.random.Generator, *, pairs_say: bool) -> np.ndarray:
    """Losses of all sets; a set's gain is the mean over its pairs, or chance."""
    pairs = rng.normal(scale=0.2, size=(5, 5))
    np.fill_diagonal(pairs, 0)
    size = MEMBERS.sum(axis=1)
    gain = MEMBERS @ pairs / np.maximum(size - 1, 1)[:, None]
    if not pairs_say:
        other = rng.normal(scale=0.2, size=gain.shape)
        gain = np.where((size > 2)[:, None], other, gain)
    difficulty = np.array([1.0, 0.1, 3.0, 0.5, 10.0])
    return np.where(MEMBERS, difficulty * (1 - gain), np.nan)


def write(folder: Path, *, pairs_say: bool = True) -> Path:
    """A folder as the one of the networks."""
    (folder / FOLDER).mkdir()
    for seed, name in enumerate(SETTINGS.values()):
        rng = np.random.default_rng(seed)
        table = losses(rng, pairs_say=pairs_say)
        for end in ("", "_test"):
            noisy = table * (1 + 0.01 * rng.normal(size=table.shape))
            text = "\n".join(
                "\t".join("" if np.isnan(x) else repr(float(x)) for x in row)
                for row in [np.full(5, 9.0), *noisy]
            )
            (folder / FOLDER / f"{name}{end}.txt").write_text(text)
    return folder


def test_where_pairs_tell_all_nothing_is_missed(tmp_path: Path):
    found = judged(load_networks(write(tmp_path)))
    assert found.holds
    regret, whole, ranks, share = found.measurements
    assert (regret.value, whole.value) == pytest.approx((0, 0), abs=20)
    assert (ranks.value, share.value) == pytest.approx((1, 1), abs=0.1)


def test_where_they_tell_nothing_it_does_not_hold(tmp_path: Path):
    found = judged(load_networks(write(tmp_path, pairs_say=False)))
    assert not found.holds
    assert found.measurements[2].value < 0.6


def test_random_groups_are_worth_what_many_draws_are():
    rng = np.random.default_rng(0)
    test = TableScores(MEMBERS, 1 - losses(rng, pairs_say=False))
    labels = rng.integers(3, size=(20_000, 5))
    worth = np.zeros(len(labels))
    for group in range(3):
        worth += np.nansum(test.of(labels == group), axis=1)
    error = worth.std() / np.sqrt(len(worth))
    assert abs(sets_from_pairs.random_worth(test, 3) - worth.mean()) < 5 * error


def test_pairs_that_mislead_cost_as_much_as_chance():
    size = MEMBERS.sum(1)[:, None] * 1.0
    test = TableScores(MEMBERS, np.where(MEMBERS, size, np.nan))
    misled = sets_from_pairs.from_pairs(np.where(MEMBERS, 1 - size, np.nan))
    assert np.all(sets_from_pairs.regrets(test, test) == 0)
    assert np.all(sets_from_pairs.regrets(misled, test) > 50)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\t2\n", "has 2 columns, not 5"),
        ("1\t1\t1\t1\t1\n\t\t\t\t\n", "row 2: no set"),
        (
            "1\t1\t1\t1\t1\n1\t\t\t\t\n1\t\t\t\t\n",
            "row 3: no set of losses above 0, or a",
        ),
        ("1\t1\t1\t1\t1\n-1\t\t\t\t\n", "row 2: no set of losses above 0"),
        ("1\t1\t1\t1\t1\n1\t\t\t\t\n", "has 1 sets of tasks, not all 31"),
        ("1\tx\t1\t1\t1\n", "not a table of losses"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, text: str, message: str):
    folder = write(tmp_path)
    path = folder / FOLDER / "results_alt.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"results_alt.txt.*{message}"):
        load_networks(folder)


def test_a_folder_without_them_is_lacking(tmp_path: Path):
    assert "taskgrouping" in missing(None)
    assert "taskgrouping" in missing(tmp_path)
    assert not missing(write(tmp_path))
