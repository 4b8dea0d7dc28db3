"""W-A1: what Algorithm 1 is worth to a target, against how far its source is turned."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, Key

from simulations import store
from simulations.engine.in_memory import Progress, in_memory
from simulations.engine.study import Study, study_of_repeats
from simulations.training.alignment import Rounds, check_checkpoints, initial_point
from simulations.training.alignment_arms import ARMS, Problem, train_arms
from theory.alignment import AlignmentPoint, aligned_statistics
from theory.covariance import similarity_matrix
from theory.tasks import TaskStatistics

# What is turned: inputs with their parameter, inputs alone, or all of it for nothing.
MISALIGNMENTS = ("task", "covariance", "unrelated")
# Problems of one chunk: their paths, with a matrix a task and checkpoint, fill memory.
PROBLEMS = 300


@dataclass(frozen=True, kw_only=True)
class AlignmentSweep:
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
        repeats: Independent draws of tasks and data.
        seed: Repeat `i` uses the key `fold_in(key(seed), i)`.
    """

    dimension: int = 20
    samples_target: int = 30
    samples_source: int = 600
    samples_validation: int = 30
    angles: tuple[float, ...] = (0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0)
    noise: float = 1.0
    cosine: float = 1.0
    condition: float = 5.0
    width: int = 1
    ridges: tuple[float, ...] = (0.003, 0.03, 0.3)
    rate: float = 0.3
    checkpoints: tuple[int, ...] = (0, *(2**power for power in range(11)))
    repeats: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        least = {"dimension": 4, "width": 1, "repeats": 1}
        least |= {f"samples_{of}": 1 for of in ("target", "source", "validation")}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(
                    f"{name} must be at least {value}, got {getattr(self, name)}"
                )
        if not self.angles or not all(0 <= angle <= 90 for angle in self.angles):
            raise ValueError(f"angles must be in [0, 90], got {self.angles}")
        if not self.ridges or not all(0 < ridge < 1e300 for ridge in self.ridges):
            raise ValueError(f"ridges must be finite and above 0, got {self.ridges}")
        if not 0 <= self.noise < 1e300 or not 0 < self.rate < 1e300:
            raise ValueError(
                "noise must be finite and >= 0 and rate must be finite and above 0, "
                f"got {self.noise} and {self.rate}"
            )
        if not -1 <= self.cosine <= 1 or not 1 <= self.condition < 1e150:
            raise ValueError(
                "cosine must be in [-1, 1] and condition must be at least 1, got "
                f"{self.cosine} and {self.condition}"
            )
        check_checkpoints(self.checkpoints)

    def study(self) -> Study:
        """For the engine: a cell is a repeat with all points; not compiled as one."""
        batch = max(1, PROBLEMS // (len(MISALIGNMENTS) * len(self.angles)))
        return study_of_repeats(self, _chunk, _Result, _dataset, batch=batch)

    @classmethod
    def quick(cls) -> "AlignmentSweep":
        """Under half a minute on two cores."""
        return cls(
            dimension=12,
            samples_target=20,
            samples_source=400,
            samples_validation=20,
            angles=(0.0, 30.0, 60.0, 90.0),
            ridges=(0.01, 0.1),
            checkpoints=(0, *(2**power for power in range(10))),
            repeats=100,
        )


class _Result(NamedTuple):
    """Axes: repeat, point, arm."""

    risk: Float[Array, "n p a"]
    last: Float[Array, "n p a"]
    rounds: Int[Array, "n p a"]
    similarity: Float[Array, "n p a"]


def run(spec: AlignmentSweep, progress: Progress | None = None) -> xr.Dataset:
    """Measure the target's excess risk `(θ̂ − θ_1)ᵀΣ_1(θ̂ − θ_1)` under every arm.

    One protocol for all arms: gradient steps of one rate, from one start (`R_i = I`),
    and of the points kept at the checkpoints the one with the least loss on the
    target's validation rows. The arms:

    - *alone*: the target only. *joint*: both tasks, `R_i = I`.
    - *fine-tuned*: the target only, from the point chosen for *joint*.
    - *free*, *orthogonal*, *ridge*: Algorithm 1; `ridge` also chooses `λ` by the
      validation rows. With *B moving* all of it moves from the common start; with *B
      fixed* it starts at the point chosen for *joint*, as `B` must come from somewhere.
    - *whitened*: joint, with `R_i = Σ_i^(-½)Σ_1^(½)` of the true covariances.
    - *turned back*: joint, with `R_2 = U`: all that alignment could find out.

    `risk_last` is that after the last round, without any choice. `similarity` is the
    normalised score of eq 5 of the true covariances `R_iᵀΣ_iR_i` at the chosen point.

    Source: W-A1 (Algorithm 1); the protocol is ours.
    """
    return in_memory(spec.study(), progress)


def rotation(spec: AlignmentSweep, angle: Float[Array, ""]) -> Float[Array, "d d"]:
    """`U`: each of the first quarter of coordinates turned toward its partner."""
    quarter = spec.dimension // 4
    one, two = jnp.arange(quarter), quarter + jnp.arange(quarter)
    c, s = jnp.cos(jnp.deg2rad(angle)), jnp.sin(jnp.deg2rad(angle))
    turn = jnp.eye(spec.dimension).at[one, one].set(c).at[two, two].set(c)
    return turn.at[two, one].set(s).at[one, two].set(-s)


def _chunk(spec: AlignmentSweep, keys: Key[Array, " n"]) -> _Result:
    # Programs one after the other: see `map_chunks` on deadlocks.
    problem = jax.block_until_ready(_problems(keys, spec))
    rounds = Rounds(rate=spec.rate, checkpoints=spec.checkpoints)
    chosen = train_arms(problem, spec.width, spec.ridges, rounds)
    grams = jax.block_until_ready(_scores(problem, [one.point for one in chosen]))
    shape = (len(keys), -1)

    def table(field: str) -> Array:
        parts = [getattr(one, field).reshape(shape) for one in chosen]
        return jnp.stack(parts, axis=-1)

    return _Result(
        table("risk"), table("last"), table("rounds"), grams.reshape(*shape, len(ARMS))
    )


@partial(jax.jit, static_argnames="spec")
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
    first = draws[0] / jnp.linalg.norm(draws[0])
    across = draws[1] - (draws[1] @ first) * first
    across = across / jnp.linalg.norm(across)
    near = spec.cosine * first + (1 - spec.cosine**2) ** 0.5 * across
    return first, near, draws[2] / jnp.linalg.norm(draws[2])


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


def _dataset(spec: AlignmentSweep, result: _Result) -> xr.Dataset:
    axes = ("arm", "misalignment", "angle", "repeat")
    shape = (len(MISALIGNMENTS), len(spec.angles), spec.repeats)
    risk, last, rounds, similarity = (
        np.transpose(np.asarray(values), (2, 1, 0)).reshape(len(ARMS), *shape)
        for values in result
    )
    unit = "labels' units squared"
    joint = risk[ARMS.index("joint")]
    alone = risk[ARMS.index("alone")]
    variables: dict[str, store.Entry] = {
        "risk": (axes, risk, "excess risk of the target", unit),
        "risk_last": (axes, last, "excess risk of the target, last round", unit),
        "gain_over_joint": (
            *(axes, (joint - risk) / (joint + risk)),
            *("(joint - arm) / (joint + arm) of risks", "1"),
        ),
        "gain_over_alone": (
            *(axes, (alone - risk) / (alone + risk)),
            *("(alone - arm) / (alone + arm) of risks", "1"),
        ),
        "rounds": (axes, rounds, "rounds chosen", "rounds"),
        "similarity": (axes, similarity, "similarity of aligned covariances", "1"),
    }
    coordinates: dict[str, store.Entry] = {
        "arm": ("arm", list(ARMS), "how the target is trained", "1"),
        "misalignment": ("misalignment", list(MISALIGNMENTS), "what is turned", "1"),
        "angle": ("angle", np.asarray(spec.angles), "angle of the turn", "degrees"),
        "repeat": ("repeat", np.arange(spec.repeats), "independent draw", "1"),
    }
    return store.dataset(spec, variables, coordinates)
