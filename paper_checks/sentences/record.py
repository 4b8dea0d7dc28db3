"""Studies of sentence sets on record: small JSON files that come with the project.

One file a study and encoder: the Dataset of the study, numbers rounded, with where it
comes from. Training takes hours and needs the sets; figures and quotations do not.
"""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import xarray as xr

from paper_checks.networks.encoders import Kind
from simulations.files import no_nan, write_whole

FOLDER = Path(__file__).parents[1] / "records" / "sentences"
KINDS: tuple[Kind, ...] = get_args(Kind)
# Accuracies of cells have six decimals of a share, four of a per cent.
DECIMALS = 4


def path_of(name: str, encoder: Kind, folder: Path = FOLDER) -> Path:
    """Where a study of an encoder is on record."""
    return folder / f"{name}-{encoder}.json"


def rounded(data: xr.Dataset) -> xr.Dataset:
    """What a record of the data gives back: 64-bit numbers of four decimals."""
    return data.map(lambda one: one.astype(float).round(DECIMALS), keep_attrs=True)


def write(data: xr.Dataset, path: Path) -> Path:
    """Put a study on record, a line a variable; whole or not at all."""
    plain = rounded(data).to_dict()
    lines = [f'"attrs": {_json(plain["attrs"])}']
    for group in ("coords", "data_vars"):
        entries = [f'"{name}": {_json(one)}' for name, one in plain[group].items()]
        lines.append(f'"{group}": {{\n' + ",\n".join(entries) + "\n}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "{\n" + ",\n".join(lines) + "\n}\n")
    return path


def read(name: str, encoder: Kind, folder: Path = FOLDER) -> xr.Dataset | None:
    """Read a study from its record; `None` if there is none.

    Raises:
        ValueError: The file is no record of a study.
    """
    path = path_of(name, encoder, folder)
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        for one in plain["data_vars"].values():
            # JSON has no NaN: what was not trained is null.
            one["data"] = np.array(one["data"], dtype=float)
        return xr.Dataset.from_dict(plain)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no record of a study: {error!r}") from error


def recorded(name: str, folder: Path = FOLDER) -> dict[Kind, xr.Dataset]:
    """A study of every encoder that it is on record of.

    Raises:
        ValueError: A file is no record of a study.
    """
    found: dict[Kind, xr.Dataset] = {}
    for kind in KINDS:
        data = read(name, kind, folder)
        if data is not None:
            found[kind] = data
    return found


def _json(value: object) -> str:
    return json.dumps(no_nan(value), ensure_ascii=False, allow_nan=False)
