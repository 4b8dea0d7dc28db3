"""The house itself: what imports do, what the lock holds, what a wheel holds."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("theory", "simulations", "figures", "paper_checks")


def run(*command: str) -> str:
    """Run Python apart from this process, whose flags are already set."""
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_importing_a_room_brings_no_torch_and_sets_no_global_state(room: str):
    script = f"""
import jax, pkgutil, sys
before = dict(jax.config.values)
room = __import__("{room}")
for module in pkgutil.walk_packages(room.__path__, "{room}."):
    parts = module.name.split(".")
    if "__main__" not in parts and "bert" not in parts:  # the extra `bert` has torch
        __import__(module.name)
assert "torch" not in sys.modules, "torch was imported"
changed = {{k for k, v in jax.config.values.items() if k in before and v != before[k]}}
assert not changed, f"changed by the import: {{changed}}"
"""
    run("-c", script)


def test_the_lock_pins_everything_by_hash_and_names_no_host():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert not re.search(r"^-", lock, re.MULTILINE), "an option of pip leaked in"
    entries = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.long
def test_a_wheel_holds_the_four_rooms_and_nothing_else_of_ours(tmp_path: Path):
    run("-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    folders = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    (metadata,) = (name for name in folders if name.endswith(".dist-info"))
    assert folders - {metadata} == set(ROOMS)
