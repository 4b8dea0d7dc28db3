"""The base of studies, on a study of sums that is computed in no time."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from simulations.experiments.experiment import CellExperiment, gains, setting
from simulations.experiments.gain_grid import GainGrid


@dataclass(frozen=True, kw_only=True)
class Sums(CellExperiment):
    """A cell is `10 place + part` at every part, and whether it is even.

    Args:
        count: Parts.
        places: Of the cells.
        most: At least `count`.
        window: Two ends.
    """

    CELLS = ("place",)
    QUICK: ClassVar = {"places": (1.0,), "repeats": 2}
    LABELS: ClassVar = {"kind": (("sum", "double"), "what is shown")}
    COORDINATES: ClassVar = {"square": ("place", "square of the place", "m2")}
    COLUMNS: ClassVar = {
        "sum": ("part place repeat", "sum of place and part", "m"),
        "even": ("place part", "share of even sums", "1"),
        "shown": ("kind place part repeat", "sum and its double", "m"),
    }

    most: int = setting(9, lambda spec: f"[{spec.count}, inf)", "parts are left out")
    count: int = setting(2, "[1, 5]", part="number of the part")
    places: tuple[float, ...] = setting((0.0, 1.5), "[0, inf)", unit="m", place="place")
    window: tuple[float, float] = setting((0.0, 1.0), "[0, 1]", ends=True)

    def _cells(self, keys, points):
        """Sums, which need neither the axes nor the seed of the spec."""
        assert (self.places, self.repeats, self.seed) == ((), 0, 0)
        sums = 10 * points["place"][:, None] + np.arange(self.count)
        return {"sum": sums, "even": sums % 2 == 0, "raw": points["repeat"]}

    def _derived(self, found: dict[str, Any]):
        assert isinstance(found["raw"], np.ndarray)
        both = np.stack([found["sum"].transpose("place", "part", "repeat")] * 2)
        both[1] *= 2
        return {"shown": both, "square": np.square(self.places)}


def test_axes_units_and_means_come_from_the_declarations():
    data = Sums(repeats=3, seed=5).run()
    assert data["sum"].dims == ("part", "place", "repeat")
    np.testing.assert_array_equal(data["sum"][:, :, 0], [[0, 15], [1, 16]])
    np.testing.assert_array_equal(data["even"], [[1, 0], [0, 1]])
    double = data["shown"].sel(kind="double").transpose(*data["sum"].dims)
    np.testing.assert_array_equal(double, 2 * data["sum"])
    assert data["place"].attrs == {"long_name": "place", "units": "m"}
    assert data["part"].values.tolist() == [0, 1]
    assert data["repeat"].attrs["long_name"] == "independent draw"
    assert data["square"].dims == ("place",)
    assert data.attrs["seed"] == 5
    assert "raw" not in data


def test_the_engine_gets_the_axes_of_the_cells_with_the_repeats_drawn():
    study = Sums(repeats=3).study()
    found = [(axis.name, axis.field, len(axis), axis.drawn) for axis in study.axes]
    assert found == [("place", "places", 2, False), ("repeat", "repeats", 3, True)]
    assert Sums.quick() == Sums(places=(1.0,), repeats=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # The range of `most` is not known before that of `count` is met.
        ({"count": 0, "most": -1}, r"^count must be in \[1, 5\], got 0$"),
        ({"most": 1}, r"^most must be in \[2, inf\), got 1: parts are left out$"),
        ({"window": (1.0, 1.0)}, "^window must be least < largest, got"),
    ],
)
def test_ranges_that_depend_on_others_follow_them(change, message):
    with pytest.raises(ValueError, match=message):
        Sums(**change)


def test_gains_are_positive_where_joint_training_has_less_risk():
    found = gains({"risk_alone": np.array([3.0]), "risk_joint": np.array([1.0, 3.0])})
    assert found["gain"].tolist() == [2, 0]
    assert found["relative_gain"].tolist() == [0.5, 0]


def test_risks_of_nothing_but_rounding_are_no_gain():
    found = gains({"risk_alone": np.array([0.0, 2.0]), "risk_joint": np.zeros(2)})
    np.testing.assert_array_equal(found["relative_gain"], [0, 1])
    shape = {"turns": (0.5,), "cosines": (1.0,), "samples_source": (20,)}
    grid = GainGrid(**shape, weights=(1.0,), samples_target=30, noise=0.0, repeats=2)
    np.testing.assert_array_equal(grid.run()["relative_gain"], 0)
