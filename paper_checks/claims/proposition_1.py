"""W-P1: with a module as wide as the tasks, no task learns from another.

Proposition 1: for `r ≥ k` some optimum has `BA_i = θ̂_i` for every task, so that
`min f = Σ_i ‖X_iθ̂_i − y_i‖²`. That a bad choice of heads is no obstacle is derived
here: `k` independent heads can be mapped to any `k` parameters. With fewer columns the
left side is what no module gets below: only that refutes it, as the heads are free.
"""

from functools import partial

import jax.numpy as jnp

from paper_checks.judge import Claim, Draws, Formula, Route, Sides
from paper_checks.judge.matrices import NOTHING, definite
from paper_checks.studies import trained_apart as apart
from paper_checks.studies.given_heads import COLUMNS, DIMENSION, TASKS, GivenHeads

APART = 1e-3  # least det/tr² of the heads' Gram matrix, at most 1/4
ROWS, FEW, NARROW = 20, 4, apart.TASKS - 1
THETA = "largest ||B A_i - theta_i||/||theta_i||, m > d"


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


def at(check, width, *said, **options):
    return Route(lambda drawn, _: check(drawn, width), *said, **options)


def on_rows(samples, part, *, unique):
    routes, without = [], {}
    for r in (apart.TASKS, apart.TASKS + 1):
        routes.append(
            at(apart.trained_losses, r, "trained: largest difference of losses")
        )
        routes.append(
            at(
                apart.closed_losses,
                r,
                "closed form: largest difference of losses, in tolerances",
                in_tolerances=True,
            )
        )
        if unique:
            routes.append(
                at(apart.trained_parameters, r, f"trained: {THETA}", reported=True)
            )
            routes.append(at(apart.closed_parameters, r, f"closed form: {THETA}"))
    draw = partial(apart.Drawn, samples)
    if unique:  # fewer rows than inputs can be fitted at r = k - 1 as well
        checks = {
            "trained losses": apart.trained_losses,
            "losses in closed form": apart.closed_losses,
            "parameters in closed form": apart.closed_parameters,
        }
        without = {
            f"r >= k (r = k - 1; {name})": lambda keys, one=one: one(draw(keys), NARROW)
            for name, one in checks.items()
        }
    return Draws(
        draw=draw, count=(40, 1000), routes=tuple(routes), without=without, part=part
    )


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
        latent={
            "gram": (TASKS, DIMENSION, DIMENSION),
            "moment": (TASKS, DIMENSION),
            "noise": (TASKS,),
            "heads": (TASKS, COLUMNS),
            "more": (),
        },
        build=build,
        without={"r at least k": too_narrow, "heads of rank k": on_one_line},
        margins=margins,
        sides=sides,
        says=lambda p: p.alone,
        relation="==",
    ),
    draws=(on_rows(ROWS, 0, unique=True), on_rows(FEW, 1, unique=False)),
)
