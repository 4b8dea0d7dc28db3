"""The studies that the engine runs give what they give without it."""

import dataclasses

import numpy as np
import pytest

from simulations.engine.memory import in_memory
from simulations.engine.run import Choices, load_columns, run_cells
from simulations.engine.sizes import Sizes
from simulations.experiments import capacity, gain_grid, similarity, transfer

TRANSFER = transfer.TransferSweep(
    dimension=6, samples_target=4, samples_source=(12, 1_000), repeats=30
)
CAPACITY = capacity.CapacitySweep(
    tasks=2, dimension=4, samples=8, true_rank=1, past=1, repeats=3
)


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "spec"), [(transfer, TRANSFER), (capacity, CAPACITY)]
)
def test_a_study_is_that_of_its_own_run(module, spec, tmp_path):
    study = spec.study()
    choices = Choices(sizes=Sizes(study.batch, 2 * study.batch), extend=True)
    store = run_cells(study, tmp_path / "study.cells", None, choices)
    found, expected = study.assemble(load_columns(store, study)), module.run(spec)
    for name, variable in expected.items():
        # One program fuses what were two. The risk is first order in the ratio of
        # heads, which a search by values finds to √ε = 1.5e-8.
        np.testing.assert_allclose(found[name], variable, rtol=1e-7)
    longer = dataclasses.replace(spec, repeats=spec.repeats + 1).study()
    grown = run_cells(longer, store.path, None, choices)
    assert grown.done() - set(range(store.layout.chunks)) == {store.layout.chunks}


@pytest.mark.long
def test_cells_of_the_grid_are_points_of_the_similarity_study():
    shared = {
        "turns": (0.0, 0.3, 1.0),
        "samples_source": (20, 2_000),
        "dimension": 6,
        "samples_target": 3,
        "repeats": 20,
    }
    grid = gain_grid.run(gain_grid.GainGrid(cosines=(0.9,), weights=(1.0,), **shared))
    study = similarity.SimilaritySweep(cosine=0.9, **shared).study()
    curve = in_memory(study).sel(path="rotation")
    assert bool(grid["certified"].all())
    joint = grid["risk_joint"].isel(cosine=0, weight=0)
    np.testing.assert_allclose(joint, curve["risk_joint"], rtol=1e-7)
    alone = grid["risk_alone"].isel(turn=0, cosine=0, samples_source=0, weight=0)
    np.testing.assert_allclose(alone, curve["risk_alone"], rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"turns": (0.5, 1.5)}, r"turns must be in \[0.0, 1.0\]"),
        (
            {"cosines": (float("nan"),)},
            r"cosines must be in \[-1.0, 1.0\], got \(nan,\)",
        ),
        ({"weights": (0.0,)}, "weights must be in"),
        ({"samples_source": (11,)}, "samples_source must be at least 12"),
        ({"repeats": 0}, "repeats must be at least 1, got 0"),
        ({"turns": ()}, "axis 'turn' is empty"),
        ({"weights": (1.0, 1.0)}, "axis 'weight' has 1.0 twice"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(gain_grid.GainGrid(), **change).study()
