"""Where training one ReLU unit on two tasks misses the global optimum (d = 2)."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, Key

from simulations.engine.study import Columns
from simulations.experiments.experiment import CellExperiment, setting
from simulations.training import ReluModel, Solver, train
from simulations.training.solver_choice import ENDS, SOLVERS, check_solvers
from theory.relu import plane_optimum
from theory.tasks import Tasks

AXES = "angle condition solver repeat start"
# The threshold of a miss, and what is tried beside it to see that it does not matter.
FACTORS = (0.1, 1.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class PhaseMap(CellExperiment):
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
    """

    CELLS = ("angle", "condition")
    BATCH = 50
    QUICK: ClassVar = {
        **{"angles": (0.0, 90.0, 180.0), "conditions": (1.0, 10.0, 100.0)},
        **{"starts": 8, "repeats": 12},
    }
    COORDINATES: ClassVar = {
        "threshold": ("threshold", "excess that counts as a miss", "1"),
    }
    COLUMNS: ClassVar = {
        "excess": (AXES, "relative excess of the loss", "1"),
        "missed": (
            "angle condition solver threshold repeat",
            *("share of starts that miss the optimum", "1"),
        ),
        "status": (AXES, ENDS, "1"),
        "minima": ("angle condition repeat", "local minima of the exact search", "1"),
    }

    samples: int = setting(30, "[2, inf)")
    angles: tuple[float, ...] = setting(
        (0.0, 30.0, 60.0, 90.0, 120.0, 150.0, 180.0),
        "[0, 180]",
        unit="degrees",
        angle="angle between teachers",
    )
    conditions: tuple[float, ...] = setting(
        (1.0, 10.0, 100.0, 1000.0),
        "[1, 1e12]",
        condition="condition number of the covariance",
    )
    noise: float = setting(0.3, "(0, inf)")
    solvers: tuple[str, ...] = setting(
        ("gradient-descent", "adam", "levenberg-marquardt"),
        solver="method, at its default budget",
    )
    threshold: float = setting(1e-3, "(0, 0.1)")
    starts: int = setting(16, "[1, inf)", start="random start")
    repeats: int = setting(40, "[1, inf)", repeat="independent draw")

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        super().__post_init__()
        check_solvers(self.solvers)

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure how far above the optimum every start ends, and count local minima.

        A start ends where `simulations.training.train` does; the optimum is that of the
        exact search. The relative excess is `(f − f*)/(f_0 − f*)`, with `f_0` the loss
        without any output; dead starts have 1.

        Source: docs/mathematics.md, "Exact optimum in the plane".
        """
        angle, condition = np.deg2rad(points["angle"]), points["condition"]
        at = (jnp.asarray(value, float) for value in (angle, condition, self.noise))
        tasks = _draws(keys, *at, self.samples)
        each = [
            jax.tree.map(lambda leaf, i=i: leaf[i], tasks) for i in range(len(keys))
        ]
        best = [plane_optimum(one) for one in each]
        least = np.array([float(found.loss) for found in best])[:, None, None]
        none = np.sum(np.asarray(tasks.labels) ** 2, axis=(1, 2))[:, None, None]
        ends = [_trained(tasks, keys, self.starts, SOLVERS[s]) for s in self.solvers]
        losses, status = (np.stack(parts, axis=1) for parts in zip(*ends, strict=True))
        minima = np.array([len(found.minima.loss) for found in best])
        excess = (losses - least) / (none - least)
        return {"excess": excess, "status": status, "minima": minima}

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        thresholds = np.array([factor * self.threshold for factor in FACTORS])
        missed = found["excess"] > xr.DataArray(thresholds, dims="threshold")
        return {"threshold": thresholds, "missed": missed.mean("start")}


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
