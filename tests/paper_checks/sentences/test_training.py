"""Batches, inputs, and what is learned."""

from pathlib import Path

import numpy as np
import pytest

from paper_checks.data.corpus import load_corpus
from paper_checks.data.vectors import load_vectors
from paper_checks.networks.buckets import edges, plan
from paper_checks.sentences.cells import Bench, Cell
from paper_checks.sentences.inputs import encoder_inputs
from paper_checks.sentences.splits import split
from paper_checks.sentences.training import Fit, Problem, Training, fit
from tests.paper_checks.data.test_folder import Folder
from tests.paper_checks.sentences.folder import WORDS, add_six_sets

D = 4  # of the vectors


@pytest.mark.parametrize("together", [None, 3])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_hold_every_row_of_every_run_once(together: int | None, shuffle: bool):
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 20, 100)
    padded = edges(lengths, 3)
    assert padded[-1] == lengths.max()
    runs = [[np.arange(0, 37), np.arange(50, 63)], [np.arange(0, 9), np.arange(63, 99)]]
    groups = plan(runs, lengths, padded, 5, together, rng if shuffle else None)
    for run, tasks in enumerate(runs):
        for task, rows in enumerate(tasks):
            held = [
                g.rows[g.task == task, run][g.seen[g.task == task, run]] for g in groups
            ]
            np.testing.assert_array_equal(np.sort(np.concatenate(held)), rows)
    for group in groups:
        assert lengths[group.rows[group.seen]].max(initial=0) <= group.length
        assert together is None or len(group.task) == together


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    folder = tmp_path_factory.mktemp("sets")
    add_six_sets(Folder(folder))
    return Bench(load_corpus(folder), load_vectors(folder), folder / "cells")


def test_inputs_are_the_vectors_of_the_tokens(bench: Bench):
    words = encoder_inputs(bench.corpus, bench.vectors, "lstm")
    known = [WORDS.index(t) for t in bench.corpus.tokens[5] if t in WORDS]
    vectors = bench.vectors.vectors[known]
    scale = words.table[words.places[5, 0]] / vectors[0]
    places = words.places[5][: len(known)]
    assert not words.places[5][len(known) :].any()
    np.testing.assert_allclose(words.table[places], vectors * scale, rtol=1e-4)
    np.testing.assert_allclose(np.mean(words.table[1:] ** 2), 1, rtol=1e-5)
    assert not words.table[0].any()
    means = encoder_inputs(bench.corpus, bench.vectors, "mlp")
    mean = vectors.mean(axis=0)
    found = means.table[means.places[5, 0]]
    np.testing.assert_allclose(found / found[0], mean / mean[0], rtol=1e-4)
    rows = np.array([3, 5])
    x = means.table[means.places[rows, 0]].astype(float)
    np.testing.assert_allclose(means.gram(rows), x.T @ x, rtol=1e-10)


HOW = Training(width=8, batch=20, rate=0.05, epochs=12, patience=12)


def trained(bench: Bench, problems: list[Problem], **changed) -> Fit:
    how = Training(**{**vars(HOW), **changed})
    inputs = bench.inputs(how.encoder)
    return fit(inputs, bench.corpus.classes, problems, how)


def problems(bench: Bench, tasks: tuple[int, ...], runs: int) -> list[Problem]:
    return [
        Problem(tasks, split(bench.corpus, bench.duplicates, "naive", run, 0), run)
        for run in range(runs)
    ]


def test_two_tasks_are_learned_and_stop_when_nothing_gets_better(bench: Bench):
    found = trained(bench, problems(bench, (1, 2), 2), patience=2, aligned=True)
    # 'good' and 'bad' decide the labels, and a mean of vectors shows them.
    assert found.test.shape == (2, 2)
    assert np.mean(found.test) > 0.85
    assert found.passes < HOW.epochs
    assert np.all(found.best_pass <= found.passes - 2)
    assert found.maps is not None
    assert found.maps.shape == (2, 2, D, D)
    assert np.abs(found.maps - np.eye(D)).max() > 1e-3
    unlike = [*problems(bench, (1,), 1), *problems(bench, (1, 2), 1)]
    with pytest.raises(ValueError, match="as many tasks each"):
        trained(bench, unlike)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_sequences_are_learned_from_batches_of_several_lengths(bench: Bench, kind):
    how = {"encoder": kind, "buckets": 2, "together": 2}
    found = trained(bench, problems(bench, (0, 1), 2), **how)
    assert np.mean(found.test) > 0.85


@pytest.mark.long
def test_runs_side_by_side_are_those_apart(bench: Bench):
    """With all rows in one batch, order is no matter, and a run is its own."""
    both = problems(bench, (1, 2), 2)
    how = {"batch": 200, "epochs": 4}
    together = trained(bench, both, **how)
    for run, problem in enumerate(both):
        apart = trained(bench, [problem], **how)
        np.testing.assert_allclose(apart.dev[0], together.dev[run], atol=0.11)


@pytest.mark.long
def test_a_cell_that_is_done_is_read_and_not_run(bench: Bench, tmp_path: Path):
    told: list[str] = []
    mine = Bench(bench.corpus, bench.vectors, tmp_path, told.append)
    cell = Cell(
        problems=(("mr", "cr"), ("sst", "mr")),
        runs=2,
        protocol="exact",
        training=Training(**{**vars(HOW), "aligned": True, "epochs": 3}),
    )
    first = mine.result(cell)
    again = Bench(bench.corpus, bench.vectors, tmp_path, told.append).result(cell)
    assert told == [cell.name]
    np.testing.assert_array_equal(first.test, again.test)
    assert first.test.shape == (2, 2, 2)
    np.testing.assert_array_equal(first.of(("sst", "mr")), first.test[1])
    assert np.all((first.similarity > 0) & (first.similarity <= 1))
    assert {"seconds", "jax", "spec", "data"} <= first.about.keys()
    (path,) = tmp_path.iterdir()
    assert path.stat().st_size < 5000
    path.write_text(path.read_text()[:-20])  # damaged: run again
    mine.result(cell)
    assert len(told) == 2
    mine.checksums = {**mine.checksums, "vectors": "another"}
    mine.result(cell)
    assert len(told) == 3


@pytest.mark.long
def test_labels_in_random_order_teach_nothing(bench: Bench):
    how = Training(**{**vars(HOW), "epochs": 4})
    base = {"problems": (("mr",), ("cr",)), "runs": 4, "protocol": "naive"}
    plain, none = (
        bench.result(Cell(**base, training=how, shuffled=shuffled))  # pyright: ignore[reportArgumentType]
        for shuffled in (False, True)
    )
    assert plain.test.mean() > none.test.mean() + 0.2
