"""`python -m simulations advise`: a table, a store and a picture."""

import subprocess
import sys
from pathlib import Path

from rich.console import Console

from simulations import store
from simulations.advice.advise import Advice, run
from simulations.advice.report import print_advice

NAME = "advice"


def command(spec: Advice, out: Path) -> str:
    """Give advice, print it, save it to `out/advice.zarr`, and draw it beside.

    An older store of advice is replaced: the data may have changed under its name.

    Returns:
        One sentence on what was written.

    Raises:
        FileNotFoundError, ValueError: As `run`.
        OSError: `out` cannot be written to, or the picture cannot be drawn.
    """
    data = run(spec)
    path = store.save(data, out / f"{NAME}.zarr")
    print_advice(data, Console())
    return f"Written: {path} {draw(out)}"


def draw(out: Path) -> str:
    """Have `python -m figures` draw the advice in `out`; the paths that it wrote.

    A process of its own: simulations import nothing of figures, as figures know
    nothing of ours but the stores.

    Raises:
        OSError: It failed.
    """
    arguments = ["--results", str(out), "--out", str(out), "--only", NAME]
    done = subprocess.run(
        [sys.executable, "-m", "figures", *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise OSError(f"the picture was not drawn: {done.stderr.strip()}")
    return " ".join(done.stdout.split("\n")).strip()
