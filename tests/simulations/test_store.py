import dataclasses
import json

import numpy as np
import pytest
import xarray as xr

from simulations import provenance, store


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    axis: tuple[float, ...] = (0.1, 1e7)
    reading: str = "rotated"
    seed: int = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class OtherStudy:
    seed: int = 3


def run(spec) -> xr.Dataset:
    values = np.random.default_rng(spec.seed).normal(size=(2, 50))
    return xr.Dataset(
        {"gain": (("source", "m"), values, {"units": "1"})},
        coords={"source": ["same covariance", "θ"], "m": np.arange(50.0)},
        attrs=provenance.attributes(spec),
    )


def never(spec) -> xr.Dataset:
    raise AssertionError("the store was to be reused")


def contents(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_store_gives_back_data_and_spec(tmp_path):
    spec = Study(axis=(0.1, 1 / 3), seed=5)
    data = run(spec)
    path = store.save(data, tmp_path / "deep" / "study.zarr")
    again = store.load(path)
    assert again.identical(data)
    assert provenance.read_spec(again, Study) == spec
    assert contents(path.parent) == {"study.zarr"}


def test_attributes_name_everything_that_made_the_data():
    attrs = provenance.attributes(Study())
    names = {"spec", "seed", "version", "python", "jax", "numpy", "xarray"}
    names |= {"float_bits", "platform", "device", "command", "date", "experiment"}
    assert names <= attrs.keys()
    assert attrs["float_bits"] == 64
    assert attrs["seed"] == 3


def test_a_finished_store_of_the_same_spec_is_reused(tmp_path):
    path = tmp_path / "study.zarr"
    first = store.load_or_run(Study(), run, path)
    second = store.load_or_run(Study(), never, path)
    assert (first.reused, second.reused) == (False, True)
    assert "reused" in second.message
    assert second.data.identical(first.data)


def test_another_spec_is_refused_or_rewritten_and_named(tmp_path):
    path = tmp_path / "study.zarr"
    store.load_or_run(Study(), run, path)
    with pytest.raises(ValueError, match="seed 3, asked for 4"):
        store.load_or_run(Study(seed=4), never, path)
    with pytest.raises(ValueError, match="experiment Study"):
        store.load_or_run(OtherStudy(), never, path)
    rewritten = store.load_or_run(Study(seed=4), run, path, difference="rewrite")
    assert "seed 3, asked for 4" in rewritten.message
    assert provenance.read_spec(store.load(path), Study).seed == 4
    assert contents(tmp_path) == {"study.zarr"}


def test_another_version_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "study.zarr"
    store.load_or_run(Study(), run, path)
    monkeypatch.setattr(provenance, "our_version", lambda: "99")
    with pytest.raises(ValueError, match="now 99"):
        store.load_or_run(Study(), never, path)


def test_an_error_while_writing_leaves_the_old_store(tmp_path, monkeypatch):
    path = store.save(run(Study()), tmp_path / "study.zarr")
    to_zarr = xr.Dataset.to_zarr

    def cut_short(self, target, **options):
        to_zarr(self, target, **options)
        raise OSError("no space left on device")

    monkeypatch.setattr(xr.Dataset, "to_zarr", cut_short)
    with pytest.raises(OSError, match="no space"):
        store.save(run(Study(seed=4)), path)
    with pytest.raises(OSError, match="no space"):
        store.save(run(Study(seed=4)), tmp_path / "new.zarr")
    assert store.load(path).identical(run(Study()).assign_attrs(store.load(path).attrs))
    assert contents(tmp_path) == {"study.zarr"}


def test_an_error_between_the_two_renames_puts_the_old_store_back(
    tmp_path, monkeypatch
):
    path = store.save(run(Study()), tmp_path / "study.zarr")
    before = store.load(path)
    rename = type(path).rename

    def fails_for_new(self, target):
        if self.name == "new":
            raise OSError("cut")
        return rename(self, target)

    monkeypatch.setattr(type(path), "rename", fails_for_new)
    with pytest.raises(OSError, match="cut"):
        store.save(run(Study(seed=4)), path)
    assert store.load(path).identical(before)
    assert contents(tmp_path) == {"study.zarr"}


def test_a_failing_run_writes_nothing(tmp_path):
    def fails(spec):
        raise FloatingPointError("diverged")

    with pytest.raises(FloatingPointError):
        store.load_or_run(Study(), fails, tmp_path / "study.zarr")
    assert contents(tmp_path) == set()


def test_missing_and_foreign_stores_are_named_and_left_alone(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.zarr"):
        store.load(tmp_path / "nothing.zarr")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("words")
    with pytest.raises(ValueError, match=r"thesis is not a store"):
        store.load(tmp_path / "thesis")
    with pytest.raises(OSError, match=r"thesis is not a store.*left as it is"):
        store.save(run(Study()), tmp_path / "thesis")
    with pytest.raises(OSError, match="left as it is"):
        store.load_or_run(Study(), never, tmp_path / "thesis", difference="rewrite")
    assert (tmp_path / "thesis" / "chapter").read_text() == "words"
    with pytest.raises(OSError, match="cannot be written"):
        store.save(run(Study()), tmp_path / "thesis" / "chapter" / "study.zarr")


@pytest.mark.parametrize("damage", ["lost", "cut", "changed"])
def test_a_damaged_chunk_is_noticed(tmp_path, damage):
    path = store.save(run(Study()), tmp_path / "study.zarr")
    chunk = path / "gain" / "0.0"
    content = chunk.read_bytes()
    if damage == "lost":
        chunk.unlink()
    elif damage == "cut":
        chunk.write_bytes(content[: len(content) // 2])
    else:
        chunk.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"study\.zarr (is damaged|cannot be read)"):
        store.load(path)


def test_a_store_that_would_be_unpickled_is_refused(tmp_path):
    path = store.save(run(Study()), tmp_path / "study.zarr")
    metadata = json.loads((path / ".zmetadata").read_text())
    metadata["metadata"]["gain/.zarray"]["filters"] = [{"id": "pickle"}]
    (path / ".zmetadata").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="pickle"):
        store.load(path)


def test_what_cannot_be_kept_is_refused(tmp_path):
    data = run(Study())
    with pytest.raises(ValueError, match="Python objects"):
        store.save(data.assign(odd=("n", np.array([{}]))), tmp_path / "study.zarr")
    with pytest.raises(ValueError, match="attribute 'spec'"):
        store.save(xr.Dataset(attrs={"experiment": "x"}), tmp_path / "study.zarr")
    with pytest.raises(ValueError, match="must be a dataclass"):
        provenance.attributes({"seed": 1})
    with pytest.raises(ValueError, match="JSON"):
        provenance.attributes(Study(axis=(float("nan"),)))
    with pytest.raises(ValueError, match="not 'OtherStudy'"):
        provenance.read_spec(data, OtherStudy)
    assert contents(tmp_path) == set()
