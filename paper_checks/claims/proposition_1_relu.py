"""W-P1r: ReLU tasks share nothing once the module is as wide as all of them."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from paper_checks.judge.check import Check
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import extreme, failure_rate, mean_with_interval
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from simulations.training import LevenbergMarquardt, ReluModel, Trained, train_grid
from theory.relu import Population, plane_optimum, population_task_losses
from theory.tasks import Tasks

SOURCE = "W-P1r (Proposition 1 with ReLU)"
TASKS = 2
# Inputs, and rows of a task: in the plane the optimum of one unit is known exactly.
PLANE, SPACE = (2, 20), (5, 30)
NOISE = 0.3
# One unit is a task's capacity; both tasks together have two.
WIDTHS = (1, 2)
# First each task alone, then both.
WEIGHTS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
STARTS = 8
SOLVER = LevenbergMarquardt(steps=200)
# Of the label energy. Where teachers are met exactly training ends below 1e-17, and
# the square of its last smoothing is 3e-13; the least loss at r = 1 is above 1e-3.
TRAINING = 1e-9


class Measured(NamedTuple):
    """Training on `n` problems: axes problem, width, weights, then starts."""

    tasks: Tasks
    trained: Trained
    loss: Float[np.ndarray, "n w a"]
    losses: Float[np.ndarray, "n w a s"]
    energy: Float[np.ndarray, " n"]

    @property
    def joint(self) -> Float[np.ndarray, " n"]:
        """Best loss of both tasks at the greatest width."""
        return self.loss[:, -1, -1]

    @property
    def apart(self) -> Float[np.ndarray, " n"]:
        """Sum of the best losses of the tasks, each alone with one unit."""
        return self.loss[:, 0, :-1].sum(axis=-1)


def measure(
    key: Key[Array, ""], count: int, dimension: int, samples: int, noise: float
) -> Measured:
    """Draw problems with one teacher unit a task, and train them in every way."""
    draw, starts = jax.random.split(key)
    problems = jax.vmap(partial(problem, dimension=dimension, samples=samples))
    tasks = jax.jit(problems)(jax.random.split(draw, count), jnp.full(count, noise))
    trained = train_grid(
        ReluModel.from_tasks(tasks),
        WIDTHS,
        WEIGHTS,
        starts[None],
        starts=STARTS,
        solver=SOLVER,
    )
    return Measured(
        tasks,
        trained,
        np.asarray(trained.loss)[..., 0],
        np.asarray(trained.losses)[..., 0, :],
        np.asarray(jnp.sum(tasks.labels**2, axis=(1, 2))),
    )


def problem(
    key: Key[Array, ""], noise: Float[Array, ""], dimension: int, samples: int
) -> Tasks:
    """`y_i = a_i ReLU(X_iθ_i) + ε`: `a_i = ±1`, `θ_i` on the sphere, rows N(0, I)."""
    rows, directions, signs, errors = jax.random.split(key, 4)
    x = jax.random.normal(rows, (TASKS, samples, dimension))
    theta = jax.random.normal(directions, (TASKS, dimension))
    theta = theta / jnp.linalg.norm(theta, axis=1, keepdims=True)
    sign = jax.random.rademacher(signs, (TASKS, 1), x.dtype)
    clean = sign * jax.nn.relu(jnp.einsum("kmd,kd->km", x, theta))
    y = clean + noise * jax.random.normal(errors, clean.shape)
    return Tasks(x, y, jnp.ones(y.shape, bool))


def exact(tasks: Tasks) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Least losses in the plane: sum of the tasks alone with a unit each; one for both.

    Found by `theory.relu.plane_optimum`, which trains nothing.
    """
    apart, shared = [], []
    for index in range(len(tasks.labels)):
        one = jax.tree.map(lambda leaf, i=index: leaf[i], tasks)
        alone = [
            jax.tree.map(lambda leaf, i=task: leaf[i : i + 1], one)
            for task in range(TASKS)
        ]
        apart.append(sum(float(plane_optimum(task).loss) for task in alone))
        shared.append(float(plane_optimum(one).loss))
    return np.array(apart), np.array(shared)


def check(
    joint: Float[np.ndarray, " n"],
    apart: Float[np.ndarray, " n"],
    energy: Float[np.ndarray, " n"],
) -> Check:
    """Compare the loss of training together with that of the tasks apart."""
    return Check(
        lhs=jnp.asarray(joint),
        rhs=jnp.asarray(apart),
        tolerance=jnp.asarray(TRAINING * energy),
        relation="==",
        source=SOURCE,
    )


def excess_risks(clean: Measured) -> Float[np.ndarray, "n k"]:
    """Population loss of the joint optimum, as a share of the labels' variance.

    For rows `N(0, I)`, against the teacher that drew the labels, which is found again
    as the unit that explains a task alone. It need not be zero where the training
    loss is: a task may use the other's unit where it has no rows.
    """
    shared = clean.trained.shared[:, :, :, 0]
    heads = clean.trained.heads[:, :, :, 0]
    # The teacher of task i is the width-1 fit with weights e_i.
    own = jnp.stack([shared[:, 0, i, :, 0] for i in range(TASKS)], axis=1)
    size = jnp.stack([heads[:, 0, i, i, 0] for i in range(TASKS)], axis=1)

    def one(theta: Array, amplitude: Array, b: Array, a: Array) -> Array:
        eye = jnp.broadcast_to(jnp.eye(len(b)), (TASKS, len(b), len(b)))
        law = Population(eye, theta[:, None], amplitude[:, None], jnp.zeros(TASKS))
        return population_task_losses(law, b, a) / law.label_energy

    found = jax.jit(jax.vmap(one))(own, size, shared[:, -1, -1], heads[:, -1, -1])
    return np.asarray(found)


def find(settings: Settings) -> Finding:
    """Measure it where one unit explains a task, and with noise, where none does."""
    count = settings.scaled(10, 200)
    keys = jax.random.split(jax.random.key(settings.seed), 3)
    plane = measure(keys[0], count, *PLANE, 0.0)
    space = measure(keys[1], count, *SPACE, 0.0)
    noisy = measure(keys[2], count, *PLANE, NOISE)
    apart, shared = exact(plane.tasks)
    checks = (
        check(plane.joint, apart, plane.energy),
        # Labels are those of the teachers, whose losses are zero.
        check(space.joint, np.zeros(count), space.energy),
    )
    narrow = {
        "exactly, d = 2": check(shared, apart, plane.energy),
        "trained, d = 5": check(space.loss[:, 0, -1], np.zeros(count), space.energy),
    }
    controls = tuple(
        Control(
            dropped=f"r >= k (r = k - 1; {name})",
            noticed=found.broken,
            instances=found.count,
        )
        for name, found in narrow.items()
    )
    return _finding(settings, plane, space, noisy, checks, controls)


def _finding(
    settings: Settings,
    plane: Measured,
    space: Measured,
    noisy: Measured,
    checks: tuple[Check, Check],
    controls: tuple[Control, ...],
) -> Finding:
    broken = sum(found.broken for found in checks)
    instances = sum(found.count for found in checks)
    apart, _ = exact(noisy.tasks)
    # More than one unit explains more noise, alone as well as together.
    below = (apart - noisy.joint) / noisy.energy
    wide = noisy.loss[:, 1, :-1].sum(axis=-1)
    above = (noisy.joint - wide) / noisy.energy
    ended = np.concatenate([_above(part) for part in (plane, space)])
    less = int(np.sum(below > TRAINING))
    risks = np.concatenate([excess_risks(part) for part in (plane, space)])
    others = int(np.sum(np.any(risks > TRAINING, axis=1)))
    return Finding(
        claim="W-P1r",
        statement="ReLU, r >= the sum of single-task capacities: an optimum is that "
        "of the tasks apart, so nothing is transferred.",
        source=SOURCE,
        verdict=judge(broken == 0, controls),
        reason=(
            f"where one unit explains a task (no noise) training together at r = 2 "
            f"reaches the losses of the tasks apart on {instances - broken} of "
            f"{instances} instances, from the best of {STARTS} starts; "
            f"{np.mean(ended > TRAINING):.0%} of starts end in a worse minimum, and on "
            f"{others} instances the optimum that is found fits all rows but is not "
            "that of the tasks apart. With "
            f"noise of sd {NOISE:g} the statement needs capacities at which width no "
            f"longer lowers a task's loss: with a unit a task, together they are below "
            f"the tasks apart on {less} of {len(below)} instances, for each task uses "
            "both units to fit its noise"
        ),
        measurements=(
            failure_rate("instances that break it", broken, instances),
            extreme("largest loss of a start at r = 2, share of label energy", ended),
            failure_rate(
                "problems with a start that ends above the optimum",
                int(np.sum(np.any(ended > TRAINING, axis=1))),
                len(ended),
            ),
            extreme(
                "largest population loss of the optimum at r = 2, share of label "
                "variance",
                risks,
            ),
            failure_rate(
                "problems whose optimum at r = 2 is not the teachers",
                int(np.sum(np.any(risks > TRAINING, axis=1))),
                len(risks),
            ),
            mean_with_interval(
                "noisy: tasks apart with a unit each minus together at r = 2, share "
                "of label energy",
                below,
            ),
            mean_with_interval(
                "noisy: together at r = 2 minus tasks apart with two units each, "
                "share of label energy",
                above,
            ),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )


def _above(part: Measured) -> Float[np.ndarray, "n s"]:
    """Loss of every start at the greatest width, as a share of the label energy."""
    return part.losses[:, -1, -1] / part.energy[:, None]
