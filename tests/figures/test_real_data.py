"""Figures of real data, drawn from small made-up Datasets."""

import io

import numpy as np
import pytest
import xarray as xr

from figures.real_data import cross_validation, similarity


def errors(name: str, widths: int, scale: float = 1.0) -> xr.Dataset:
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "cv_error": (
                ("width", "task", "fold"),
                scale ** np.arange(widths)[:, None, None]
                + rng.uniform(0, 0.1, (widths, 3, 5)),
            ),
            "single_task_error": (("task", "fold"), rng.uniform(0.4, 0.6, (3, 5))),
        },
        coords={"width": np.arange(1, widths + 1)},
        attrs={"benchmark": name, "tasks": 3, "inputs": 7},
    )


def test_a_panel_a_benchmark_with_the_mean_over_tasks_and_folds():
    data = [errors("first", 3), errors("second", 1), errors("third", 5, 10.0)]
    figure = cross_validation([*data, errors("fourth", 2)])
    panels = [axes for axes in figure.axes if axes.axison]
    assert len(panels) == 4
    line = panels[0].get_lines()[0]
    np.testing.assert_allclose(
        np.asarray(line.get_ydata()),
        data[0].cv_error.mean(("task", "fold")),
        rtol=1e-12,
    )
    assert [axes.get_yscale() for axes in panels] == [
        "linear",
        "linear",
        "log",
        "linear",
    ]
    figure.savefig(io.BytesIO(), format="png")


def test_no_benchmark_is_refused():
    with pytest.raises(ValueError, match="no cross-validated benchmark"):
        cross_validation([])


@pytest.mark.parametrize("count", [2, 6])
def test_similarity_draws_both_scores(count: int):
    scores = np.eye(count)
    data = xr.Dataset(
        dict.fromkeys(("printed", "normalised"), (("task", "other"), scores)),
        attrs={"benchmark": "drawn"},
    )
    figure = similarity(data)
    assert sum(bool(axes.get_images()) for axes in figure.axes) == 2
    figure.savefig(io.BytesIO(), format="pdf")
