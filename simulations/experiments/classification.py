"""W-F2: two sources with one decision boundary and other inputs, in the plane."""

import itertools
import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from simulations.engine.in_memory import repeat_keys
from simulations.engine.study import Columns
from simulations.experiments.experiment import CellExperiment, setting
from simulations.training import LevenbergMarquardt, LogisticModel, Status, train
from theory.tasks import Tasks

# The last is the control: source 3, drawn as it is, but with inputs like source 2's.
SOURCES = ("source 2", "source 3", "source 3, inputs of source 2")
TASKS = ("target", *SOURCES[:2])
FITS = ("target alone", "with source 2", "with source 3")
# Almost all starts converge within 20 steps; where a line parts the classes few do. At
# this gradient the direction is good to 1e-5 degrees or so.
SOLVER = LevenbergMarquardt(steps=25, tolerance=1e-6)
AXES, SIZES = "angle source samples_target repeat", "samples_target repeat"


@dataclass(frozen=True, kw_only=True)
class ClassificationSweep(CellExperiment):
    """Axes of W-F2.

    Inputs are Gaussian of mean zero in the plane, labels the side of a line through
    the origin, each flipped with probability `flips`. The target has inputs `N(0, I)`
    and boundary normal `θ_1`; both sources have the boundary normal `θ_2`, at `angle`
    from `θ_1`. Source 2 has inputs `N(0, I)`; those of source 3 have a standard
    deviation `stretch` along its boundary and 1 across. A label depends on its input
    through `θ_iᵀx` alone, so each task's log-loss has its least population value at a
    multiple of `θ_i`: what differs between the sources is their data only.

    The paper's figure gives no numbers; all of these are ours.

    Args:
        samples_target: Rows of the target. With 10 a line often parts its classes,
            and the direction that is found then depends on when training stops.
        angles: Degrees between `θ_1` and `θ_2`, in [0, 90].
        samples_source: Rows of a source.
        stretch: Of source 3's inputs along its boundary.
        flips: Probability of a flipped label, in (0, 1/2): without flips a line parts
            the classes, and the log-loss has no optimum.
        shown: Which angle the picture shows, and which number of target rows.
        starts: Of each training; the best counts.
    """

    # Batches follow one another: one ends with its slowest start.
    BATCH = 50
    COMPILED = True
    QUICK: ClassVar = {
        **{"samples_target": (40, 60, 90), "angles": (8.0,), "repeats": 1000},
    }
    LABELS: ClassVar = {
        "source": (SOURCES, "source"),
        "task": (TASKS, "task"),
        "fit": (FITS, "what was trained"),
    }
    COLUMNS: ClassVar = {
        "accuracy_joint": (AXES, "test accuracy, both tasks", "1"),
        "accuracy_alone": (SIZES, "test accuracy of the target alone", "1"),
        "gain": (AXES, "accuracy joint minus alone", "1"),
        "turn_joint": (AXES, "boundary's turn, joint", "degrees"),
        "turn_alone": (SIZES, "boundary's turn, alone", "degrees"),
        "converged_joint": ("angle source samples_target", "share converged", "1"),
        "converged_alone": ("samples_target", "share converged", "1"),
        "shown_inputs": ("task row axis", "inputs of a draw", "1"),
        "shown_labels": ("task row", "classes of a draw", "1"),
        "shown_turn": ("fit", "boundary's turn", "degrees"),
        "shown_accuracy": ("fit", "test accuracy", "1"),
        "shown_repeat": ("", "which draw is shown", "1"),
    }

    samples_target: tuple[int, ...] = setting(
        (20, 40, 60, 90, 160, 320, 640),
        "[1, inf)",
        unit="samples",
        samples_target="size of the target",
    )
    angles: tuple[float, ...] = setting(
        (0.0, 4.0, 8.0, 12.0, 16.0, 30.0),
        "[0, 90]",
        unit="degrees",
        angle="between boundaries",
    )
    samples_source: int = setting(60, "[1, inf)")
    stretch: float = setting(5.0, "(0, inf)")
    flips: float = setting(0.1, "(0, 0.5)")
    shown: tuple[float, int] = (8.0, 60)
    starts: int = setting(2, "[1, inf)")
    repeats: int = setting(2000, "[1, inf)", repeat="independent draw")

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        super().__post_init__()
        if self.shown not in itertools.product(self.angles, self.samples_target):
            raise ValueError(
                f"shown must be in angles and in samples_target, got {self.shown}"
            )

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure the target's test accuracy alone and with each source.

        Logistic model of width 1 without bias: task `i` predicts the sign of `xᵀBA_i`.
        With `φ` the angle between `BA_1` and `θ_1`, and the target's inputs of law
        `N(0, I)`, the accuracy on new labels, flipped ones too, is the closed form

            (1 − flips) − (1 − 2 flips) φ/π.

        A repeat has one set of normals and flips for all rows, angles and sources, and
        the target's rows are nested, so points of a curve are paired.

        Source: W-F2 (Fig 2).
        """
        angles = jnp.deg2rad(jnp.asarray(self.angles, float))
        return lax.map(partial(_one, self, angles), keys)._asdict()

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        turns = {name: found[f"turn_{name}"] for name in ("alone", "joint")}
        right = {name: _accuracy(turn, self.flips) for name, turn in turns.items()}
        degrees = {name: np.rad2deg(turn) for name, turn in turns.items()}
        return {
            **{f"accuracy_{name}": values for name, values in right.items()},
            **{f"turn_{name}": values for name, values in degrees.items()},
            "gain": right["joint"] - right["alone"],
            **_shown(self, degrees, right),
        }


class _Rows(NamedTuple):
    inputs: Float[Array, "*n m 2"]
    labels: Float[Array, "*n m"]


class _Result(NamedTuple):
    turn_alone: Float[Array, "n m"]
    turn_joint: Float[Array, "n angle source m"]
    converged_alone: Bool[Array, "n m"]
    converged_joint: Bool[Array, "n angle source m"]


def _one(
    spec: ClassificationSweep, angles: Float[Array, " angle"], key: Key[Array, ""]
) -> _Result:
    counts = jnp.asarray(spec.samples_target)
    data_key, start_key = jax.random.split(key)
    target, sources = jax.vmap(lambda angle: _drawn(data_key, angle, spec))(angles)
    # The target does not depend on the angle. A last source has no rows: alone.
    target = jax.tree.map(lambda leaf: leaf[0], target)
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), sources)
    flat = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf[:1]]), flat)
    used = jnp.full(len(flat.labels), spec.samples_source).at[-1].set(0)

    def point(
        source: _Rows, rows_source: Int[Array, ""], rows_target: Int[Array, ""]
    ) -> tuple[Float[Array, ""], Bool[Array, ""]]:
        counts = jnp.stack([rows_target, rows_source])
        return _turn(target, source, counts, start_key, spec.starts)

    over_rows = jax.vmap(point, (None, None, 0))
    turn, converged = jax.vmap(over_rows, (0, 0, None))(flat, used, counts)
    shape = (len(spec.angles), len(SOURCES), len(counts))
    return _Result(
        *(turn[-1], turn[:-1].reshape(shape)),
        *(converged[-1], converged[:-1].reshape(shape)),
    )


def _drawn(
    key: Key[Array, ""], angle: Float[Array, ""] | float, spec: ClassificationSweep
) -> tuple[_Rows, _Rows]:
    """The target's rows, and those of the sources, in the order of `SOURCES`."""
    most, m = max(spec.samples_target), spec.samples_source
    target, second, third = jax.random.split(key, 3)
    rows = partial(_rows, flips=spec.flips)
    sources = [
        rows(second, m, angle, 1.0),
        rows(third, m, angle, spec.stretch),
        rows(third, m, angle, 1.0),
    ]
    return rows(target, most, 0.0, 1.0), jax.tree.map(
        lambda *leaves: jnp.stack(leaves), *sources
    )


def _rows(
    key: Key[Array, ""],
    count: int,
    angle: Float[Array, ""] | float,
    stretch: float,
    flips: float,
) -> _Rows:
    normal_key, flip_key = jax.random.split(key)
    # Rows come first, so that fewer rows are the first of more.
    across, along = jax.random.normal(normal_key, (count, 2)).T
    flipped = jax.random.uniform(flip_key, (count,)) < flips
    c, s = jnp.cos(angle), jnp.sin(angle)
    inputs = jnp.stack(
        [c * across - s * stretch * along, s * across + c * stretch * along], axis=1
    )
    return _Rows(inputs, ((across > 0) ^ flipped).astype(inputs.dtype))


def _turn(
    target: _Rows,
    source: _Rows,
    counts: Int[Array, "2"],
    key: Key[Array, ""],
    starts: int,
) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """Radians from `θ_1` to the target's `BA_1`, and whether training converged."""
    model = LogisticModel.from_tasks(_tasks(target, source, counts))
    trained = train(model, 1, None, key, starts=starts, solver=SOLVER)
    normal = trained.shared[:, 0] * trained.heads[0, 0]
    turn = jnp.arctan2(normal[1], normal[0])
    # No direction is as good as a guess: a right angle.
    turn = jnp.where(jnp.any(normal != 0), turn, jnp.pi / 2)
    return turn, jnp.any(trained.status == int(Status.CONVERGED))


def _tasks(target: _Rows, source: _Rows, counts: Int[Array, "2"]) -> Tasks:
    """The first rows of both, padded to one length."""
    length = max(len(target.labels), len(source.labels))
    mask = jnp.arange(length) < counts[:, None]

    def padded(leaf: Array) -> Array:
        return jnp.pad(leaf, [(0, length - len(leaf)), *[(0, 0)] * (leaf.ndim - 1)])

    inputs = jnp.stack([padded(target.inputs), padded(source.inputs)])
    labels = jnp.stack([padded(target.labels), padded(source.labels)])
    return Tasks(jnp.where(mask[:, :, None], inputs, 0), labels * mask, mask)


def _accuracy(turn: Any, flips: float) -> Any:
    return 1 - flips - (1 - 2 * flips) * np.abs(turn) / np.pi


def _shown(
    spec: ClassificationSweep,
    turns: dict[str, xr.DataArray],
    right: dict[str, xr.DataArray],
) -> dict[str, Any]:
    """One draw for a picture: that with accuracies nearest to their means."""
    angle, samples = spec.shown
    at = {
        "angle": spec.angles.index(angle),
        "samples_target": spec.samples_target.index(samples),
    }
    turn, accuracy = (
        np.stack(
            [
                values["alone"].isel(samples_target=at["samples_target"]),
                *values["joint"].isel(at).transpose("source", "repeat")[:2],
            ]
        )
        for values in (turns, right)
    )
    away = np.sum((accuracy - accuracy.mean(axis=1, keepdims=True)) ** 2, axis=0)
    repeat = int(np.argmin(away))
    data_key = jax.random.split(repeat_keys(spec.seed, spec.repeats)[repeat])[0]
    target, sources = _drawn(data_key, math.radians(angle), spec)
    counts = (samples, spec.samples_source, spec.samples_source)
    inputs = np.full((len(TASKS), max(counts), 2), np.nan)
    labels = np.full(inputs.shape[:2], np.nan)
    for task, count in enumerate(counts):
        rows = (
            target if task == 0 else jax.tree.map(lambda x, i=task: x[i - 1], sources)
        )
        inputs[task, :count] = rows.inputs[:count]
        labels[task, :count] = rows.labels[:count]
    return {
        **{"shown_inputs": inputs, "shown_labels": labels, "shown_repeat": repeat},
        **{"shown_turn": turn[:, repeat], "shown_accuracy": accuracy[:, repeat]},
    }
