"""Studies on record: small JSON files that come with the project."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

# Those of sentence sets, of encoders in this order: the paper's first.
FOLDER = Path(__file__).parents[1] / "paper_checks" / "records" / "sentences"
ENCODERS = ("lstm", "cnn", "mlp")


def paths(folder: Path, study: str, encoders: Sequence[str] = ENCODERS) -> list[Path]:
    """Records of a study that are there."""
    named = [folder / f"{study}-{encoder}.json" for encoder in encoders]
    return [path for path in named if path.is_file()]


def read(path: Path) -> xr.Dataset:
    """Read a Dataset as xarray writes it as a dictionary, null for NaN.

    Raises:
        ValueError: The file holds none.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        for one in plain["data_vars"].values():
            one["data"] = np.array(one["data"], dtype=float)
        return xr.Dataset.from_dict(plain)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read: {error!r}") from error
