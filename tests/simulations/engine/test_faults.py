"""Kills, full disks and the like, with real processes and real file systems."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from simulations.engine.commands import describe
from simulations.engine.in_memory import in_memory
from simulations.engine.program import Sizes
from simulations.engine.run import Choices, load_columns, run_cells
from simulations.engine.store_files import open_store
from tests.simulations.engine.toy import Toy

ROOT = Path(__file__).parents[3]
SMALL = Choices(sizes=Sizes(4, 8))
EIGHT = "--xla_force_host_platform_device_count=8"


# A shell starts what runs in the background with Ctrl-C ignored, and a child inherits
# that. Another program mends it, since code run between fork and exec (preexec_fn)
# makes JAX warn of a deadlock if this process has used JAX before.
HEARD = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


def python(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HEARD, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check(store, spec):
    found, data = load_columns(store, spec.study()), in_memory(spec.study())
    assert all(np.array_equal(found[name], data[name]) for name in found)


@contextmanager
def file_system(folder: Path, size: str):
    """A small one of its own, if this process may mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        made = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        made = False
    if not made:
        pytest.skip("this user cannot mount a tmpfs")
    try:
        yield lambda options: subprocess.run(
            ["mount", "-o", f"remount,{options}", str(folder)], check=True
        )
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.long
def test_thirty_kills_leave_the_bytes_of_an_uninterrupted_run(tmp_path):
    process = python("-m", "tests.simulations.engine.killed", str(tmp_path), "30")
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert report["killed"] == 30, report
    done = report["chunks done at each kill"]
    assert len(set(done)) > 15, "kills were not spread over the run"
    assert report["second refused"]
    assert "is in use by process" in err
    assert report["exit code of the last run"] == 0
    assert report["same bytes"]
    assert report["same marks"]
    assert not report["half-written files"]


@pytest.mark.long
def test_a_full_disk_is_said_and_what_is_written_is_kept(tmp_path):
    spec = Toy(repeats=200)
    with file_system(tmp_path / "disk", "700k") as remount:
        path = tmp_path / "disk" / "toy.cells"
        with pytest.raises(
            OSError, match=r"chunk \d+ cannot be written.*No space left"
        ):
            run_cells(spec.study(), path, None, SMALL)
        before = open_store(path).done()
        assert 10 < len(before) < 150
        assert all(open_store(path).read(chunk) is not None for chunk in before)
        assert f"{8 * len(before)} of 1,200 cells" in describe(path, check=True)
        remount("size=16m")
        check(run_cells(spec.study(), path, None, SMALL), spec)


def test_a_file_that_may_not_grow_is_said_and_nothing_is_lost(tmp_path):
    spec, choices = Toy(repeats=100), Choices(sizes=Sizes(4, 256))
    path = tmp_path / "toy.cells"
    store = run_cells(spec.study(), path, None, choices)
    store.unmark(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match=r"chunk 1 cannot be written.*too large"):
            run_cells(spec.study(), path, None, choices)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert open_store(path).missing() == [1]
    check(run_cells(spec.study(), path, None, choices), spec)


@pytest.mark.long
def test_a_read_only_store_is_refused_and_can_be_read(tmp_path):
    spec = Toy()
    with file_system(tmp_path / "disk", "1m") as remount:
        path = tmp_path / "disk" / "toy.cells"
        run_cells(spec.study(), path, None, SMALL)
        remount("ro")
        with pytest.raises(OSError, match=r"toy\.cells cannot be written.*Read-only"):
            run_cells(spec.study(), path, None, SMALL)
        with pytest.raises(OSError, match=r"new\.cells cannot be written.*Read-only"):
            run_cells(spec.study(), tmp_path / "disk" / "new.cells", None, SMALL)
        check(open_store(path, write=False), spec)
        assert "24 of 24 cells done" in describe(path, check=True)


RUN = """
import sys
from pathlib import Path
from rich.console import Console
from simulations.engine.commands import Machines, run_spec
from simulations.engine.process import prepare_process
from simulations.engine.run import Choices, StoppedError
from simulations.engine.program import Sizes
from tests.simulations.engine.toy import Toy
prepare_process()
spec, choices = eval(sys.argv[2]), Choices(sizes=Sizes(4, 32))
try:
    run_spec(spec, Path(sys.argv[1]), Machines(), choices, Console(stderr=True))
except StoppedError as stopped:
    print(stopped)
    sys.exit(130)
import jax
print(len(jax.devices()), "devices")
"""


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(tmp_path, number):
    path, spec = tmp_path / "toy.cells", Toy(repeats=1000, slow=0.01)
    process = python("-c", RUN, str(path), repr(spec))
    until = time.monotonic() + 60
    while not list(path.glob("done/*")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == "", "no trace, and no bar without a terminal"
    store = open_store(path)
    done = store.cells_in(store.done())
    assert 0 < done < 6000
    assert out == (
        f"stopped with {done:,} of 6,000 cells done; go on with: "
        f"python -m simulations resume {path}\n"
    )


@pytest.mark.long
def test_eight_devices_give_the_bits_of_one(tmp_path):
    spec = Toy(repeats=100)
    path = tmp_path / "eight.cells"
    process = python("-c", RUN, str(path), repr(spec), XLA_FLAGS=EIGHT)
    out, err = process.communicate(timeout=120)
    assert out == "8 devices\n", err
    check(open_store(path), spec)
