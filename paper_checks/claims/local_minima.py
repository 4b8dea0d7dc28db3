"""W-LM: with one X, every local minimum of the linear model is global.

Attacked for two tasks at `r = 1`: a stationary point without negative curvature has
`f(B, A) ≤ f*`. All stationary points with `A ≠ 0` have `g_i = G_iBA_i + n a⊥_i` with
`n ⟂ B`: `∂f/∂A_i ∝ Bᵀ(G_iBA_i − g_i)` and `∂f/∂B ∝ Σ_i A_i(G_iBA_i − g_i)` vanish. So
tasks are made for a point, and whether it is a minimum is open.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from paper_checks.judge import Claim, Formula, Sides
from paper_checks.judge.matrices import FLOOR, NOTHING, definite
from paper_checks.studies.stationary_points import measured, scaled_loss
from paper_checks.studies.svd_tasks import MET
from theory.tasks import TaskStatistics

D = 3
RESIDUAL = 0.01  # of each task alone
STATIONARY = 1e-10  # of the gradient of f/Σe; points are made stationary to rounding
CURVED = 1e-10  # a Hessian is known to rounding; the gauge leaves it a zero
ANGLES = 16  # of heads at which f is tried, besides the one that is best for one X
SIZE = 0.1  # of n: whitened it is up to 1/√FLOOR as long, and half of points global


class AtPoint(NamedTuple):
    """Two tasks, and a point `(B, A)` of width 1."""

    tasks: TaskStatistics
    point: Float[Array, " p"]


def made(gram, z, size=SIZE):  # tasks for which (B, A) is stationary
    module, heads = z["module"], z["heads"]
    across = z["across"] - (z["across"] @ module) / (module @ module + NOTHING) * module
    turned = jnp.stack([-heads[1], heads[0]])
    moment = heads[:, None] * (gram @ module) + turned[:, None] * (size * across)
    solution = jnp.linalg.solve(gram, moment[:, :, None])[:, :, 0]
    energy = jnp.sum(moment * solution, axis=1) + RESIDUAL
    tasks = TaskStatistics(gram, moment, energy, jnp.ones(2))
    return AtPoint(tasks, jnp.concatenate([module, heads]))


def with_slope(p, z):  # (B, A) is shrunk towards zero
    q = made(p.tasks.gram, z, 0.02)
    return q._replace(point=0.9 * q.point)


def best(p):
    """The least `f/Σe_i` at many heads `(cos t, sin t)`; it is `f*/Σe_i` for one `X`.

    The best module gives `f = Σe_i − vᵀM⁻¹v` for `M = cos²t G_1 + sin²t G_2` and
    `v = cos t g_1 + sin t g_2`. With one `X` the first eigenvector of `g_iᵀG⁻¹g_j` is
    best.
    """
    gram, moment = p.tasks.gram, p.tasks.moment
    (a, b), (_, c) = moment @ jnp.linalg.solve(jnp.mean(gram, axis=0), moment.T)
    first = jnp.arctan2(2 * b, a - c) / 2

    def explained(t):
        heads = jnp.stack([jnp.cos(t), jnp.sin(t)])
        right = heads @ moment
        return right @ jnp.linalg.solve(jnp.tensordot(heads**2, gram, 1), right)

    angles = jnp.append(jnp.linspace(0, jnp.pi, ANGLES, endpoint=False), first)
    return 1 - jnp.max(jax.vmap(explained)(angles)) / jnp.sum(p.tasks.energy)


def sides(p, says, key):
    del key
    # Near a point that is not global the least eigenvalue λ < 0 of the Hessian, of a
    # 2 x 2 block for one singular pair, obeys f − f* ≤ |λ|(‖(B, A)‖² + √Σe)/2 after
    # whitening, which changes λ by FLOOR at most.
    size = jnp.sum(p.point**2) + jnp.sqrt(jnp.sum(p.tasks.energy))
    return Sides(scaled_loss(p.tasks, 1)(p.point), says(p), CURVED * size / FLOOR)


def margins(p):
    f = scaled_loss(p.tasks, 1)
    return (
        MET - jnp.max(jnp.abs(p.tasks.gram[0] - p.tasks.gram[1])),
        STATIONARY - jnp.linalg.norm(jax.grad(f)(p.point)),
        jnp.linalg.eigvalsh(jax.hessian(f)(p.point))[0] + CURVED,
    )


CLAIM = Claim(
    id="W-LM",
    title="With one X, every local minimum of the linear model is global",
    source="W-LM (common X)",
    statement="Common X, linear: every local minimum is global.",
    tex=r"X_i = X: \nabla f = 0,\ \nabla^2 f \succeq 0 \Rightarrow f = \min f",
    formula=Formula(
        latent={"gram": (2, D, D), "module": (D,), "heads": (2,), "across": (D,)},
        build=lambda z: made(jnp.stack([definite(z["gram"][0])] * 2), z),
        without={
            "one X for both tasks": lambda p, z: made(jax.vmap(definite)(z["gram"]), z),
            "no slope": with_slope,
            "no negative curvature": lambda p, z: made(p.tasks.gram, z, 1.0),
        },
        margins=margins,
        sides=sides,
        says=best,
    ),
    extra=measured,
    details=(
        "Of {stationary} stationary points that Newton's method meets {above} are not "
        "global, and {saddles} of these have negative curvature.",
        "Training ends in a local minimum from {caught} of {ended} starts with one X.",
        "Without a common X it does on {trapped.count} of {trapped.n} pairs.",
    ),
)
