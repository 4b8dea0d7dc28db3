"""W-P1: with a module as wide as the tasks, no task learns from another.

Proposition 1: for `r ≥ k` some optimum has `BA_i = θ̂_i` for every task, so that
`min f = Σ_i ‖X_iθ̂_i − y_i‖²`. That a bad choice of heads is no obstacle is derived
here: `k` independent heads can be mapped to any `k` parameters. With fewer columns the
left side is what no module gets below: only that refutes it, as the heads are free.
"""

from functools import partial

import jax.numpy as jnp

from paper_checks.judge import Claim, Draws, Formula, Sides
from paper_checks.judge.matrices import NOTHING, definite
from paper_checks.studies import trained_apart as apart
from paper_checks.studies.given_heads import TASKS, GivenHeads

APART = 1e-3  # least det/tr² of the heads' Gram matrix, at most 1/4
ROWS, FEW = 20, 4  # of a task; with fewer rows than inputs θ_i is not unique


def build(z):  # at r = k or k + 1
    gram, moment = jnp.stack([definite(one) for one in z["gram"]]), z["moment"]
    seen = moment * jnp.linalg.solve(gram, moment[:, :, None])[:, :, 0]
    energy = jnp.sum(seen, axis=1) + z["noise"] ** 2
    width = jnp.where(z["more"] > 0, TASKS + 1.0, TASKS)
    return GivenHeads(gram, moment, energy, z["heads"], width)


def too_narrow(p, z):
    return p._replace(width=jnp.asarray(TASKS - 1.0))


def on_one_line(p, z):  # heads of one direction, whatever B has besides
    return p._replace(heads=jnp.stack([p.heads[0], z["more"] * p.heads[0]]))


def margins(p):
    (a, b), (_, c) = p.used @ p.used.T
    rank = (a * c - b**2) / (a + c + NOTHING) ** 2 - APART
    return p.width - TASKS, jnp.where(p.width >= TASKS, rank, a + c)


def sides(p, says, key):
    del key
    found = jnp.where(p.width >= TASKS, p.reached, p.least_at_width_1)
    return Sides(found, says(p), p.rounding)


CLAIM = Claim(
    id="W-P1",
    title="A module as wide as the number of tasks transfers nothing",
    source="W-P1 (Proposition 1)",
    statement="For r >= k an optimum has B A_i = theta_i: no transfer.",
    tex=r"r \ge k \Rightarrow \exists (B, A):\ B A_i = \hat\theta_i \ \forall i",
    caveats=(
        "With m < d, theta_i is not unique, and only the losses can be compared.",
    ),
    formula=Formula(
        latent=GivenHeads.latent(),
        build=build,
        without={"r at least k": too_narrow, "heads of rank k": on_one_line},
        margins=margins,
        sides=sides,
        says=lambda p: p.alone,
        relation="==",
    ),
    draws=(
        Draws(
            draw=partial(apart.Drawn, ROWS),
            count=(40, 1000),
            routes=apart.routes(unique=True),
            without=apart.at_width_below_k(ROWS),
            part=0,
            optima=apart.optima,
        ),
        # Fewer rows than inputs can be fitted at r = k - 1 as well: no control there.
        Draws(
            draw=partial(apart.Drawn, FEW),
            count=(40, 1000),
            routes=apart.routes(unique=False),
            part=1,
        ),
    ),
)
