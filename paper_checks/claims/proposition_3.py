"""W-P3: tasks that share one X have B* spanning (XᵀX)⁻¹VDQ_r (Proposition 3).

Whitened by `R`, `RᵀR = XᵀX`, a module `B` loses `Σ_iα_i‖y_i‖² − tr(PS)`: `P` projects
on the span of `RB`, `S` has the eigenvalues of `Σ_i α_i Uᵀy_iy_iᵀU`. With `P*` on its
top `r`, `tr((P* − P)S) ≥ (λ_r − λ_(r+1)) Σ_j sin²φ_j`; undoing `R` stretches sines by
at most `√κ(XᵀX)`. So `B*` is optimal, and alone in it (distance derived here):

    Σ_j sin²∠_j(B, B*) ≤ κ(XᵀX) [f(B) − f(B*)]/(λ_r − λ_(r+1)).
"""

import jax
import jax.numpy as jnp

from paper_checks.judge import Claim, Draws, Formula, Route, Sides
from paper_checks.judge.matrices import NOTHING, rotation
from paper_checks.studies import spans
from paper_checks.studies.svd_tasks import SvdTasks, squared_sines

K, D, R, CONDITION, GAP = 3, 3, 2, 10.0, 0.05  # κ(XᵀX) ≤ 10, gap ≥ λ_1/20


def build(z):
    right = rotation(z["right"][0])
    size = CONDITION ** (jax.nn.sigmoid(z["size"][0]) / 2)
    one_x = jnp.broadcast_to(right, (K, D, D)), jnp.broadcast_to(size, (K, D))
    return SvdTasks(*one_x, z["labels"], jnp.exp(z["weights"]), z["other"])


def own_x(p, z):
    size = CONDITION ** (jax.nn.sigmoid(z["size"]) / 2)
    return p._replace(right=jnp.stack([rotation(v) for v in z["right"]]), size=size)


def blind(p, z):  # to one direction, in which labels have nothing either
    seen = jnp.array([0.0, 1.0, 1.0])
    return p._replace(size=p.size * seen, labels=p.labels * seen)


def span(p):  # (XᵀX)⁻¹VDQ_r = VD⁻¹Q_r; zero for a zero of D
    inverse = jnp.where(p.size[0] > 0, 1 / jnp.where(p.size[0] > 0, p.size[0], 1), 0)
    return p.right[0] @ (inverse[:, None] * jnp.linalg.eigh(p.energies)[1][:, -R:])


def distance(p, says, _):
    best = says(p)
    return Sides(squared_sines(p.other, best), CONDITION / GAP * p.excess(best))


def margins(p):
    value = jnp.linalg.eigvalsh(p.energies)
    gap = (value[-R] - value[-R - 1]) / (value[-1] + NOTHING) - GAP
    return p.one_x(), p.condition_below(CONDITION), gap


CLAIM = Claim(
    id="W-P3",
    title="Tasks that share X have a best module of known span",
    source="W-P3 (Proposition 3)",
    statement="Common X: span(B*) = span((X'X)^-1 V D Q_r), Q_r from the top r of "
    "sum_i alpha_i U'y_i y_i'U.",
    tex=r"X_i = UDV^\top \Rightarrow \operatorname{span}(B^*) = "
    r"\operatorname{span}\left((X^\top X)^{-1} V D Q_r\right)",
    formula=Formula(
        latent=SvdTasks.latent(K, D, R),
        build=build,
        without={
            "one X for all tasks": own_x,
            "X of rank d": blind,
            "a gap after eigenvalue r": lambda p, _: p._replace(
                labels=jnp.eye(K, D), weights=jnp.ones(K)
            ),
        },
        margins=margins,
        sides=distance,
        says=span,
    ),
    draws=Draws(
        draw=spans.on_one_x,
        count=(40, 1000),
        routes=(
            Route(spans.trained, "largest angle to the trained span (rad)"),
            Route(spans.closed_form, "largest angle to the closed form (rad)"),
        ),
        without={"a common X": spans.on_own_x, "a gap": spans.on_ties},
        optima=spans.optima,
    ),
    real=spans.real,
    real_quantity="largest angle to the closed form (rad)",
    judged=0.1,  # rad; unrelated spans are about 1 apart
)
