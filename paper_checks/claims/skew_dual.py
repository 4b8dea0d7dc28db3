"""M-SK: skew multipliers bound the loss of tasks that share one direction.

Weights absorbed, `w_i = a_i b` are the parameters of a module of one column. For skew
`S` the term `w_1ᵀSw_2 = a_1a_2 bᵀSb` is zero, so that with `h = (g_1, g_2)`

    f = e − 2hᵀw + wᵀN(S)w ≥ e − hᵀN(S)⁻¹h      where N(S) = [[G_1, S], [Sᵀ, G_2]] ≻ 0.

For two tasks the best `S` gives `f*` itself: `f ≥ L` for all heads `(1, t)` says that a
matrix polynomial of degree two in `t` is semidefinite on the line, so a sum of squares.
"""

import jax.numpy as jnp
from jax import nn

from paper_checks.judge import Claim, Draws, Formula, Route, Sides
from paper_checks.judge.matrices import NOTHING, definite
from paper_checks.studies import skew_bounds
from paper_checks.studies.skew_bounds import Multiplied, energy, scaled

D = 3  # inputs
MET = 1e-9  # what rounding leaves of a number that is zero


def build(z):
    gram = jnp.stack([definite(one) for one in z["gram"]])
    skew = scaled(gram, z["free"] - z["free"].T, nn.sigmoid(z["size"]))
    size = energy(gram, z["moment"], z["noise"])
    return Multiplied(gram, z["moment"], size, skew, jnp.outer(z["heads"], z["b"]))


def symmetric(p, z):  # where the parameters tried are best for N(S)
    free = p.parameters[0][:, None] * p.parameters[1]
    p = p._replace(multiplier=scaled(p.gram, free + free.T, nn.sigmoid(z["size"])))
    moment = (p.matrix @ p.parameters.ravel()).reshape(2, D)
    return p._replace(moment=moment, energy=energy(p.gram, moment, z["noise"]))


def two_directions(p, z):
    best = jnp.linalg.solve(p.matrix, p.moment.ravel()).reshape(2, D)
    return p._replace(parameters=best + 0.1 * z["other"])


def indefinite(p, z):
    large = 3 * jnp.sqrt(jnp.trace(p.gram[0]) * jnp.trace(p.gram[1]))
    free = z["free"] - z["free"].T
    return p._replace(multiplier=large * free / (jnp.linalg.norm(free) + NOTHING))


def margins(p):
    s, (first, second) = p.multiplier, p.parameters
    apart = jnp.outer(first, second) - jnp.outer(second, first)
    size = jnp.sum(first**2) + jnp.sum(second**2) + NOTHING
    skew = MET - jnp.max(jnp.abs(s + s.T)) / (jnp.max(jnp.abs(s)) + NOTHING)
    return skew, MET - jnp.max(jnp.abs(apart)) / size, jnp.linalg.eigvalsh(p.matrix)[0]


CLAIM = Claim(
    id="M-SK",
    title="A skew matrix bounds the loss of two tasks that share one direction",
    source='M-SK (docs/mathematics.md, "Skew dual")',
    statement="r = 1, k = 2: f* is the supremum of e - h'N(S)^-1 h over skew S with "
    "N(S) = [[G_1, S], [S', G_2]] > 0.",
    tex=r"f^* = \sup_{S = -S^\top,\ N(S) \succ 0} e - h^\top N(S)^{-1} h",
    formula=Formula(
        latent={
            **{"gram": (2, D, D), "moment": (2, D), "noise": (), "free": (D, D)},
            **{"size": (), "heads": (2,), "b": (D,), "other": (2, D)},
        },
        build=build,
        without={
            "S skew": symmetric,
            "one direction for both tasks": two_directions,
            "N(S) definite": indefinite,
        },
        margins=margins,
        sides=lambda p, says, key: Sides(says(p), p.loss(), 1e-9 * p.energy),
        says=Multiplied.bound,
    ),
    draws=Draws(
        draw=skew_bounds.pairs,
        count=(40, 1000),
        routes=(Route(skew_bounds.tight, "largest distance of bound and optimum"),),
        without={"the best S (S = 0)": skew_bounds.without_multipliers},
        optima=skew_bounds.optima,
    ),
)
