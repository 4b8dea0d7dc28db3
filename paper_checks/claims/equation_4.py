"""W-E4: at width 1 the loss is what the best direction does not explain (eq 4).

For a module `B` of one column the best heads are `A_i = ⟨X_iB, y_i⟩/‖X_iB‖²`, so that

    min_A f(A; B) = Σ_i α_i (‖y_i‖² − ⟨X_iB/‖X_iB‖, y_i⟩²),

which is attacked at any `B`. Eq 4 is the least value of this over `B`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from paper_checks.judge import Claim, Draws, Formula, Route, Sides
from paper_checks.judge.matrices import NOTHING, solved
from paper_checks.studies import one_direction
from paper_checks.studies.svd_tasks import MET

K, M, D = 2, 5, 3  # tasks, rows, inputs
LINEAR, RELU = 1.0, 0.0  # slopes of g(u) = max(u, slope · u)


class AtModule(NamedTuple):
    """Rows of tasks, and a module that uses the first `width` of its columns."""

    covariates: Float[Array, "k m d"]
    labels: Float[Array, "k m"]
    module: Float[Array, "d 2"]
    weights: Float[Array, " k"]
    width: Float[Array, ""] | float = 1.0
    slope: Float[Array, ""] | float = LINEAR


def fitted(p):  # min_A Σ_i α_i ‖g(X_iB)A_i − y_i‖², residuals of least squares
    used = jnp.arange(2) < p.width

    def one(x, y):
        pre = x @ p.module
        seen = jnp.where(used, jnp.maximum(pre, p.slope * pre), 0)
        small = seen.T @ seen
        # A column that is not used has no part in the others' equations.
        small += jnp.diag(jnp.where(used, 0, jnp.trace(small)))
        return jnp.sum((seen @ solved(small, seen.T @ y) - y) ** 2)

    return jnp.sum(p.weights * jax.vmap(one)(p.covariates, p.labels))


def sides(p, says, key):
    del key
    energy = jnp.sum(p.weights * jnp.sum(p.labels**2, axis=1))
    rest = energy - says(p.covariates, p.labels, p.module[:, 0], p.weights)
    room = 16 * M * D * jnp.finfo(energy.dtype).eps * energy  # sums of m d products
    return Sides(fitted(p), rest, room + NOTHING)


CLAIM = Claim(
    id="W-E4",
    title="At width 1, the loss is what the best direction leaves unexplained",
    source="W-E4 (eq 4)",
    statement="For r = 1 the problem is max_B sum_i <X_iB/||X_iB||, y_i>^2.",
    tex=r"r = 1: \max_B \sum_i \left\langle X_iB / \|X_iB\|, y_i \right\rangle^2",
    formula=Formula(
        latent={
            "covariates": (K, M, D),
            "labels": (K, M),
            "module": (D, 2),
            "weights": (K,),
        },
        build=lambda z: AtModule(**{**z, "weights": jnp.exp(z["weights"])}),
        without={
            "r = 1": lambda p, z: p._replace(width=2.0),
            "linear": lambda p, z: p._replace(slope=RELU),
        },
        margins=lambda p: (1.5 - p.width, MET - jnp.abs(LINEAR - p.slope)),
        sides=sides,
        says=one_direction.explained,
        relation="==",
    ),
    draws=Draws(
        draw=one_direction.drawn,
        count=(400, 10_000),
        routes=(
            Route(
                one_direction.at_optima,
                "largest |lhs - rhs| in tolerances, best B",
                "best",
                in_tolerances=True,
            ),
        ),
        without={
            "r = 1 at the optimum (r = 2)": lambda keys: one_direction.at_optima(
                one_direction.drawn(keys), keys, width=2
            )
        },
    ),
    details=(
        "At certified optima both sides differ by {best:.1g} of the tolerance at most.",
        "Each draw tries 64 other directions, and has weights of its own.",
    ),
)
