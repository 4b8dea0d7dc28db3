"""Quadratic ties between tasks: pairs, the mean of all, known clusters."""

import abc
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.ops import segment_sum
from jaxtyping import Array, Float

from theory.arguments import check_array, check_integer, check_shape, is_traced, refuse
from theory.penalised.penalty import non_negative


class Level(NamedTuple):
    """Groups of tasks, or of groups, and the strength that holds each together."""

    labels: tuple[int, ...]
    strength: Float[Array, ""]


class QuadraticPenalty(eqx.Module):
    """`R(W) = ½ tr(W M Wᵀ)`, ridge included, for a `k x k` matrix `M` of the tasks."""

    @abc.abstractmethod
    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """`R(W)` as a sum of squares of differences, which do not cancel."""

    @abc.abstractmethod
    def matrix(self, count: int) -> Float[Array, "k k"]:
        """`M` for `count` tasks."""

    @abc.abstractmethod
    def levels(self, count: int) -> tuple[list[Level], Float[Array, ""]] | None:
        """Nested groups and the strength of the mean; None where `M` has none."""


class MeanRegularised(QuadraticPenalty):
    """Every task is tied to the mean of all tasks.

        R(W) = (δ/2) Σ_i ‖w_i − w̄‖² + (μ/2) k‖w̄‖².

    With `w_i = w_0 + v_i` and `(λ_0/2) k‖w_0‖² + (λ_1/2) Σ‖v_i‖²` in place of it, the
    best `w_0` is `λ_1w̄/(λ_0 + λ_1)`, so that `δ = λ_1` and
    `μ = λ_0λ_1/(λ_0 + λ_1)`. Evgeniou and Pontil write `λ_0 = 2λ_2/k` and
    `λ_1 = 2λ_1/k` and do not halve the loss: their strengths are for one task.

    Attributes:
        deviation: `δ`, in units of `Σ_rows x²`.
        mean: `μ`, in the same.

    Source: Evgeniou and Pontil 2004; the strengths derived here.
    """

    deviation: Float[Array, ""] = eqx.field(converter=non_negative("deviation"))
    mean: Float[Array, ""] = eqx.field(converter=non_negative("mean"))

    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """The two sums of squares."""
        return _nested_value(parameters, *self.levels(len(parameters)))

    def matrix(self, count: int) -> Float[Array, "k k"]:
        """`δ(I − U) + μU`, `U = 11ᵀ/k`."""
        return _nested_matrix(count, *self.levels(count))

    def levels(self, count: int) -> tuple[list[Level], Float[Array, ""]]:
        """One group."""
        return [Level((0,) * count, self.deviation)], self.mean


class SoftSharing(QuadraticPenalty):
    """Pairs of tasks are tied, those that a graph has, or all.

        R(W) = (λ/2) Σ_{i<j} A_ij ‖w_i − w_j‖² + (ρ/2) ‖W‖² = ½ tr(W (λL + ρI) Wᵀ)

    with the Laplacian `L = diag(A1) − A`. If all `A_ij` are 1, `L = k(I − U)`, and it
    is `MeanRegularised` with `δ = kλ + ρ` and `μ = ρ`.

    Attributes:
        strength: `λ`, in units of `Σ_rows x²`.
        graph: `A` (k x k), symmetric; the diagonal plays no part. None: all ones.
        ridge: `ρ`.

    Raises:
        ValueError: A negative strength, or a graph that is not symmetric or has a
            Laplacian that is not positive semidefinite, so that no minimum exists.

    Source: Duong, Cohn, Bird and Cook 2015; Evgeniou, Micchelli and Pontil 2005
    for graphs.
    """

    strength: Float[Array, ""] = eqx.field(converter=non_negative("strength"))
    graph: Float[Array, "k k"] | None = eqx.field(
        default=None, converter=lambda graph: None if graph is None else _graph(graph)
    )
    ridge: Float[Array, ""] = eqx.field(default=0.0, converter=non_negative("ridge"))

    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """The sum over pairs, and the ridge."""
        if self.graph is None:
            return _nested_value(parameters, *self._complete(len(parameters)))
        first, second = np.triu_indices(len(parameters), 1)
        apart = jnp.sum((parameters[first] - parameters[second]) ** 2, axis=1)
        tied = jnp.sum(self.graph[first, second] * apart)
        return (self.strength * tied + self.ridge * jnp.sum(parameters**2)) / 2

    def matrix(self, count: int) -> Float[Array, "k k"]:
        """`λL + ρI`."""
        graph = jnp.ones((count, count)) if self.graph is None else self.graph
        check_shape("graph", graph, "k k", k=count)
        return self.strength * _laplacian(graph) + self.ridge * jnp.eye(count)

    def levels(self, count: int) -> tuple[list[Level], Float[Array, ""]] | None:
        """One group, where all pairs are tied alike."""
        return None if self.graph is not None else self._complete(count)

    def _complete(self, count: int) -> tuple[list[Level], Float[Array, ""]]:
        deviation = count * self.strength + self.ridge
        return [Level((0,) * count, deviation)], self.ridge


class KnownClusters(QuadraticPenalty):
    """Every task is tied to the mean of its cluster, and these to the mean of all.

        R(W) = ½[ε_M k‖w̄‖² + ε_B Σ_c k_c‖w̄_c − w̄‖² + ε_W Σ_c Σ_{i∈c} ‖w_i − w̄_c‖²].

    One cluster leaves `MeanRegularised` with `δ = ε_W` and `μ = ε_M`, and so do `k`
    clusters with `δ = ε_B`.

    Attributes:
        assignment: The cluster of every task, integers `≥ 0`.
        mean: `ε_M`, in units of `Σ_rows x²`.
        between: `ε_B`.
        within: `ε_W`.

    Raises:
        ValueError: A negative strength, or an assignment that is not of integers.

    Source: Jacob, Bach and Vert 2008 (arXiv 0809.2085), for a given partition.
    """

    assignment: tuple[int, ...] = eqx.field(
        static=True, converter=lambda labels: _assignment(labels)
    )
    mean: Float[Array, ""] = eqx.field(converter=non_negative("mean"))
    between: Float[Array, ""] = eqx.field(converter=non_negative("between"))
    within: Float[Array, ""] = eqx.field(converter=non_negative("within"))

    def value(self, parameters: Float[Array, "k d"]) -> Float[Array, ""]:
        """The three sums of squares."""
        return _nested_value(parameters, *self.levels(len(parameters)))

    def matrix(self, count: int) -> Float[Array, "k k"]:
        """`ε_M U + ε_B (P − U) + ε_W (I − P)`, `P` the projection on the clusters."""
        return _nested_matrix(count, *self.levels(count))

    def levels(self, count: int) -> tuple[list[Level], Float[Array, ""]]:
        """Clusters, and one group of them."""
        check_shape("assignment", np.asarray(self.assignment), "k", k=count)
        clusters = max(self.assignment) + 1
        inner = Level(self.assignment, self.within)
        outer = Level((0,) * clusters, self.between)
        # A level whose groups have one member each ties nothing.
        own = [inner] * (clusters < count) + [outer] * (clusters > 1)
        return own or [inner], self.mean


def _nested_value(
    parameters: Float[Array, "k d"], levels: list[Level], top: Float[Array, ""]
) -> Float[Array, ""]:
    """`½ Σ ε n‖w − w̄‖²` over levels and their members, and `½ ε_M k‖w̄‖²`."""
    total, size = jnp.zeros(()), jnp.ones(len(parameters))
    for level in levels:
        group, index = partial(summed, labels=level.labels), np.asarray(level.labels)
        count = group(size)
        mean = group(size[:, None] * parameters) / count[:, None]
        apart = size * jnp.sum((parameters - mean[index]) ** 2, axis=1)
        total += level.strength * jnp.sum(apart)
        parameters, size = mean, count
    return (total + top * size[0] * jnp.sum(parameters**2)) / 2


def _nested_matrix(
    count: int, levels: list[Level], top: Float[Array, ""]
) -> Float[Array, "k k"]:
    """`M`, from the projections on the groups of every level."""
    matrix, finer, index = jnp.zeros((count, count)), np.eye(count), np.arange(count)
    for level in levels:
        index = np.asarray(level.labels)[index]
        same = (index[:, None] == index).astype(float)
        coarser = same / same.sum(axis=1)
        matrix, finer = matrix + level.strength * (finer - coarser), coarser
    return matrix + top * finer


def summed(values: Float[Array, "n ..."], *, labels: tuple[int, ...]) -> Array:
    """Sums over the members of each group."""
    return segment_sum(values, np.asarray(labels), max(labels) + 1)


def _laplacian(graph: Float[Array, "k k"]) -> Float[Array, "k k"]:
    apart = graph * (1 - jnp.eye(len(graph)))
    return jnp.diag(jnp.sum(apart, axis=1)) - apart


def _graph(graph: Any) -> Float[Array, "k k"]:
    """Refuse what is not symmetric, or has an indefinite Laplacian."""
    array = check_array("graph", graph, "k k", double=True)
    if not is_traced(array):
        known = np.asarray(array)
        refuse("graph", known, known != known.T, "symmetric")
        value = np.linalg.eigvalsh(np.asarray(_laplacian(array)))
        slack = 8 * len(known) * np.finfo(float).eps * np.abs(value).max()
        rule = "0 or more: there is no minimum"
        refuse(
            "graph's Laplacian must have eigenvalues that are",
            value,
            value < -slack,
            rule,
        )
    return array


def _assignment(labels: Any) -> tuple[int, ...]:
    """Clusters numbered from 0, in the order of their labels."""
    known = [
        check_integer("assignment", label, 0)
        for label in np.asarray(labels, object).ravel()
    ]
    return tuple(int(c) for c in np.unique(known, return_inverse=True)[1])
