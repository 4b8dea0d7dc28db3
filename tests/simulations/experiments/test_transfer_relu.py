import dataclasses

import numpy as np
import pytest

from simulations.engine.in_memory import repeat_keys
from simulations.experiments import transfer_relu
from simulations.experiments.transfer_relu import TransferReluSweep

# Two sizes, as a later one must not change an earlier; so few that it is quick.
SMALL = TransferReluSweep(
    dimension=2, samples_target=12, samples_source=(6, 30), starts=2, repeats=3
)


@pytest.fixture(scope="module")
def data():
    return SMALL.run()


def least(tasks: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """`BA_1` of the least loss over a fine grid of directions in the plane."""
    angles = np.linspace(0, 2 * np.pi, 200_001)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    total, first = 0.0, None
    for x, y in tasks:
        units = np.maximum(x @ directions, 0)
        power = np.maximum(np.sum(units**2, axis=0), 1e-300)
        head = y @ units / power
        total = total + y @ y - head**2 * power
        first = head if first is None else first
    at = int(np.argmin(total))
    assert first is not None
    assert first[at] > 0
    return directions[:, at] * first[at]


@pytest.mark.long
def test_risks_are_those_of_a_plain_search_in_the_plane(data):
    rng = np.random.default_rng(0)
    key = repeat_keys(SMALL.seed, SMALL.repeats)[1]
    draw = transfer_relu._draw(key, SMALL)
    tasks = draw.tasks
    target, *sources = (
        (
            (normals := np.asarray(rows))[:, :2] @ np.asarray(root).T,
            normals[:, 2],
            np.asarray(theta),
        )
        for rows, root, theta in (
            (draw.target, tasks.target_root, tasks.target_parameter),
            *(
                (draw.source, root, tasks.source_parameter)
                for root in tasks.source_roots
            ),
        )
    )

    def labelled(x, error, theta):
        return x, np.maximum(x @ theta, 0) + SMALL.noise * error

    def risk(found):
        x = rng.normal(size=(400_000, 2)) @ np.asarray(tasks.target_root).T
        off = np.maximum(x @ found, 0) - np.maximum(x @ target[2], 0)
        return np.mean(off**2), np.std(off**2) / np.sqrt(len(x))

    first = labelled(*target)
    cases = [([first], data["risk_alone"][1])]
    for i, (x, error, theta) in enumerate(sources):
        for j, m in enumerate(SMALL.samples_source):
            second = labelled(x[:m], error[:m], theta)
            cases.append(([first, second], data["risk_joint"][i, j, 1]))
    for known, measured in cases:
        mean, error = risk(least(known))
        # Five standard errors of Monte Carlo; the grid's step is far below.
        assert abs(float(measured) - mean) <= 5 * error + 1e-3 * mean


@pytest.mark.long
def test_an_unrelated_source_hurts_and_a_related_one_helps():
    spec = TransferReluSweep(
        samples_target=60, samples_source=(100,), condition=1.0, repeats=20
    )
    for cosine, noise, sign in ((1.0, 0.5, 1), (0.0, 0.1, -1)):
        changed = dataclasses.replace(spec, cosine=cosine, noise=noise)
        gain = changed.run()["relative_gain"][0, 0]
        error = gain.std("repeat", ddof=1) / np.sqrt(spec.repeats)
        assert sign * gain.mean() > 3 * error
