"""Checkpoints, results of runs, and the runs of the study."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from paper_checks.bert import results
from paper_checks.bert.checkpoints import Checkpoints
from paper_checks.bert.run import Machine, Protocol, Run, runs
from paper_checks.bert.sharding import Hosts
from paper_checks.bert.train import Trained

TREE = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": (np.int32(4),)}


def test_a_state_comes_back_and_another_run_is_refused(tmp_path: Path):
    about = {"tasks": ("rte", "cola"), "seed": 0}
    tree = jax.tree.map(jax.numpy.asarray, TREE)
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), tree
    )
    with Checkpoints(tmp_path / "run", about) as kept:
        assert kept.restore(shapes) is None
        for step in (1, 2, 3):
            kept.save(step, tree, [0.5] * step)
    with Checkpoints(tmp_path / "run", about) as kept:
        found = kept.restore(shapes)
    assert found is not None
    state, losses = found
    assert losses == [0.5, 0.5, 0.5]
    assert jax.tree.all(jax.tree.map(np.array_equal, state, tree))
    steps = [path.name for path in (tmp_path / "run").iterdir() if path.name.isdigit()]
    assert sorted(steps) == ["2", "3"]
    with (
        Checkpoints(tmp_path / "run", about | {"seed": 1}) as kept,
        pytest.raises(ValueError, match=r"\(step 3\) of another run: seed 0, asked"),
    ):
        kept.restore(shapes)


def done(score: float) -> Trained:
    return Trained(
        model=None,  # type: ignore[arg-type]
        losses=[0.7] * 250,
        scores={"rte": {"accuracy": score / 100, "score": score}},
        tokens_a_second=10.0,
        utilisation=None,
    )


def test_results_are_kept_and_those_of_other_settings_refused(tmp_path: Path):
    run = Run(tasks=("rte",), seed=3)
    assert not results.is_done(tmp_path, run)
    path = results.write_result(tmp_path, run, Machine(), done(60.0), {"notes": ["n"]})
    assert path.name == "rte-none-seed3.json"
    assert results.is_done(tmp_path, run)
    assert len(json.loads(path.read_text())["losses"]) == 100
    with pytest.raises(ValueError, match=r"is of another run .epochs 3, asked for 4"):
        results.is_done(tmp_path, Run(tasks=("rte",), seed=3, epochs=4))
    path.write_text("{}")
    with pytest.raises(ValueError, match="is no result"):
        results.is_done(tmp_path, run)


def test_results_of_one_protocol_are_collected(tmp_path: Path):
    folder, into = tmp_path / "runs", tmp_path / "all.json"
    with pytest.raises(ValueError, match="has no results"):
        results.collect(folder, into)
    for seed, score in enumerate((60.0, 62.0)):
        run = Run(seed=seed)
        results.write_result(folder, run, Machine(), done(score), {"notes": ("few",)})
    found = results.collect(folder, into)
    assert json.loads(into.read_text()) == found
    assert found["notes"] == ["few"]
    assert results.table(found) == [("rte", "none", [60.0, 62.0])]
    other = Run(seed=2, epochs=9)
    results.write_result(folder, other, Machine(), done(1.0), {})
    with pytest.raises(ValueError, match=r"has epochs 9 and .* one protocol for all"):
        results.collect(folder, into)


def test_the_study_has_all_pairs_with_and_without_alignment():
    listed = runs(Protocol(seeds=2))
    # Five alone; ten pairs and all five, each twice; two seeds.
    assert len(listed) == 2 * (5 + 2 * (10 + 1))
    assert len({run.name for run in listed}) == len(listed)
    assert [run.seed for run in listed] == [0] * 27 + [1] * 27
    pairs = {run.tasks for run in listed if len(run.tasks) == 2}
    assert len(pairs) == 10
    assert {run.alignment for run in listed if len(run.tasks) == 1} == {"none"}
    assert runs(Protocol(seeds=1, first_seed=1)) == listed[27:]
    assert Hosts().join() == 0
