"""Stores of cells made, opened, compared with a study, and grown."""

import json
import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import zarr

from simulations.engine.cell_store import MARKS, CellStore, axis_to_json, sole_run
from simulations.engine.layout import Layout, whole
from simulations.engine.study import Axis, Study
from simulations.files import replace_folder, write_json
from simulations.provenance import differences
from simulations.store import CODECS

FORMAT = "information-transfer cells, version 1"
COMPRESSOR = numcodecs.Blosc("zstd", clevel=1, shuffle=numcodecs.Blosc.SHUFFLE)


def create(
    path: Path, study: Study, *, chunk: int, batch: int, origin: dict[str, Any]
) -> CellStore:
    """Make an empty store; it appears whole or not at all.

    Raises:
        OSError: Something is at `path`, or it cannot be written.
    """
    layout = whole([len(axis) for axis in study.axes], chunk)
    shapes = study.shapes
    attributes = {
        "format": FORMAT,
        "id": uuid.uuid4().hex,
        "columns": sorted(shapes),
        "experiment": study.experiment,
        "spec": study.spec_text,
        "fixed": study.fixed,
        "axes": [axis_to_json(axis) for axis in study.axes],
        "boxes": layout.boxes,
        "chunk_cells": chunk,
        "batch": batch,
        "origins": [origin],
    }
    try:
        with replace_folder(path, must_be_new=True) as new:
            group = zarr.open_group(new, mode="w-", zarr_format=2)
            for name, shape in shapes.items():
                _add_array(group, name, shape.shape, shape.dtype, layout)
            (new / MARKS).mkdir()
            _write_attributes(new, attributes)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error}") from error
    return open_store(path)


def open_store(path: Path, *, write: bool = True) -> CellStore:
    """Open a store of `create`.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no store of cells, or is damaged.
    """
    if not path.exists():
        raise FileNotFoundError(f"no store at {path}")
    attributes = read_attributes(path)
    try:
        for name in attributes["columns"]:
            _check_codecs(path / name / ".zarray")
        group = zarr.open_group(path, mode="r+" if write else "r", zarr_format=2)
        arrays = {name: group[name] for name in attributes["columns"]}
    except Exception as error:
        # zarr and the codecs raise many kinds of exception on damaged files.
        raise ValueError(f"{path} cannot be read, delete it: {error!r}") from error
    return CellStore(path, attributes, arrays)  # pyright: ignore[reportArgumentType]


def read_attributes(path: Path) -> dict[str, Any]:
    """Attributes of a store.

    Raises:
        ValueError: It is no store of cells.
    """
    try:
        found = json.loads((path / ".zattrs").read_text())
        if found["format"] == FORMAT:
            return found
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{path} is not a store of cells of this project")


def fit(
    store: CellStore,
    study: Study,
    origin: dict[str, Any],
    *,
    extend: bool,
    mixed: bool,
) -> CellStore:
    """The store made ready for a study: as it is, or grown by new values of axes.

    Args:
        store: Of this study, or of one with fewer values.
        study: What is asked for.
        origin: Versions and platform of the run.
        extend: Allow axes to grow.
        mixed: Allow cells of other versions or platforms beside those of this one.

    Raises:
        ValueError: It is another sweep's, or what is not allowed would be needed.
    """
    refuse_other(store, study)
    changed = differences(store.attributes["origins"][-1], origin)
    if changed and not mixed:
        raise ValueError(
            f"{store.path} was made with other versions or elsewhere "
            f"({'; '.join(changed)}): --mixed goes on all the same"
        )
    axes = tuple(map(_joined, store.axes, study.axes))
    attributes = dict(store.attributes)
    if changed:
        attributes["origins"] = [*attributes["origins"], origin]
    if axes != store.axes:
        if not extend:
            longer = ", ".join(
                f"{new.name} from {len(old)} to {len(new)} values"
                for old, new in zip(store.axes, axes, strict=True)
                if len(new) > len(old)
            )
            raise ValueError(f"{store.path} lacks cells ({longer}): --resume adds them")
        attributes["axes"] = [axis_to_json(axis) for axis in axes]
        grown = store.layout.grown([len(axis) for axis in axes])
        attributes["boxes"] = grown.boxes
        for array in store.arrays.values():
            array.resize((grown.chunks * grown.size, *array.shape[1:]))
    attributes["spec"] = study.spec_text
    if attributes == store.attributes:
        return store
    _write_attributes(store.path, attributes)
    return open_store(store.path)


def discard_other(path: Path, study: Study, origin: dict[str, Any]) -> None:
    """Delete a store of cells that is not of this very study and origin.

    Raises:
        ValueError: It is no store of cells, or in use.
    """
    found = read_attributes(path)
    same = (found["experiment"], found["spec"]) == (study.experiment, study.spec_text)
    if not same or differences(found["origins"][-1], origin):
        with sole_run(path):
            shutil.rmtree(path)


def refuse_other(store: CellStore, study: Study) -> None:
    """Refuse a store of another sweep.

    Raises:
        ValueError: The experiment, a fixed field or an axis differs.
    """
    found = store.attributes
    if found["experiment"] != study.experiment:
        raise ValueError(
            f"{store.path} holds cells of {found['experiment']}, asked for "
            f"{study.experiment}: name another folder"
        )
    old, new = found["fixed"], study.fixed
    changed = [
        f"{name} {old.get(name)}, asked for {new.get(name)}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    kinds = [[(a.name, a.drawn) for a in axes] for axes in (store.axes, study.axes)]
    if kinds[0] != kinds[1]:
        changed.append(f"axes {kinds[0]}, asked for {kinds[1]}")
    if changed:
        raise ValueError(
            f"{store.path} holds another sweep ({'; '.join(changed)}): name another "
            "folder or rewrite it"
        )


def _joined(old: Axis, new: Axis) -> Axis:
    """The old values, then the new ones in their order."""
    if isinstance(old.values, range) != isinstance(new.values, range) or (
        old.kind != new.kind
    ):
        raise ValueError(f"axis {old.name!r} held {old.kind} numbers, now {new.kind}")
    if isinstance(new.values, range):
        if len(new) < len(old):
            raise ValueError(
                f"axis {old.name!r} had {len(old)} values, now {len(new)}: a store can "
                "only grow"
            )
        return new
    had = set(old.values)
    lost = sorted(had - set(new.values))
    if lost:
        raise ValueError(
            f"axis {old.name!r} has lost {lost[:5]}: a store can only grow, give them "
            "again or name another folder"
        )
    added = tuple(value for value in new.values if value not in had)
    return replace(old, values=(*old.values, *added))


def _add_array(
    group: zarr.Group, name: str, shape: tuple[int, ...], dtype: Any, layout: Layout
) -> None:
    array = group.create_array(
        name,
        shape=(layout.chunks * layout.size, *shape),
        chunks=(layout.size, *shape),
        dtype=np.dtype(dtype),
        compressors=COMPRESSOR,
        fill_value=0,
    )
    # What xarray reads.
    inner = [f"{name}_{n}" for n in range(len(shape))]
    array.attrs["_ARRAY_DIMENSIONS"] = ["place", *inner]


def _write_attributes(path: Path, attributes: dict[str, Any]) -> None:
    write_json(path / ".zattrs", attributes, indent=1)


def _check_codecs(path: Path) -> None:
    entry = json.loads(path.read_text())
    for codec in (entry["compressor"], *(entry["filters"] or [])):
        if codec is not None and codec["id"] not in CODECS:
            raise ValueError(f"{path} asks for codec {codec['id']!r}")
    if np.dtype(entry["dtype"]).hasobject:
        raise ValueError(f"{path} holds Python objects")
