"""Run a sweep, kill it by SIGKILL at random moments, let it go on, and say what was.

`python -m tests.simulations.engine.killed FOLDER KILLS`. Processes are forked before
jax is used, so that each of them starts at once.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from simulations.engine.cell_store import sole_run
from simulations.engine.process import prepare_process
from simulations.engine.program import Sizes
from simulations.engine.run import Choices, load_columns, run_cells
from simulations.engine.store_files import open_store
from tests.simulations.engine.toy import Toy

SPEC, AT_ONCE = Toy(repeats=300, slow=0.005), Toy(repeats=300, slow=1e-9)
CHOICES = Choices(sizes=Sizes(4, 8))


def start(path: Path, spec: Toy = SPEC) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            prepare_process()
            run_cells(spec.study(), path, None, CHOICES)
            code = 0
        except Exception as error:
            print(error, file=sys.stderr)
        finally:
            os._exit(code)
    return pid


def done(path: Path) -> int:
    return len(list((path / "done").glob("[0-9]*"))) if path.exists() else 0


def kill(path: Path, pid: int, pause: float, early: bool) -> bool:
    """Kill it after a pause, from its first chunk on or from its start."""
    before = done(path)
    while not early and done(path) == before:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.001)
    time.sleep(pause)
    os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def second_is_refused(path: Path) -> bool:
    """Whether a second process leaves a store alone that a first one holds."""
    with sole_run(path):
        return os.waitstatus_to_exitcode(os.waitpid(start(path), 0)[1]) == 1


def main(folder: Path, kills: int) -> None:
    rng, path = np.random.default_rng(0), folder / "killed.cells"
    killed, steps = 0, []
    for turn in range(kills):
        early = turn < kills // 5
        pause = rng.uniform(0, 1.0 if early else 0.15)
        killed += kill(path, start(path), pause, early)
        steps.append(done(path))
    refused = second_is_refused(path)
    finished = os.waitstatus_to_exitcode(os.waitpid(start(path), 0)[1])
    # From here on this process uses jax, and forks no more.
    prepare_process()
    whole = run_cells(AT_ONCE.study(), folder / "whole.cells", None, CHOICES)
    store = open_store(path)
    one, two = (load_columns(each, SPEC.study()) for each in (store, whole))
    marks = [
        {file.name: file.read_text() for file in (each.path / "done").iterdir()}
        for each in (store, whole)
    ]
    report = {
        "killed": killed,
        "chunks done at each kill": steps,
        "second refused": refused,
        "exit code of the last run": finished,
        "same bytes": all(one[k].tobytes() == two[k].tobytes() for k in two),
        "same marks": marks[0] == marks[1],
        "half-written files": [str(p) for p in path.rglob("*.partial")],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
