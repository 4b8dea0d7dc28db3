"""Linear systems of quadratic ties: by nested groups of tasks, or as one system."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float

from theory.linear.single_task import minimum_norm_solution
from theory.penalised.ties import Level, summed

Solver = Callable[[Float[Array, "k d"]], Float[Array, "k d"]]


def nested_solver(
    curved: Float[Array, "k d d"],
    levels: list[Level],
    mean: Float[Array, ""],
) -> Solver:
    """Factorise once, level by level; see `theory.penalised.quadratic`."""
    eye, steps, size = jnp.eye(curved.shape[1]), [], jnp.ones(len(curved))
    for level in levels:
        group = partial(summed, labels=level.labels)
        root = jnp.linalg.cholesky(curved + level.strength * eye)
        counted = size[:, None, None]
        inverse, seen = (
            _solved(root, jnp.broadcast_to(eye, curved.shape)),
            _solved(root, curved),
        )
        total = jnp.linalg.cholesky(group(counted * inverse))
        steps.append((level, root, total, size[:, None], group))
        curved, size = _symmetric(_solved(total, group(counted * seen))), group(size)
    top = curved[0] + mean * eye

    def solve(moment: Float[Array, "k d"]) -> Float[Array, "k d"]:
        moments = [moment]
        for _, root, total, counted, group in steps:
            shares = group(counted * _solved(root, moments[-1]))
            moments.append(_solved(total, shares))
        point = minimum_norm_solution(top, moments[-1][0])[None]
        pull = mean * point
        for (level, root, *_), own in zip(steps[::-1], moments[-2::-1], strict=True):
            index = np.asarray(level.labels)
            centre, pull = point[index], pull[index]
            point = _solved(root, own + level.strength * centre - pull)
            pull = pull + level.strength * (point - centre)
        return point

    return solve


def dense_solver(curved: Float[Array, "k d d"], matrix: Float[Array, "k k"]) -> Solver:
    """One system in the eigenvectors of `M`; directions without curvature get none."""
    k, d, _ = curved.shape
    value, vector = jnp.linalg.eigh(matrix)
    floor = k * jnp.finfo(value.dtype).eps * jnp.max(jnp.abs(value))
    value = jnp.where(value > floor, value, 0)
    turned = jnp.einsum("ia,ide,ib->adbe", vector, curved, vector).reshape(k * d, k * d)
    hessian = _symmetric(turned + jnp.diag(jnp.repeat(value, d)))

    def solve(moment: Float[Array, "k d"]) -> Float[Array, "k d"]:
        right = (vector.T @ moment).reshape(-1)
        return vector @ minimum_norm_solution(hessian, right).reshape(k, d)

    return solve


def _solved(root: Float[Array, "n d d"], right: Float[Array, "n d ..."]) -> Array:
    return jax.vmap(lambda factor, one: cho_solve((factor, True), one))(root, right)


def _symmetric(matrix: Float[Array, "*n d d"]) -> Float[Array, "*n d d"]:
    return (matrix + jnp.swapaxes(matrix, -1, -2)) / 2
