"""W-E4: at width 1 the loss is what the best direction does not explain (eq 4).

For a module `B` of one column the best heads are `A_i = ⟨X_iB, y_i⟩/‖X_iB‖²`, so that

    min_A f(A; B) = Σ_i α_i (‖y_i‖² − ⟨X_iB/‖X_iB‖, y_i⟩²),

which is attacked at any `B`. Eq 4 is the least value of this over `B`.
"""

import jax.numpy as jnp

from paper_checks.judge import Claim, Draws, Formula, Route, Sides
from paper_checks.judge.matrices import NOTHING
from paper_checks.studies import one_direction
from paper_checks.studies.svd_tasks import MET

K, M, D = 2, 5, 3  # tasks, rows, inputs


def sides(p, says, key):
    del key
    energy = p.weights @ jnp.sum(p.labels**2, axis=1)
    rest = energy - says(p.covariates, p.labels, p.module[:, 0], p.weights)
    room = 16 * M * D * jnp.finfo(energy.dtype).eps * energy  # sums of m d products
    return Sides(p.loss(), rest, room + NOTHING)


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
        build=lambda z: one_direction.AtModule(
            **{**z, "weights": jnp.exp(z["weights"])}
        ),
        without={
            "r = 1": lambda p, z: p._replace(width=2.0),
            "linear": lambda p, z: p._replace(slope=0.0),
        },
        margins=lambda p: (1.5 - p.width, MET - jnp.abs(1 - p.slope)),
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
        optima=one_direction.optima,
    ),
    details=(
        "At certified optima both sides differ by {best:.1g} of the tolerance at most.",
        "Each draw tries 64 other directions, and has weights of its own.",
    ),
)
