"""W-A1: what Algorithm 1 is worth to a target, against how far its source is turned."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, Key

from simulations.draws.pairs import at_cosine, turned_planes
from simulations.engine.study import Columns
from simulations.experiments.experiment import (
    OPTIMISED,
    SQUARED,
    CellExperiment,
    setting,
)
from simulations.training.alignment import Rounds, check_checkpoints, initial_point
from simulations.training.alignment_arms import ARMS, Problem, train_arms
from theory.alignment import AlignmentPoint, aligned_statistics
from theory.covariance import similarity_matrix
from theory.tasks import TaskStatistics

# What is turned: inputs with their parameter, inputs alone, or all of it for nothing.
MISALIGNMENTS = ("task", "covariance", "unrelated")
# Problems of one chunk: their paths, with a matrix a task and checkpoint, fill memory.
PROBLEMS = 300
AXES = "arm misalignment angle repeat"


@dataclass(frozen=True, kw_only=True)
class AlignmentSweep(CellExperiment):
    """Axes of the study: a target, and a source turned away from it by an angle.

    The target has `Σ_1 = D²`, `D = κ` on a quarter `S_1` of the coordinates and 1
    elsewhere. `U` turns each plane (j of S_1, j of the next quarter) by the angle. The
    source has `Σ_2 = UΣ_1Uᵀ`, and one of three parameters:

        task:        θ_2 = U(cθ_1 + √(1−c²) w): the whole task is turned;
        covariance:  θ_2 = cθ_1 + √(1−c²) w: only the inputs are;
        unrelated:   θ_2 independent of θ_1, for comparison.

    Args:
        dimension: Inputs `d`, at least 4.
        samples_target: Rows to train the target on.
        samples_source: Rows of the source.
        samples_validation: Rows of the target to choose by, the same for every arm.
        angles: Degrees, in [0, 90].
        noise: Standard deviation `σ` of the labels' noise; parameters have length 1.
        cosine: `c`, between the parameters before the turn.
        condition: `κ ≥ 1`.
        width: `r` of the module.
        ridges: `λ > 0` to choose from; see `train_alignment`.
        rate: Length of the gradient steps.
        checkpoints: Numbers of rounds to choose from.
    """

    QUICK: ClassVar = {
        **{"dimension": 12, "samples_target": 20, "samples_source": 400},
        **{"samples_validation": 20, "angles": (0.0, 30.0, 60.0, 90.0)},
        **{"ridges": (0.01, 0.1), "repeats": 100},
        "checkpoints": (0, *(2**power for power in range(10))),
    }
    LABELS: ClassVar = {
        "arm": (ARMS, "how the target is trained"),
        "misalignment": (MISALIGNMENTS, "what is turned"),
    }
    COLUMNS: ClassVar = {
        "risk": (AXES, "excess risk of the target", SQUARED),
        "risk_last": (AXES, "excess risk of the target, last round", SQUARED),
        "gain_over_joint": (AXES, "(joint - arm) / (joint + arm) of risks", "1"),
        "gain_over_alone": (AXES, "(alone - arm) / (alone + arm) of risks", "1"),
        "rounds": (AXES, "rounds chosen", "rounds"),
        "similarity": (AXES, "similarity of aligned covariances", "1"),
    }

    dimension: int = setting(20, "[4, inf)")
    samples_target: int = setting(30, "[1, inf)")
    samples_source: int = setting(600, "[1, inf)")
    samples_validation: int = setting(30, "[1, inf)")
    angles: tuple[float, ...] = setting(
        (0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0),
        "[0, 90]",
        unit="degrees",
        angle="angle of the turn",
    )
    noise: float = setting(1.0, "[0, 1e300)")
    cosine: float = setting(1.0, "[-1, 1]")
    condition: float = setting(5.0, "[1, 1e150)")
    width: int = setting(1, "[1, inf)")
    ridges: tuple[float, ...] = setting((0.003, 0.03, 0.3), "(0, 1e300)")
    rate: float = setting(0.3, "(0, 1e300)")
    checkpoints: tuple[int, ...] = (0, *(2**power for power in range(11)))
    repeats: int = setting(400, "[1, inf)", repeat="independent draw")

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        super().__post_init__()
        check_checkpoints(self.checkpoints)

    def _batch(self) -> int:
        return max(1, PROBLEMS // (len(MISALIGNMENTS) * len(self.angles)))

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure the target's excess risk `(θ̂ − θ_1)ᵀΣ_1(θ̂ − θ_1)` under every arm.

        One protocol for all arms: gradient steps of one rate, from one start
        (`R_i = I`), and of the points kept at the checkpoints the one with the least
        loss on the target's validation rows. The arms:

        - *alone*: the target only. *joint*: both tasks, `R_i = I`.
        - *fine-tuned*: the target only, from the point chosen for *joint*.
        - *free*, *orthogonal*, *ridge*: Algorithm 1; `ridge` also chooses `λ` by the
          validation rows. With *B moving* all of it moves from the common start; with
          *B fixed* it starts at the point chosen for *joint*, as `B` must come from
          somewhere.
        - *whitened*: joint, with `R_i = Σ_i^(-½)Σ_1^(½)` of the true covariances.
        - *turned back*: joint, with `R_2 = U`: all that alignment could find out.

        `last` is the risk after the last round, without any choice. `similarity` is the
        normalised score of eq 5 of the true covariances `R_iᵀΣ_iR_i` at the chosen
        point. Axes: repeat, misalignment and angle in one, arm.

        Source: W-A1 (Algorithm 1); the protocol is ours.
        """
        # Programs one after the other: see `map_chunks` on deadlocks.
        problem = jax.block_until_ready(_problems(keys, self))
        rounds = Rounds(rate=self.rate, checkpoints=self.checkpoints)
        chosen = train_arms(problem, self.width, self.ridges, rounds)
        grams = jax.block_until_ready(_scores(problem, [one.point for one in chosen]))
        shape = (len(keys), -1, len(ARMS))
        columns = {
            name: jnp.stack([getattr(one, name) for one in chosen], -1).reshape(shape)
            for name in ("risk", "last", "rounds")
        }
        return columns | {"similarity": grams.reshape(shape)}

    def assemble(self, columns: Mapping[str, Any]) -> xr.Dataset:
        """Make the Dataset of the columns of all cells."""
        shape = (self.repeats, len(ARMS), len(MISALIGNMENTS), len(self.angles))
        columns = {n: np.moveaxis(v, 2, 1).reshape(shape) for n, v in columns.items()}
        return super().assemble(columns)

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        risk = found["risk"]
        joint, alone = (risk[:, [ARMS.index(arm)]].values for arm in ("joint", "alone"))
        return {
            "risk_last": np.moveaxis(found["last"], 0, -1),
            "gain_over_joint": (joint - risk) / (joint + risk),
            "gain_over_alone": (alone - risk) / (alone + risk),
        }


def rotation(spec: AlignmentSweep, angle: Float[Array, ""]) -> Float[Array, "d d"]:
    """`U`: each of the first quarter of coordinates turned toward its partner."""
    quarter = spec.dimension // 4
    one, two = jnp.arange(quarter), quarter + jnp.arange(quarter)
    return turned_planes(spec.dimension, one, two, jnp.deg2rad(angle))


@partial(jax.jit, static_argnames="spec", compiler_options=OPTIMISED)
def _problems(keys: Key[Array, " n"], spec: AlignmentSweep) -> Problem:
    """Problems of all repeats and points, in one axis."""
    count = len(spec.angles)
    kinds = jnp.repeat(jnp.arange(len(MISALIGNMENTS)), count)
    angles = jnp.tile(jnp.asarray(spec.angles, float), len(MISALIGNMENTS))
    problem = partial(_problem, spec=spec)
    drawn = jax.vmap(jax.vmap(problem, (None, 0, 0)), (0, None, None))(
        keys, kinds, angles
    )
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), drawn)


def _problem(
    key: Key[Array, ""],
    kind: Int[Array, ""],
    angle: Float[Array, ""],
    spec: AlignmentSweep,
) -> Problem:
    task_key, data_key, start_key = jax.random.split(key, 3)
    d, turn = spec.dimension, rotation(spec, angle)
    theta, near, far = _parameters(task_key, spec)
    source = jnp.stack([turn @ near, near, far])[kind]
    strong = jnp.ones(d).at[: d // 4].set(spec.condition)
    root = jnp.diag(strong)
    counts = (spec.samples_target, spec.samples_source, spec.samples_validation)
    # One call for all rows and noise: each costs seconds to compile, more if fused
    # with what it feeds, and `sample_tasks` makes several.
    draws = jax.random.normal(data_key, (sum(counts), d + 1))
    parts = jnp.split(draws, (counts[0], counts[0] + counts[1]))
    drawn = [
        _fold(part, root, parameter, spec.noise)
        for part, root, parameter in zip(
            parts,
            (root, turn * strong, root),
            (theta, source, theta),
            strict=True,
        )
    ]
    statistics = TaskStatistics.stack(drawn[:2])
    validation = TaskStatistics.stack(drawn[2:])
    roots = jnp.stack([root, turn * strong])
    return Problem(
        statistics,
        validation,
        theta,
        roots @ jnp.swapaxes(roots, 1, 2),
        turn,
        # Of the target's size, so that training it alone does not see the source.
        initial_point(statistics, spec.width, start_key, jnp.array([1.0, 0.0])),
    )


def _fold(
    draws: Float[Array, "m n"],
    root: Float[Array, "d d"],
    parameter: Float[Array, " d"],
    noise: float,
) -> TaskStatistics:
    """Statistics of rows `Sz` with labels `xᵀθ + σε`, from draws of `(z, ε)`."""
    x = draws[:, :-1] @ root.T
    y = x @ parameter + noise * draws[:, -1]
    return TaskStatistics(x.T @ x, x.T @ y, y @ y, jnp.asarray(float(len(y))))


def _parameters(
    key: Key[Array, ""], spec: AlignmentSweep
) -> tuple[Float[Array, " d"], Float[Array, " d"], Float[Array, " d"]]:
    """`θ_1`; a unit vector at the given cosine to it; an independent one."""
    draws = jax.random.normal(key, (3, spec.dimension))
    return *at_cosine(draws[:2], spec.cosine), draws[2] / jnp.linalg.norm(draws[2])


@jax.jit
def _scores(problem: Problem, points: list[AlignmentPoint]) -> Float[Array, "n a"]:
    nothing = jnp.zeros(problem.covariances.shape[:-1])
    true = TaskStatistics(
        problem.covariances, nothing, nothing[..., 0], nothing[..., 0]
    )

    def score(true: TaskStatistics, maps: Array) -> Array:
        equal = aligned_statistics(true, maps).gram
        return similarity_matrix(equal, normalised=True)[0, 1]

    maps = jnp.stack([point.maps for point in points], axis=1)
    return jax.vmap(jax.vmap(score, (None, 0)))(true, maps)
