import dataclasses
import json

import jax
import numpy as np
import pytest
from rich.console import Console

from simulations import provenance
from simulations.engine.cell_store import holder, sole_run
from simulations.engine.in_memory import in_memory
from simulations.engine.place import Here
from simulations.engine.program import Sizes
from simulations.engine.run import Choices, StoppedError, load_columns, run_cells
from simulations.engine.store_files import open_store
from tests.simulations.engine.toy import Toy

SMALL = Choices(sizes=Sizes(4, 8))
EXTEND = Choices(sizes=Sizes(4, 8), extend=True)


def run(spec, path, choices=SMALL, place=None):
    return load_columns(run_cells(spec.study(), path, place, choices), spec.study())


def same(one, two) -> bool:
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)


class Counting(Here):
    """Here, with the numbers of the chunks that were asked for."""

    def __init__(self, stop_after=None):
        self.chunks = []
        self.stop_after = stop_after

    def compute(self, store, study, chunks, told):
        def counted(chunk):
            told(chunk)
            self.chunks.append(chunk)

        super().compute(store, study, chunks[: self.stop_after], counted)
        if self.stop_after is not None:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(Toy(), tmp_path_factory.mktemp("whole") / "deep" / "toy.cells")


def test_a_cell_is_that_of_its_own_key_whatever_the_chunk(whole):
    for (i, shift), (j, count), n in [((1, 0.5), (2, 3), 3), ((0, 0.0), (0, 1), 2)]:
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), count), n)
        normal = jax.random.normal(key, (2,))
        assert np.array_equal(whole["b"][i, j, n], normal)
        assert np.isclose(whole["a"][i, j, n], shift + normal[0] * count, rtol=1e-15)
    assert len(np.unique(whole["b"][0])) == 24


def test_chunks_of_other_sizes_and_no_store_give_the_same_bits(whole, tmp_path):
    for size in (4, 24):
        other = Choices(sizes=Sizes(4, size))
        assert same(run(Toy(), tmp_path / f"{size}.cells", other), whole)
    data = in_memory(Toy().study())
    assert np.array_equal(data["a"], whole["a"])
    assert np.array_equal(data["b"], whole["b"])


def test_a_stopped_run_says_how_to_go_on_and_computes_only_what_is_missing(
    whole, tmp_path
):
    path = tmp_path / "toy.cells"
    with pytest.raises(StoppedError, match=r"8 of 24 cells.*resume .*toy\.cells"):
        run(Toy(), path, place=Counting(stop_after=1))
    second = Counting()
    assert same(run(Toy(), path, place=second), whole)
    assert second.chunks == [1, 2]
    third = Counting()
    run(Toy(), path, place=third)
    assert third.chunks == []


def test_grown_axes_keep_cells_and_equal_a_fresh_run(tmp_path):
    path = tmp_path / "toy.cells"
    run(Toy(), path)
    big = Toy(shifts=(0.25, 0.5, 0.0), counts=(3, 1, 2, 7), repeats=6)
    with pytest.raises(ValueError, match=r"shift from 2 to 3 values.*--resume"):
        run(big, path)
    counting = Counting()
    grown = run(big, path, EXTEND, counting)
    assert min(counting.chunks) == 3, "an old chunk was computed again"
    assert same(grown, run(big, tmp_path / "fresh.cells"))
    with pytest.raises(ValueError, match=r"'shift' has lost \[0.25\].*only grow"):
        run(Toy(), path, EXTEND)
    with pytest.raises(ValueError, match="'repeat' had 6 values, now 5"):
        run(dataclasses.replace(big, repeats=5), path, EXTEND)


@pytest.mark.parametrize("damage", ["flip", "cut", "lose", "mark"])
def test_a_damaged_chunk_is_found_named_and_computed_again(whole, tmp_path, damage):
    path = tmp_path / "toy.cells"
    run(Toy(), path)
    file = path / "a" / "1"
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[-3] ^= 1
        file.write_bytes(content)
    elif damage == "cut":
        file.write_bytes(content[:5])
    elif damage == "lose":
        file.unlink()
    else:
        (path / "done" / "1").write_text("0" * 64)
    with pytest.raises(ValueError, match="chunk 1 is missing or damaged"):
        load_columns(open_store(path), Toy().study())
    counting = Counting()
    with (tmp_path / "said").open("w") as said:
        run_cells(Toy().study(), path, counting, SMALL, Console(file=said))
    assert "1 damaged chunks are computed again: [1]" in (tmp_path / "said").read_text()
    assert counting.chunks == [1]
    assert same(load_columns(open_store(path), Toy().study()), whole)


def test_other_sweeps_versions_and_platforms_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "toy.cells"
    run(Toy(), path)
    with pytest.raises(ValueError, match=r"another sweep \(scale 1.0, asked for 2.0\)"):
        run(Toy(scale=2.0), path, EXTEND)
    with pytest.raises(ValueError, match="seed 0, asked for 1"):
        run(Toy(seed=1), path, EXTEND)
    for name in ("code", "jax", "float_bits", "backend"):
        assert name in provenance.COMPARED
    monkeypatch.setattr(provenance, "our_version", lambda: "99")
    with pytest.raises(ValueError, match=r"now 99\): --mixed"):
        run(Toy(), path)
    run(Toy(), path, Choices(mixed=True))
    assert len(open_store(path).attributes["origins"]) == 2
    run(Toy(), path)


def test_a_second_run_is_refused_and_a_dead_one_is_not_waited_for(tmp_path):
    path = tmp_path / "toy.cells"
    run(Toy(), path)
    assert holder(path) is None
    with sole_run(path):
        assert "process" in str(holder(path))
        with pytest.raises(ValueError, match=r"in use by process \d+ on"):
            run(Toy(), path)
    (path / ".owner").write_text("process 1 on a machine that is gone")
    run(Toy(), path)


def test_missing_foreign_and_pickled_stores_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.cells"):
        open_store(tmp_path / "nothing.cells")
    (tmp_path / "thesis").mkdir()
    with pytest.raises(ValueError, match="thesis is not a store of cells"):
        run(Toy(), tmp_path / "thesis")
    (tmp_path / "thesis" / "chapter").write_text("words")
    with pytest.raises(OSError, match="cannot be written"):
        run(Toy(), tmp_path / "thesis" / "chapter" / "toy.cells")
    path = tmp_path / "toy.cells"
    run(Toy(), path)
    entry = json.loads((path / "a" / ".zarray").read_text())
    for change in ({"filters": [{"id": "pickle"}]}, {"dtype": "|O"}):
        (path / "a" / ".zarray").write_text(json.dumps(entry | change))
        with pytest.raises(ValueError, match=r"cannot be read.*(pickle|objects)"):
            run(Toy(), path)


def test_an_error_of_the_disk_reaches_the_run_and_loses_only_its_chunk(whole, tmp_path):
    path = tmp_path / "toy.cells"
    store = run_cells(Toy().study(), path, None, SMALL)
    store.unmark(1)
    store.unmark(2)
    (path / "b" / "2.0").unlink()
    (path / "b" / "2.0").mkdir()
    with pytest.raises(OSError, match=r"chunk 2 cannot be written.*go on with"):
        run(Toy(), path)
    assert open_store(path).missing() == [2]
    (path / "b" / "2.0").rmdir()
    assert same(run(Toy(), path), whole)
