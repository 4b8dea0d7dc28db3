"""Pairs of ReLU tasks of one teacher unit each, trained single-task and jointly."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from paper_checks.settings import Settings
from simulations.training import LevenbergMarquardt, ReluModel, Trained, train_grid
from theory.relu import Population, plane_optimum, population_task_losses
from theory.tasks import Tasks

TASKS = 2
# Inputs, and rows of a task: in the plane the optimum of one unit is known exactly.
PLANE, SPACE = (2, 20), (5, 30)
NOISE = 0.3
# One unit is a task's capacity; both tasks together have two.
WIDTHS = (1, 2)
# First each task alone, then both.
WEIGHTS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


class Measured(NamedTuple):
    """Problems, and their training: axes problem, width, weights, start key, starts."""

    tasks: Tasks
    trained: Trained

    @property
    def loss(self) -> Float[np.ndarray, "n w a"]:
        """Best loss over starts; its last weights are those of both tasks."""
        return np.asarray(self.trained.loss)[..., 0]

    @property
    def energy(self) -> Float[np.ndarray, " n"]:
        """Label energy of both tasks."""
        return np.asarray(jnp.sum(self.tasks.labels**2, axis=(1, 2)))

    def joint(self, width: int) -> Float[np.ndarray, " n"]:
        """Loss of joint training."""
        return self.loss[:, WIDTHS.index(width), -1]

    def single(self, width: int) -> Float[np.ndarray, " n"]:
        """Sum of the losses of single-task training."""
        return self.loss[:, WIDTHS.index(width), :-1].sum(axis=-1)

    @property
    def ends(self) -> Float[np.ndarray, "n s"]:
        """Loss of both tasks from every start at `r = 2`, as a share of the energy."""
        ends = np.asarray(self.trained.losses)[:, -1, -1, 0]
        return ends / self.energy[:, None]


def studied(settings: Settings) -> tuple[Measured, Measured, Measured]:
    """Problems in the plane, in five dimensions, and in the plane with noise."""
    count = settings.scaled(10, 200)
    keys = jax.random.split(jax.random.key(settings.seed), 3)
    return (
        measure(keys[0], count, *PLANE, 0.0),
        measure(keys[1], count, *SPACE, 0.0),
        measure(keys[2], count, *PLANE, NOISE),
    )


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
        starts=8,
        solver=LevenbergMarquardt(steps=200),
    )
    return Measured(tasks, trained)


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
    """Least losses in the plane with one unit: sum of single tasks; both tasks.

    Found by `theory.relu.plane_optimum`, which trains nothing.
    """

    def least(problem: int, tasks_of: slice) -> float:
        one = jax.tree.map(lambda leaf: leaf[problem, tasks_of], tasks)
        return float(plane_optimum(one).loss)

    count = range(len(tasks.labels))
    single = [sum(least(n, slice(i, i + 1)) for i in range(TASKS)) for n in count]
    return np.array(single), np.array([least(n, slice(None)) for n in count])


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
