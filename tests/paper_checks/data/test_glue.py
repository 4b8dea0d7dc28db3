"""Loading, scores, and batches of GLUE's tasks."""

from pathlib import Path

import numpy as np
import pytest

from paper_checks.bert.batches import (
    Rows,
    assemble,
    bucket_lengths,
    epoch,
    in_order,
)
from paper_checks.bert.tokens import Encoded
from paper_checks.data.glue import TASKS, first_rows, load_glue, scores
from tests.paper_checks.bert.made_up import add_task
from tests.paper_checks.data.test_folder import Folder

# Labels, answers, accuracy, F1 of class 1 and Matthews' correlation.
SCORED = [
    ([1, 1, 1, 0, 0], [1, 1, 0, 0, 1], 3 / 5, 2 / 3, 1 / 6),
    # One class on either side: no correlation is known, and it counts as 0.
    ([1, 1], [1, 1], 1, 1, 0),
    ([0, 0], [0, 0], 1, 0, 0),
    ([0, 0], [1, 1], 0, 0, 0),
    ([1, 0], [1, 1], 1 / 2, 2 / 3, 0),
    ([1, 1], [0, 1], 1 / 2, 2 / 3, 0),
    ([1, 0], [0, 1], 0, 0, -1),
]


@pytest.mark.parametrize(("true", "answers", "accuracy", "f1", "matthews"), SCORED)
def test_a_task_is_scored_as_glue_scores_it(true, answers, accuracy, f1, matthews):
    for task, wanted in {
        "rte": {"accuracy": accuracy},
        "mrpc": {"f1": f1, "accuracy": accuracy},
        "cola": {"matthews": matthews},
    }.items():
        found = scores(task, np.array(true), np.array(answers))
        score = 100 * np.mean(list(wanted.values()))
        assert found == pytest.approx(wanted | {"score": score}, abs=1e-12)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    add_task(made, "cola")
    add_task(made, "rte")
    return made


def test_a_task_is_read(folder: Folder):
    train, dev = load_glue(folder.path, "rte")
    assert train.task is TASKS["rte"]
    assert (train.split, dev.split) == ("train", "dev")
    assert {len(row) for row in train.texts} == {2}
    assert set(train.labels.tolist()) == {0, 1}
    few = first_rows(train, 10)
    assert len(few.labels) == 10
    again = first_rows(train, 10)
    assert few.texts == again.texts
    places = [train.texts.index(row) for row in few.texts]
    assert [train.labels[place] for place in places] == few.labels.tolist()
    assert first_rows(train, None) is train
    with pytest.raises(ValueError, match="rows must be >= 2"):
        first_rows(train, 1)


BAD = {
    "2\tgood\tbad": "line 1: label '2' is none of 0, 1",
    "1\tgood": "line 1: not 'label<TAB>text<TAB>text'",
    "1\tgood\t ": "line 1: a text is empty",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_lines_are_named(line: str, folder: Folder):
    add_task(folder, "rte", lines=[line])
    with pytest.raises(ValueError, match=BAD[line]):
        load_glue(folder.path, "rte")


def test_unknown_tasks_are_named(folder: Folder):
    with pytest.raises(ValueError, match="no task 'wnli': there are cola, mrpc"):
        load_glue(folder.path, "wnli")
    with pytest.raises(ValueError, match=r"does not list mrpc \(train\)"):
        load_glue(folder.path, "mrpc")


@pytest.mark.long
@pytest.mark.parametrize("name", TASKS)
def test_real_tasks_are_read(data_folder: Path, name: str):
    """With as many rows as the manifest says."""
    for split in load_glue(data_folder, name):
        assert set(split.labels.tolist()) == {0, 1}
        assert len(split.texts) == len(split.labels) > 100


def rows_of(lengths: list[int]) -> Rows:
    pieces = tuple(np.arange(n, dtype=np.int32) + 2 for n in lengths)
    kinds = tuple((one > 4).astype(np.int32) for one in pieces)
    labels = np.arange(len(lengths)) % 2
    return Rows(Encoded(pieces, kinds, 0), labels)


TWO = (rows_of([3, 20, 16, 5, 40, 9, 32, 2]), rows_of([30, 4, 4]))


def test_an_epoch_has_each_row_once_in_a_bucket_that_holds_it():
    padded = bucket_lengths(TWO, 3)
    assert all(length % 16 == 0 for length in padded)
    assert padded[-1] == 48
    found = epoch(TWO, padded, 2, seed=1, number=0)
    for place, task in enumerate(TWO):
        mine = [chosen for chosen in found if chosen.task == place]
        seen = np.concatenate([chosen.rows for chosen in mine])
        assert sorted(seen.tolist()) == list(range(len(task.labels)))
        for chosen in mine:
            lengths = task.texts.lengths[chosen.rows]
            assert lengths.max() <= chosen.length
            shorter = [one for one in padded if one < chosen.length]
            assert not shorter or lengths.min() > shorter[-1]


def test_the_order_is_that_of_seed_and_epoch_alone():
    def flat(seed: int, number: int) -> list[list[int]]:
        padded = bucket_lengths(TWO, 2)
        return [one.rows.tolist() for one in epoch(TWO, padded, 2, seed, number)]

    assert flat(0, 1) == flat(0, 1)
    assert flat(0, 1) != flat(0, 2) != flat(1, 2)


def test_a_batch_is_padded_and_marked():
    (chosen,) = in_order(TWO[1], 7, (48,), 4)
    batch = assemble(TWO[1], chosen, 4)
    assert batch.task == 7
    assert batch.tokens == 38
    assert batch.seen.tolist() == [True, True, True, False]
    for place, row in enumerate(chosen.rows):
        n = TWO[1].texts.lengths[row]
        assert batch.mask[place].sum() == n
        assert batch.mask[place, :n].all()
        assert batch.piece[place, :n].tolist() == TWO[1].texts.pieces[row].tolist()
        assert batch.kind[place, :n].tolist() == TWO[1].texts.kinds[row].tolist()
        assert not batch.piece[place, n:].any()
        assert batch.labels[place] == TWO[1].labels[row]


def test_a_task_without_rows_is_refused():
    with pytest.raises(ValueError, match="task 1 has no rows"):
        bucket_lengths([TWO[0], rows_of([])], 2)
