"""W-E4 as a statement: rows, a direction, and least squares for the heads."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from paper_checks.judge.check import Check
from paper_checks.judge.matrices import NOTHING, solved
from paper_checks.judge.statement import Statement

SOURCE = "W-E4 (eq 4)"
TASKS, ROWS, DIMENSION = 2, 5, 3
# Sums of m d products of size e, for either side.
ROUNDING = 16
# Of a margin that is met with equality.
MET = 1e-12


class AtModule(NamedTuple):
    """Rows of two tasks, and a module of two columns; the second is used at `r = 2`.

    `g(u) = max(u, slope · u)`: linear for a slope of 1, ReLU for 0.
    """

    covariates: Float[Array, "2 m d"]
    labels: Float[Array, "2 m"]
    module: Float[Array, "d 2"]
    weights: Float[Array, "2"]
    width: Float[Array, ""]
    slope: Float[Array, ""]


Explained = Callable[[Array, Array, Array, Array], Array]


def explained(
    covariates: Float[Array, "k m d"],
    labels: Float[Array, "k m"],
    direction: Float[Array, " d"],
    weights: Float[Array, " k"],
) -> Float[Array, ""]:
    """Right side of eq 4, `Σ_i α_i ⟨X_iB/‖X_iB‖, y_i⟩²`; 0 where `X_iB = 0`."""
    seen = covariates @ direction
    inner = jnp.sum(seen * labels, axis=1)
    return jnp.sum(weights * inner**2 / (jnp.sum(seen**2, axis=1) + NOTHING))


def fitted(at: AtModule) -> Float[Array, ""]:
    """`min_A Σ_i α_i ‖g(X_iB)A_i − y_i‖²`, residuals of least squares on rows."""
    used = jnp.arange(2) < at.width

    def one(x: Array, y: Array) -> Array:
        pre = x @ at.module
        seen = jnp.where(used, jnp.maximum(pre, at.slope * pre), 0)
        small = seen.T @ seen
        # A column that is not used has no part in the others' equations.
        small += jnp.diag(jnp.where(used, 0, jnp.trace(small)))
        return jnp.sum((seen @ solved(small, seen.T @ y) - y) ** 2)

    return jnp.sum(at.weights * jax.vmap(one)(at.covariates, at.labels))


def _conclude(at: AtModule, right: Explained) -> Check:
    energy = jnp.sum(at.weights * jnp.sum(at.labels**2, axis=1))
    eps = jnp.finfo(energy.dtype).eps
    return Check(
        lhs=fitted(at),
        rhs=energy - right(at.covariates, at.labels, at.module[:, 0], at.weights),
        tolerance=ROUNDING * ROWS * DIMENSION * eps * energy + NOTHING,
        relation="==",
        source=SOURCE,
    )


def _build(latent: Mapping[str, Array], dropped: Int[Array, ""]) -> AtModule:
    return AtModule(
        covariates=latent["covariates"],
        labels=latent["labels"],
        module=latent["module"],
        weights=jnp.exp(latent["weights"]),
        width=jnp.where(dropped == 0, 2.0, 1.0),
        slope=jnp.where(dropped == 1, 0.0, 1.0),
    )


@cache
def equation_4(right: Explained = explained, name: str = "W-E4") -> Statement[AtModule]:
    """`min_A f(A; B) = Σ_i α_i (‖y_i‖² − ⟨X_iB/‖X_iB‖, y_i⟩²)` at every `B`.

    Eq 4, `max_B Σ_i α_i ⟨X_iB/‖X_iB‖, y_i⟩²`, is the least value of this over `B`.
    """

    def conclude(at: AtModule, key: PRNGKeyArray) -> Check:
        del key
        return _conclude(at, right)

    return Statement(
        name=name,
        source=SOURCE,
        version=1,
        latent={
            "covariates": (TASKS, ROWS, DIMENSION),
            "labels": (TASKS, ROWS),
            "module": (DIMENSION, 2),
            "weights": (TASKS,),
        },
        hypotheses=("r = 1", "linear"),
        build=_build,
        margins=lambda at: (1.5 - at.width, MET - jnp.abs(1 - at.slope)),
        conclude=conclude,
    )
