import builtins
import dataclasses

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from simulations import store
from simulations.engine.cell_store import sole_run
from simulations.engine.commands import (
    Export,
    Machines,
    Merge,
    Resume,
    Status,
    run_command,
    run_spec,
)
from simulations.engine.in_memory import in_memory
from simulations.engine.program import Sizes
from simulations.engine.run import Choices, load_columns, run_cells
from simulations.engine.store_files import open_store
from tests.simulations.engine.toy import Toy

SMALL = Choices(sizes=Sizes(4, 8))
QUIET = Console(quiet=True)


def command(asked) -> str:
    return run_command(asked, {"Toy": Toy}, QUIET)


def made(spec, path):
    run_cells(spec.study(), path, None, SMALL)
    return path


def test_status_counts_cells_checks_chunks_and_names_who_runs(tmp_path):
    path = made(Toy(), tmp_path / "toy.cells")
    open_store(path).unmark(2)
    text = command(Status(path))
    assert "Toy, shift 2 x count 3 x repeat 4" in text
    assert "16 of 24 cells done (66.7%), 2 of 3 chunks" in text
    assert "64 bits, cpu" in text
    assert "every chunk is as it was" in command(Status(path, check=True))
    (path / "done" / "0").write_text("0" * 64)
    assert "1 damaged chunks [0]" in command(Status(path, check=True))
    with sole_run(path):
        assert "in use by process" in command(Status(path))
    with pytest.raises(FileNotFoundError, match="no store at"):
        command(Status(tmp_path / "none"))


def test_resume_finishes_a_store_and_writes_its_dataset(tmp_path):
    path = made(Toy(), tmp_path / "toy.cells")
    open_store(path).unmark(1)
    assert command(Resume(path)) == f"{tmp_path / 'toy.zarr'}: written"
    data = store.load(tmp_path / "toy.zarr")
    assert np.array_equal(data["b"], in_memory(Toy().study())["b"])
    assert "all cells are done" in command(Resume(path, cells_only=True))
    with pytest.raises(ValueError, match="no experiment here has the spec Toy"):
        run_command(Resume(path), {}, QUIET)


def test_a_store_of_another_sweep_is_replaced_only_when_asked(tmp_path):
    path = made(Toy(), tmp_path / "toy.cells")
    replace = dataclasses.replace(SMALL, replace=True)
    other = Toy(scale=2.0)
    with pytest.raises(ValueError, match="another sweep"):
        run_spec(other, path, Machines(), SMALL, QUIET)
    run_spec(other, path, Machines(), replace, QUIET)
    kept = open_store(path).attributes["id"]
    run_spec(other, path, Machines(), replace, QUIET)
    assert open_store(path).attributes["id"] == kept, "the same sweep was run again"
    with pytest.raises(ValueError, match="not both"):
        run_spec(other, path, Machines(workers=1, scheduler="tcp://x"), SMALL, QUIET)


def test_parts_of_axes_merge_into_the_whole(tmp_path):
    one = made(Toy(shifts=(0.0,)), tmp_path / "one.cells")
    two = made(Toy(shifts=(0.5, 0.0), repeats=6), tmp_path / "two.cells")
    out = tmp_path / "both.cells"
    text = command(Merge((one, two), out))
    whole = Toy(shifts=(0.0, 0.5), repeats=6)
    assert text.endswith("36 of 36 cells merged")
    found, fresh = (
        load_columns(open_store(out), whole.study()),
        in_memory(whole.study()),
    )
    assert all(np.array_equal(found[name], fresh[name]) for name in found)
    with pytest.raises(OSError, match=r"both\.cells is there"):
        command(Merge((one, two), out))


def test_parts_with_holes_other_values_or_other_sweeps(tmp_path):
    one = made(Toy(shifts=(0.0,)), tmp_path / "one.cells")
    two = made(Toy(shifts=(0.5,), counts=(3, 7)), tmp_path / "two.cells")
    out = tmp_path / "both.cells"
    # Of 2 x 4 x 4 cells, 8 a chunk: shift 0 has counts 1, 2, 3, shift 0.5 has 3, 7.
    assert command(Merge((one, two), out)).endswith("16 of 32 cells merged")
    command(Resume(out, cells_only=True))
    whole = Toy(counts=(1, 2, 3, 7))
    fresh = in_memory(whole.study())
    assert np.array_equal(load_columns(open_store(out), whole.study())["a"], fresh["a"])
    changed = open_store(made(Toy(shifts=(0.0,)), tmp_path / "changed.cells"))
    columns = changed.read(0)
    assert columns is not None
    changed.write(0, columns | {"a": columns["a"] + 1})
    with pytest.raises(ValueError, match="other values of a than another part"):
        command(Merge((one, changed.path), tmp_path / "new.cells"))
    other = made(Toy(seed=1), tmp_path / "other.cells")
    with pytest.raises(ValueError, match="another sweep"):
        command(Merge((one, other), tmp_path / "newer.cells"))


def test_export_gives_the_same_numbers_and_says_what_is_missing(tmp_path, monkeypatch):
    path = made(Toy(), tmp_path / "toy.cells")
    data = in_memory(Toy().study())
    command(Export(path, tmp_path / "deep" / "toy.nc"))
    with xr.open_dataset(tmp_path / "deep" / "toy.nc") as found:
        assert np.array_equal(found["b"], data["b"])
        assert np.array_equal(found["above"], data["above"])
        assert found.attrs["experiment"] == "Toy"
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    command(Export(path, tmp_path / "toy.parquet"))
    table = pq.read_table(tmp_path / "toy.parquet").to_pydict()
    assert table["repeat"] == list(range(4)) * 6
    assert table["shift"] == [0.0] * 12 + [0.5] * 12
    assert np.array_equal(np.array(table["b"]).reshape(2, 3, 4, 2), data["b"])
    with pytest.raises(ValueError, match=r"must end in one of \.nc"):
        command(Export(path, tmp_path / "toy.xlsx"))
    open_store(path).unmark(1)
    with pytest.raises(ValueError, match="lacks 1 of 3 chunks: resume"):
        command(Export(path, tmp_path / "toy.nc"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("package", "message"), [("distributed", "need dask"), ("pyarrow", "needs pyarrow")]
)
def test_a_missing_extra_is_named(tmp_path, monkeypatch, package, message):
    path = made(Toy(), tmp_path / "toy.cells")
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.split(".")[0] == package or "local_cluster" in str(arguments[2:3]):
            raise ImportError(f"no module named {package}")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    parquet = Export(path, tmp_path / "toy.parquet")
    asked = (
        parquet if package == "pyarrow" else Resume(path, machines=Machines(workers=1))
    )
    with pytest.raises(ValueError, match=rf"{message}.*transfer\[(cluster|tables)\]"):
        command(asked)
