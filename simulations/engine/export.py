"""A finished store as one file: netCDF for grids, Parquet with one row a cell."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from xarray.backends import list_engines

from simulations.engine.cell_store import CellStore
from simulations.engine.run import load_columns
from simulations.engine.study import Study
from simulations.files import replace_file

NETCDF, PARQUET = (".nc", ".netcdf"), (".parquet", ".pq")


def export(store: CellStore, study: Study, out: Path) -> None:
    """Write what a store holds to a file; its suffix says which kind.

    netCDF holds the study's Dataset, in memory as a whole. Parquet holds columns as
    they are stored, a row group a chunk, however many there are.

    Raises:
        ValueError: Cells are missing, the suffix is unknown, or a package is missing.
        OSError: The file cannot be written.
    """
    missing = len(store.missing())
    if missing:
        raise ValueError(
            f"{store.path} lacks {missing} of {store.layout.chunks} chunks: resume it "
            "first"
        )
    if out.suffix not in (*NETCDF, *PARQUET):
        raise ValueError(
            f"{out}: the name must end in one of {', '.join((*NETCDF, *PARQUET))}"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(out) as new:
        if out.suffix in NETCDF:
            data = study.assemble(load_columns(store, study))
            _whole(data).to_netcdf(new, engine=_netcdf_engine())
        else:
            _parquet(store, new)


def _netcdf_engine() -> Literal["h5netcdf", "netcdf4", "scipy"]:
    """A netCDF 4 one if there is one; scipy's netCDF 3 has no 64-bit integers."""
    known = list_engines()
    if "h5netcdf" in known:
        return "h5netcdf"
    return "netcdf4" if "netcdf4" in known else "scipy"


def _whole(data: xr.Dataset) -> xr.Dataset:
    # netCDF 3 has neither bools nor 64-bit integers.
    return data.map(
        lambda x: x.astype(np.int8) if x.dtype == bool else x, keep_attrs=True
    ).assign_attrs({k: v for k, v in data.attrs.items() if not isinstance(v, bool)})


def _parquet(store: CellStore, path: Path) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ValueError(
            "Parquet needs pyarrow: pip install 'information-transfer[tables]'"
        ) from None
    spec = {
        "experiment": store.attributes["experiment"],
        "spec": store.attributes["spec"],
    }
    writer = None
    try:
        for chunk in range(store.layout.chunks):
            columns = store.read(chunk)
            if columns is None:
                raise ValueError(f"{store.path}: chunk {chunk} is damaged: resume it")
            points = store.points(chunk).values
            table = pa.table(
                {name: _arrow(values) for name, values in {**points, **columns}.items()}
            ).replace_schema_metadata(spec)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _arrow(values: np.ndarray) -> Any:
    """A column; arrays of a cell are lists of one length."""
    import pyarrow as pa

    column = pa.array(np.ascontiguousarray(values).reshape(-1))
    for length in reversed(values.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, length)
    return column
