"""Studies kept in the folder of results: a claim's own, and those of real data."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import xarray as xr

from paper_checks.data.manifest import manifest_digest
from paper_checks.settings import Settings
from simulations import store


def kept(
    settings: Settings, name: str, spec: Any, run: Callable[..., xr.Dataset]
) -> xr.Dataset:
    """Run a study, or read it if a store has it; a different store is replaced."""
    path = settings.results / f"{name}.zarr"
    if anew(settings, path):
        data = run(spec)
        store.save(data, path)
        return data
    return store.load_or_run(spec, run, path, difference="rewrite").data


def anew(settings: Settings, path: Path) -> bool:
    """Whether a store is made even if it is there: `fresh`, and not by this run."""
    made = path.exists() and path.stat().st_mtime >= settings.started
    return settings.fresh and not made


def kept_of_data(
    settings: Settings, name: str, spec: Any, run: Callable[..., xr.Dataset]
) -> xr.Dataset:
    """As `kept`, of the folder of data; `spec.manifest` becomes its digest.

    So a store of other data under the same names is not taken for this one.

    Raises:
        OSError: The folder has no manifest.
    """
    assert settings.data is not None
    return kept(
        settings, name, replace(spec, manifest=manifest_digest(settings.data)), run
    )
