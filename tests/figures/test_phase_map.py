"""The map of missed optima, on made-up data."""

import json

import numpy as np
import pytest
import xarray as xr

from figures.phase_map import phase_map

SOLVERS = ["gradient-descent", "adam"]


@pytest.fixture
def data() -> xr.Dataset:
    rng = np.random.default_rng(0)
    missed = np.sort(rng.uniform(size=(3, 2, 2, 3, 20)), axis=3)[:, :, :, ::-1]
    minima = rng.integers(1, 4, size=(3, 2, 20))
    cells = ("angle", "condition")
    said = {"long_name": "angle between teachers", "units": "degrees"}
    return xr.Dataset(
        {
            "missed": ((*cells, "solver", "threshold", "repeat"), missed),
            "minima": ((*cells, "repeat"), minima),
            "excess": (
                (*cells, "solver", "repeat", "start"),
                np.zeros((3, 2, 2, 20, 4)),
            ),
        },
        {
            "angle": ("angle", [0.0, 60.0, 120.0], said),
            "condition": [1.0, 100.0],
            "solver": SOLVERS,
            "threshold": [1e-4, 1e-3, 1e-2],
        },
        {"spec": json.dumps({"samples": 30, "noise": 0.3})},
    )


def first_lines(axes) -> list[str]:
    return [text.get_text().split("\n")[0] for text in axes.texts]


def test_cells_have_the_means_of_their_solver_at_the_middle_threshold(data):
    figure = phase_map(data)
    for panel, solver in enumerate(SOLVERS):
        mean = data["missed"].sel(solver=solver, threshold=1e-3).mean("repeat")
        wanted = [f"{value:.2f}" for value in np.ravel(mean.transpose().values)]
        assert first_lines(figure.axes[panel]) == wanted
        assert solver in figure.axes[panel].get_title(loc="left")
    minima = data["minima"].mean("repeat").transpose()
    assert first_lines(figure.axes[2]) == [f"{v:.2f}" for v in np.ravel(minima.values)]
    figure.draw_without_rendering()


def test_the_title_has_the_range_over_thresholds_and_says_that_draws_are_shared(data):
    title = phase_map(data).get_suptitle()
    shares = data["missed"].mean("repeat")
    change = float((shares.isel(threshold=0) - shares.isel(threshold=2)).max())
    assert f"differ by {change:.2f} at most" in title
    assert "the same in all cells" in title
    assert "20 draws" in title


def test_one_repeat_and_one_solver_are_drawn(data):
    phase_map(data.isel(repeat=[0], solver=[0])).draw_without_rendering()
