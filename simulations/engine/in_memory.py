"""A small sweep run without a store."""

import jax
import numpy as np
import xarray as xr

from simulations.engine.chunks import Progress
from simulations.engine.layout import whole
from simulations.engine.points import points_of
from simulations.engine.program import ChunkProgram
from simulations.engine.study import Study

# Cells of a call where the study names no number.
BATCH = 256


def in_memory(study: Study, progress: Progress | None = None) -> xr.Dataset:
    """Compute all cells and keep them in memory.

    Args:
        study: What to run.
        progress: Told the number of cells done, and in all.
    """
    batch = study.batch or min(BATCH, study.cells)
    program = ChunkProgram(study, batch, jax.devices())
    lengths = [len(axis) for axis in study.axes]
    layout = whole(lengths, program.step)
    parts, done = [], 0
    for chunk in range(layout.chunks):
        parts.append(program(points_of(study.axes, layout.places(chunk))))
        done += layout.count(chunk)
        if progress is not None:
            progress(done, study.cells)
    columns = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }
    return study.assemble(
        {name: v.reshape(*lengths, *v.shape[1:]) for name, v in columns.items()}
    )
