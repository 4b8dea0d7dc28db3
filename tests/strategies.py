"""Problems that tests draw: shapes come from short lists, each is a compilation."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from jaxtyping import Array, Float

from theory.tasks import TaskStatistics

Kind = Literal[
    "plain", "columns", "split", "condition", "few rows", "common", "repeated"
]
KINDS: tuple[Kind, ...] = (
    "plain",
    "columns",
    "split",
    "condition",
    "few rows",
    "common",
    "repeated",
)
SEED = st.integers(0, 2**31 - 1)
# (k, d).
PAIRS = st.sampled_from([(2, 4), (2, 1)])
SEVERAL = st.sampled_from([(3, 4), (4, 3)])


def rows(
    seed: int, tasks: int, dimension: int, kind: Kind = "plain"
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Rows and labels of Gaussian tasks, spoiled in the way `kind` names.

    `columns`: units of the inputs over 12 decades; `split`: over 5, the other way round
    in every second task; `condition`: a random basis with singular values over 4
    decades; `few rows`: fewer than inputs; `common`: one `X`; `repeated`: the last
    column equals the first.
    """
    rng = np.random.default_rng(seed)
    few = max(1, dimension // 2)
    counts = [
        few if kind == "few rows" else 3 * dimension + 5 + i for i in range(tasks)
    ]
    shared = rng.normal(size=(counts[0], dimension))
    covariates, labels = [], []
    for index, count in enumerate(counts):
        x = shared if kind == "common" else rng.normal(size=(count, dimension))
        x = _spoil(x, index, kind, rng)
        fit = np.linalg.qr(x / np.linalg.norm(x, axis=0))[0]
        y = fit @ rng.normal(size=fit.shape[1])
        covariates.append(x)
        labels.append(y + 0.3 * rng.normal(size=len(x)))
    return covariates, labels


def _spoil(
    x: np.ndarray, task: int, kind: Kind, rng: np.random.Generator
) -> np.ndarray:
    d = x.shape[1]
    if kind == "columns":
        return x * np.logspace(-6, 6, d)
    if kind == "split":
        return x * np.logspace(-2.5, 2.5, d)[:: -1 if task % 2 else 1]
    if kind == "condition":
        left, _, right = np.linalg.svd(x, full_matrices=False)
        return left * np.logspace(0, -4, d) @ right
    if kind == "repeated":
        return np.concatenate([x[:, :-1], x[:, :1]], axis=1)
    return x


def statistics(
    seed: int, tasks: int, dimension: int, kind: Kind = "plain"
) -> TaskStatistics:
    """Statistics of `rows`; labels of a single row may not vary, so none is checked."""
    covariates, labels = rows(seed, tasks, dimension, kind)
    return TaskStatistics.from_data(covariates, labels)


class Problem(NamedTuple):
    """What makes a problem; drawn before jax is called, which hypothesis asks for."""

    seed: int
    shape: tuple[int, int]
    kind: Kind

    def build(self) -> tuple[TaskStatistics, Array]:
        """Tasks, and positive weights over four decades."""
        rng = np.random.default_rng([self.seed, 1])
        weights = jnp.asarray(10 ** rng.uniform(-2, 2, self.shape[0]))
        return statistics(self.seed, *self.shape, self.kind), weights


def problems(
    shapes: st.SearchStrategy[tuple[int, int]] = PAIRS,
    kinds: tuple[Kind, ...] = KINDS,
) -> st.SearchStrategy[Problem]:
    """Problems of these shapes, spoiled in these ways."""
    return st.builds(Problem, SEED, shapes, st.sampled_from(kinds))


def rounding_at(
    found: TaskStatistics, weights: Array, parameters: Array
) -> Float[Array, "*n"]:
    """What rounding of relative size `ε` in `(G, g, e)` does to losses at parameters.

    `8ε Σ α_i (e_i + 2|g_i|ᵀ|θ_i| + |θ_i|ᵀ|G_i||θ_i|)`, 8 for the sums, which are short.
    """
    size = jnp.abs(parameters)
    terms = found.energy + 2 * jnp.sum(jnp.abs(found.moment) * size, axis=-1)
    terms += jnp.einsum("...kd,kde,...ke->...k", size, jnp.abs(found.gram), size)
    return 8 * jnp.finfo(size.dtype).eps * terms @ weights


def join(*problem: TaskStatistics) -> TaskStatistics:
    """A batch of problems of one shape, for vmap."""
    fields = ("gram", "moment", "energy", "samples")
    return TaskStatistics(
        **{f: jnp.stack([getattr(p, f) for p in problem]) for f in fields}
    )


def unchecked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Without jaxtyping's check of shapes, which only tests have."""
    return getattr(function, "__wrapped__", function)
