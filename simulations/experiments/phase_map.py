"""Where training one ReLU unit on two tasks misses the global optimum (d = 2)."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, Key

from simulations import store
from simulations.engine.in_memory import Progress, in_memory
from simulations.engine.study import Axis, Columns, Study
from simulations.training import ReluModel, Solver, train
from simulations.training.solver_choice import SOLVERS, check_solvers
from theory.relu import plane_optimum
from theory.tasks import Tasks

# The threshold of a miss, and what is tried beside it to see that it does not matter.
FACTORS = (0.1, 1.0, 10.0)
# Draws that are trained at once.
CHUNK = 50


@dataclass(frozen=True, kw_only=True)
class PhaseMap:
    """Axes of the study.

    Task `i` has `y_i = ReLU(X_iθ_i) + σε_i`, `θ_1` and `θ_2` of length 1 at `angle`.
    Rows of both are `N(0, QD²Qᵀ)`, `D² = diag(√κ, 1/√κ)`, and `Q` turns by a random
    angle. A repeat has one set of normals, of turns and of starts for all points of
    the map and for all solvers: points are paired, and their errors not independent.

    Args:
        samples: Rows `m` of each task.
        angles: Between the teachers, in degrees.
        conditions: Condition numbers `κ ≥ 1` of the covariance.
        noise: Standard deviation `σ`.
        solvers: By name, with their default budgets.
        threshold: Share of the explained energy above which a start has missed; the
            shares at a tenth and at ten times of it are kept as well.
        starts: Random starts of each draw.
        repeats: Independent draws.
        seed: Repeat `i` uses the key `fold_in(key(seed), i)`.
    """

    samples: int = 30
    angles: tuple[float, ...] = (0.0, 30.0, 60.0, 90.0, 120.0, 150.0, 180.0)
    conditions: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0)
    noise: float = 0.3
    solvers: tuple[str, ...] = ("gradient-descent", "adam", "levenberg-marquardt")
    threshold: float = 1e-3
    starts: int = 16
    repeats: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        for name, least in {"samples": 2, "starts": 1, "repeats": 1}.items():
            if getattr(self, name) < least:
                raise ValueError(
                    f"{name} must be at least {least}, got {getattr(self, name)}"
                )
        if not self.angles or not all(0 <= angle <= 180 for angle in self.angles):
            raise ValueError(f"angles must be in [0, 180], got {self.angles}")
        if not self.conditions or not all(
            1 <= condition <= 1e12 for condition in self.conditions
        ):
            raise ValueError(f"conditions must be in [1, 1e12], got {self.conditions}")
        if not 0 < self.noise < float("inf"):
            raise ValueError(f"noise must be finite and above 0, got {self.noise}")
        if not 0 < self.threshold < 0.1:
            raise ValueError(f"threshold must be in (0, 0.1), got {self.threshold}")
        check_solvers(self.solvers)

    def study(self) -> Study:
        """For the engine: a cell is a point and a repeat; not compiled as one."""
        fixed = replace(self, angles=(0.0,), conditions=(1.0,), repeats=1, seed=0)
        return Study(
            self,
            (
                Axis("angle", self.angles, "angles"),
                Axis("condition", self.conditions, "conditions"),
                Axis("repeat", range(self.repeats), "repeats", drawn=True),
            ),
            lambda keys, points: _cells(fixed, keys, points)._asdict(),
            lambda columns: _dataset(self, _Result(**columns)),
            batch=min(CHUNK, self.repeats),
            compiled=False,
        )

    @classmethod
    def quick(cls) -> "PhaseMap":
        """Under half a minute on two cores."""
        return cls(
            angles=(0.0, 90.0, 180.0),
            conditions=(1.0, 10.0, 100.0),
            starts=8,
            repeats=12,
        )


class _Result(NamedTuple):
    """The first axes are those of the cells, the last is that of the starts."""

    excess: Float[np.ndarray, "*n solver s"]
    status: Int[np.ndarray, "*n solver s"]
    minima: Int[np.ndarray, "*n"]


def run(spec: PhaseMap, progress: Progress | None = None) -> xr.Dataset:
    """Measure how far above the optimum every start ends, and count local minima.

    A start ends where `simulations.training.train` does; the optimum is that of the
    exact search. The relative excess is `(f − f*)/(f_0 − f*)`, with `f_0` the loss
    without any output; dead starts have 1.

    Source: mathematics.md §4; derived here.
    """
    return in_memory(spec.study(), progress)


@partial(jax.jit, static_argnames="samples")
def _draws(
    keys: Key[Array, " n"],
    angle: Float[Array, " n"],
    condition: Float[Array, " n"],
    noise: Float[Array, ""],
    samples: int,
) -> Tasks:
    def one(
        key: Key[Array, ""], angle: Float[Array, ""], condition: Float[Array, ""]
    ) -> Tasks:
        row_key, turn_key, teacher_key, label_key, _ = jax.random.split(key, 5)
        turn = jax.random.uniform(turn_key, maxval=jnp.pi)
        first = jax.random.uniform(teacher_key, maxval=2 * jnp.pi)
        c, s = jnp.cos(turn), jnp.sin(turn)
        size = jnp.stack([condition**0.25, condition**-0.25])
        root = jnp.array([[c, -s], [s, c]]) * size
        x = jax.random.normal(row_key, (2, samples, 2)) @ root.T
        toward = first + jnp.stack([jnp.zeros(()), angle])
        theta = jnp.stack([jnp.cos(toward), jnp.sin(toward)], axis=1)
        clean = jax.nn.relu(jnp.einsum("kmd,kd->km", x, theta))
        y = clean + noise * jax.random.normal(label_key, clean.shape)
        return Tasks(x, y, jnp.ones(y.shape, bool))

    return jax.vmap(one)(keys, angle, condition)


def _cells(spec: PhaseMap, keys: Key[Array, " n"], points: Columns) -> _Result:
    angle, condition = np.deg2rad(points["angle"]), points["condition"]
    at = (jnp.asarray(value, float) for value in (angle, condition, spec.noise))
    tasks = _draws(keys, *at, spec.samples)
    each = [jax.tree.map(lambda leaf, i=i: leaf[i], tasks) for i in range(len(keys))]
    best = [plane_optimum(one) for one in each]
    least = np.array([float(found.loss) for found in best])[:, None, None]
    none = np.sum(np.asarray(tasks.labels) ** 2, axis=(1, 2))[:, None, None]
    ends = [_trained(tasks, keys, spec.starts, SOLVERS[name]) for name in spec.solvers]
    losses, status = (np.stack(parts, axis=1) for parts in zip(*ends, strict=True))
    minima = np.array([len(found.minima.loss) for found in best])
    return _Result((losses - least) / (none - least), status, minima)


@partial(jax.jit, static_argnames=("starts", "solver"))
def _trained(
    tasks: Tasks, keys: Key[Array, " n"], starts: int, solver: Solver
) -> tuple[Float[Array, "n starts"], Int[Array, "n starts"]]:
    def one(task: Tasks, key: Key[Array, ""]) -> tuple[Array, Array]:
        start_key = jax.random.split(key, 5)[4]
        model = ReluModel.from_tasks(task)
        found = train(model, 1, None, start_key, starts=starts, solver=solver)
        return found.losses, found.status

    return jax.vmap(one)(tasks, keys)


def _dataset(spec: PhaseMap, result: _Result) -> xr.Dataset:
    # Repeats after solvers.
    excess, status = np.moveaxis(result.excess, 2, 3), np.moveaxis(result.status, 2, 3)
    few = ("angle", "condition")
    axes = (*few, "solver", "repeat", "start")
    thresholds = np.array([factor * spec.threshold for factor in FACTORS])
    missed = excess[..., None, :, :] > thresholds[:, None, None]
    kinds = "0 converged, 1 out of steps, 2 diverged, 3 dead, 4 stalled"
    variables: dict[str, store.Entry] = {
        "excess": (axes, excess, "relative excess of the loss", "1"),
        "missed": (
            (*few, "solver", "threshold", "repeat"),
            missed.mean(axis=-1),
            "share of starts that miss the optimum",
            "1",
        ),
        "status": (axes, status, f"how a start ended: {kinds}", "1"),
        "minima": (
            (*few, "repeat"),
            result.minima,
            "local minima of the exact search",
            "1",
        ),
    }
    coordinates: dict[str, store.Entry] = {
        "angle": ("angle", list(spec.angles), "angle between teachers", "degrees"),
        "condition": (
            *("condition", list(spec.conditions)),
            *("condition number of the covariance", "1"),
        ),
        "solver": ("solver", list(spec.solvers), "method, at its default budget", "1"),
        "threshold": ("threshold", thresholds, "excess that counts as a miss", "1"),
        "repeat": ("repeat", np.arange(spec.repeats), "independent draw", "1"),
        "start": ("start", np.arange(spec.starts), "random start", "1"),
    }
    return store.dataset(spec, variables, coordinates)
