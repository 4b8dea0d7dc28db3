import itertools

import pytest

from simulations.engine.layout import Layout, whole


def cells(layout: Layout, chunks) -> list[tuple[int, ...]]:
    return [tuple(cell) for c in chunks for cell in layout.places(c).T.tolist()]


def test_chunks_hold_every_cell_once_in_row_major_order():
    layout = whole((2, 3, 5), 7)
    assert (layout.cells, layout.chunks) == (30, 5)
    expected = list(itertools.product(range(2), range(3), range(5)))
    assert cells(layout, range(5)) == expected
    assert [layout.count(c) for c in range(5)] == [7, 7, 7, 7, 2]


@pytest.mark.parametrize(
    "growths", [[(2, 3, 9)], [(4, 3, 5)], [(3, 4, 6), (3, 4, 6), (3, 5, 8)]]
)
def test_growth_keeps_every_chunk_and_adds_every_new_cell_once(growths):
    layout = whole((2, 3, 5), 4)
    for lengths in growths:
        before = layout
        layout = layout.grown(lengths)
        old = range(before.chunks)
        assert cells(layout, old) == cells(before, old)
        assert layout.lengths == lengths
        found = cells(layout, range(layout.chunks))
        assert sorted(found) == list(itertools.product(*map(range, lengths)))
        assert layout.cells == len(found)


def test_a_billion_cells_are_only_numbers():
    layout = whole((1000, 1000, 1000), 2**20)
    assert layout.chunks == 954
    assert layout.places(953)[:, -1].tolist() == [999, 999, 999]
