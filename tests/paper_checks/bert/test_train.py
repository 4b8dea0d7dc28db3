"""Whole runs: resuming, transfer and several devices."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from paper_checks.bert.optimiser import Rates
from paper_checks.bert.problem import Problem, load_problem
from paper_checks.bert.run import Machine, Run
from paper_checks.bert.sharding import new_layout
from paper_checks.bert.similarity import layer_similarity
from paper_checks.bert.train import Trained, train

RATES = Rates(rate=3e-3, turn_rate=3e-3)


def a_run(made_up: Path, **changed: Any) -> Run:
    asked: dict = {
        "encoder": str(made_up / "model"),
        "tasks": ("cola", "rte"),
        "alignment": "moving",
        "epochs": 4,
        "batch": 8,
        "length": 16,
        "buckets": 1,
        "rates": RATES,
    }
    return Run(**(asked | changed))


MACHINE = Machine(save_every=7, report_every=5)


def quiet(_: str) -> None:
    pass


def finished(run: Run, problem: Problem, folder: Path, **how: Any) -> Trained:
    done = train(run, problem, MACHINE, folder, quiet, **how)
    assert done is not None
    return done


@pytest.mark.long
def test_a_run_that_is_cut_short_goes_on_with_the_same_losses(
    made_up: Path, tmp_path: Path
):
    run = a_run(made_up)
    problem = load_problem(run, made_up)
    whole = finished(run, problem, tmp_path / "whole")
    assert len(whole.losses) == 4 * 12
    assert np.mean(whole.losses[-8:]) < 0.7 * np.mean(whole.losses[:8])
    assert whole.scores["cola"]["score"] > 50
    # Cut at a step that is no checkpoint of its own, in the second epoch, twice.
    folder = tmp_path / "cut"
    for stop in (17, 33):
        assert train(run, problem, MACHINE, folder, quiet, stop_after=stop) is None
    again = finished(run, problem, folder)
    # The same operations in the same order: equal to the last bit.
    assert again.losses == whole.losses
    assert again.scores == whole.scores
    scores = layer_similarity(
        again.model, problem.tasks.dev, problem.tasks.padded, normalised=True
    )
    assert scores.shape == (3, 2, 2)
    assert np.allclose(np.diagonal(scores, axis1=1, axis2=2), 1)
    assert (scores[:, 0, 1] < 1).all()
    with pytest.raises(ValueError, match="of another run: seed 0, asked for 1"):
        train(a_run(made_up, seed=1), problem, MACHINE, folder, quiet)


KILL = """
import os, signal, sys
from pathlib import Path
import jax
jax.config.update("jax_enable_x64", True)
from tests.paper_checks.bert.test_train import MACHINE, a_run
from paper_checks.bert.problem import load_problem
from paper_checks.bert.train import train
made_up, folder = map(Path, sys.argv[1:])
run = a_run(made_up)
def report(text):
    if "step 25 " in text:
        os.kill(os.getpid(), signal.SIGKILL)
train(run, load_problem(run, made_up), MACHINE, folder, report)
"""


@pytest.mark.long
def test_a_killed_process_loses_no_more_than_its_last_steps(
    made_up: Path, tmp_path: Path
):
    run = a_run(made_up)
    problem = load_problem(run, made_up)
    killed = subprocess.run(
        [sys.executable, "-c", KILL, str(made_up), str(tmp_path / "run")], check=False
    )
    assert killed.returncode == -9
    said: list[str] = []
    done = train(run, problem, MACHINE, tmp_path / "run", said.append)
    assert said[0] == "goes on after step 21 of 48"
    assert done is not None
    assert done.losses == finished(run, problem, tmp_path / "whole").losses


@pytest.mark.long
def test_an_encoder_is_carried_over_from_the_sources(made_up: Path, tmp_path: Path):
    run = a_run(made_up, tasks=("rte",), sources=("sst2",), alignment="fixed", epochs=2)
    problem = load_problem(run, made_up)
    done = finished(run, problem, tmp_path)
    assert set(done.scores) == {"rte"}
    assert len(done.losses) == 2 * 6 + 2 * 6
    # Under the reading `fixed` the encoder is that of the sources, not the folder's.
    moved = np.abs(np.asarray(done.model.encoder.pieces - problem.encoder.pieces)).max()
    assert moved > 1e-3
    assert done.model.turns is not None


EIGHT = """
import sys
from dataclasses import replace
from pathlib import Path
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
assert jax.device_count() == 8
from tests.paper_checks.bert.test_train import MACHINE, a_run
from paper_checks.bert.problem import load_problem
from paper_checks.bert.sharding import new_layout
from paper_checks.bert.train import train
made_up, folder = map(Path, sys.argv[1:])
run = a_run(made_up, epochs=1, tasks=("rte",))
problem = load_problem(run, made_up)
found = {}
for name, layout in {
    "one": new_layout(devices=jax.devices()[:1]),
    "copies": new_layout(),
    "pieces": new_layout(4, least=0),
}.items():
    where = folder / ("pieces" if name == "one" else name)
    if name == "pieces":
        # Half of the run on one device, the rest in pieces on eight.
        one = new_layout(devices=jax.devices()[:1])
        where = folder / "moved"
        train(run, problem, MACHINE, where, print, layout=one, stop_after=3)
    done = train(run, problem, MACHINE, where, print, layout=layout)
    cut = done.model.encoder.blocks.mixed.weight.sharding.spec
    print(name, cut)
    assert ("pieces" in str(cut)) == (name == "pieces")
    found[name] = done
for name in ("copies", "pieces"):
    a, b = found["one"], found[name]
    # Sums over rows in another order, through 6 steps of Adam.
    assert np.allclose(a.losses, b.losses, rtol=0, atol=2e-4), (a.losses, b.losses)
    assert np.allclose(a.losses[:1], b.losses[:1], rtol=0, atol=1e-6)
print("equal")
"""


@pytest.mark.long
def test_eight_devices_give_what_one_gives(made_up: Path, tmp_path: Path):
    out = alone(EIGHT, [str(made_up), str(tmp_path)], devices=8)
    assert out.splitlines()[-1] == "equal"


HOSTS = """
import socket
import jax
from paper_checks.bert.sharding import Hosts
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
assert Hosts(coordinator=f"127.0.0.1:{port}", processes=1, process=0).join() == 0
import numpy as np
from paper_checks.bert.sharding import new_layout
from tests.paper_checks.bert.test_trainer import host_batch
batch = new_layout().put(host_batch(1))
assert np.array_equal(batch.labels, host_batch(1).labels)
jax.distributed.shutdown()
print("joined")
"""


@pytest.mark.long
def test_a_process_joins_a_run_of_several_hosts():
    assert alone(HOSTS, [], devices=2).splitlines()[-1] == "joined"


def alone(script: str, arguments: Sequence[str], *, devices: int) -> str:
    """Run a script in a process of its own, on so many virtual devices."""
    flags = (
        f"--xla_force_host_platform_device_count={devices} "
        "--xla_backend_optimization_level=0"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_batch_that_cannot_be_trained_is_refused(made_up: Path, tmp_path: Path):
    run = a_run(made_up)
    problem = load_problem(run, made_up)
    machine, one = Machine(memory=1e-4), new_layout(devices=jax.devices()[:1])
    with pytest.raises(ValueError, match=r"needs about .* GB on each of 1 devices"):
        train(run, problem, machine, tmp_path, quiet, layout=one)
