"""F-Z2: no look-ahead gains more than first order says, if losses are convex.

`L_j(s − Δ) ≥ L_j(s) − ⟨Δ, ∇_sL_j⟩` for a convex loss, so that with `Δ = η∇_sL_i`

    Z_{i→j} ≤ η⟨∇_sL_i, ∇_sL_j⟩/L_j.

A head that steps as well adds what it saves itself, and a ReLU unit bends the loss the
other way, so both break it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from paper_checks.judge import Claim, Formula, Sides
from paper_checks.judge.matrices import NOTHING

M, D, R = 5, 3, 2
MET = 1e-9


class Step(NamedTuple):
    """Rows of a source and a target, the point, the rate, and what is dropped."""

    covariates: Float[Array, "2 m d"]
    labels: Float[Array, "2 m"]
    shared: Float[Array, "d r"]
    heads: Float[Array, "2 r"]
    rate: Float[Array, ""]
    heads_rate: Float[Array, ""] | float = 0.0
    slope: Float[Array, ""] | float = 1.0  # of units below zero: 1 linear, 0 ReLU

    def loss(self, task, shared, head):
        """Mean loss of one task on its rows."""
        pre = self.covariates[task] @ shared
        units = jnp.where(pre > 0, pre, self.slope * pre)
        return jnp.mean((units @ head - self.labels[task]) ** 2) + NOTHING


def gains(p):  # Z and its first order, by look-ahead
    source = jax.grad(p.loss, 1)(0, p.shared, p.heads[0])
    before, slopes = jax.value_and_grad(p.loss, (1, 2))(1, p.shared, p.heads[1])
    new = p.heads[1] - p.heads_rate * slopes[1]
    after = p.loss(1, p.shared - p.rate * source, new)
    return (
        1 - after / before,
        p.rate * jnp.sum(source * slopes[0]) / before,
        after / before,
    )


def sides(p, says, key):
    del key
    value, _, share = gains(p)
    return Sides(value, says(p), 1e-12 * (1 + share + jnp.abs(says(p))))


CLAIM = Claim(
    id="F-Z2",
    title="A step gains no more than first order says, at fixed heads",
    source="F-Z2 (arXiv 2010.15413; bound derived here)",
    statement="L_j convex in s, heads fixed: Z_ij <= eta <grad L_i, grad L_j>/L_j.",
    tex=r"Z_{i \to j} \le \eta \langle \nabla_s L_i, \nabla_s L_j \rangle / L_j",
    formula=Formula(
        latent={
            **{"covariates": (2, M, D), "labels": (2, M), "shared": (D, R)},
            **{"heads": (2, R), "rate": ()},
        },
        build=lambda z: Step(**{**z, "rate": jnp.exp(z["rate"] - 3)}),
        without={
            "heads fixed": lambda p, z: p._replace(heads_rate=0.1),
            "convex in s (ReLU)": lambda p, z: p._replace(slope=0.0),
        },
        margins=lambda p: (MET - p.heads_rate, MET - jnp.abs(1 - p.slope)),
        sides=sides,
        says=lambda p: gains(p)[1],
    ),
)
