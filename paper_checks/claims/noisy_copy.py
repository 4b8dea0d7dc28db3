"""W-EX: a larger weight of a clean task turns `B*` from its noisy copy towards it.

With one `X` and `α_2 = 1`, `B* ∝ θ + ρθ̂_2` for `ρ = q/(λ − w)`, `λ ≥ α_1p` the first
squared singular value of whitened `(√α_1 θ, θ̂_2)`, `p = θᵀGθ`, `q = θᵀGθ̂_2` and
`w = θ̂_2ᵀGθ̂_2`. `λ` grows with `α_1`, so `|ρ|` falls, and with `A_1 > 0` the angle does;
for `α_1p > w`, `sin∠(B*, θ) ≤ |q| ‖θ̂_2‖/((α_1p − w) ‖θ‖)` (derived here).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from paper_checks.judge import Claim, Draws, Formula, Route, Sides
from paper_checks.judge.matrices import definite
from paper_checks.studies import noisy_copies
from paper_checks.studies.svd_tasks import MET

THETA = jnp.array([1.0, 0.0])  # no restriction: angles and Gram matrices turn together


class TwoWeights(NamedTuple):
    """A clean task and a copy with `θ̂_i = θ + δ_i`, and two weights of the first."""

    gram: Float[Array, "2 2 2"]
    error: Float[Array, "2 2"]  # δ_i
    low: Float[Array, ""]
    high: Float[Array, ""]
    signed: Float[Array, ""] | float = 1.0  # B so that A_1 > 0


def build(z):
    gram = jnp.stack([definite(z["gram"][0])] * 2)
    low = jnp.exp(2 * z["weight"])
    error = z["error"].at[0].set(0.0)
    return TwoWeights(gram, error, low, low * jnp.exp(2 * jnp.abs(z["more"])))


def bound(p):  # the largest ∠(B*, θ) at the higher weight; π where nothing is known
    one, other = THETA + p.error
    gram = p.gram[1]
    room = p.high * (one @ p.gram[0] @ one) - other @ gram @ other
    known = room > 0
    size = jnp.abs(one @ gram @ other) * jnp.linalg.norm(other)
    sine = size / jnp.where(known, room, 1)
    known &= sine < 1
    return jnp.where(known, jnp.arcsin(jnp.where(known, sine, 0)), jnp.pi)


def angle(p, weight):  # ∠(B*, θ)
    first, second = noisy_copies.best_module(p.gram, THETA + p.error, weight)
    first = jnp.where(p.signed > 0, first, jnp.abs(first))
    return jnp.arctan2(jnp.abs(second), first)


def sides(p, says, key):
    del key
    before, after = jax.vmap(lambda w: angle(p, w))(jnp.stack([p.low, p.high]))
    # Newton's last step is rounding over the curvature; angles of θ are of its size.
    return Sides(after, jnp.minimum(before, says(p)), 1e-9)


CLAIM = Claim(
    id="W-EX",
    title="More weight on a clean task turns the module from its noisy copy",
    source="W-EX (example after Proposition 3)",
    statement="y_1 = X theta, y_2 = X theta + eps: cos(B*, theta) grows to 1 as "
    "alpha_1 grows.",
    tex=r"y_1 = X\theta,\ y_2 = X\theta + \varepsilon: \cos(B^*, \theta) \uparrow 1 "
    r"\text{ as } \alpha_1 \to \infty",
    formula=Formula(
        latent={"gram": (2, 2, 2), "error": (2, 2), "weight": (), "more": ()},
        build=build,
        without={
            "one X for both tasks": lambda p, z: p._replace(
                gram=jax.vmap(definite)(z["gram"])
            ),
            "a first task without noise": lambda p, z: p._replace(error=z["error"]),
            "a weight that grows": lambda p, z: p._replace(high=p.low**2 / p.high),
            "B signed so that A_1 > 0": lambda p, z: p._replace(signed=-1.0),
        },
        margins=lambda p: (
            MET - jnp.max(jnp.abs(p.gram[0] - p.gram[1])),
            MET - jnp.max(jnp.abs(p.error[0])),
            jnp.log(p.high / p.low),
            p.signed,
        ),
        sides=sides,
        says=bound,
    ),
    draws=Draws(
        draw=noisy_copies.curves,
        count=(150, 5000),
        routes=(
            Route(noisy_copies.ends, "largest 1 - cos at alpha_1 = 1e+08", "end"),
            Route(noisy_copies.falls, "largest fall of cos along a curve"),
            Route(
                noisy_copies.trained,
                "largest |trained - closed form| cos",
                reported=True,
            ),
        ),
        without={"alpha_1 grows (alpha_2 grows instead)": noisy_copies.copy_grows},
        further=noisy_copies.described,
    ),
    details=(
        "1 - cos is {end:.1g} at most where the clean task weighs 1e+08, and cos is "
        "{equal} at equal weights.",
        "The attack wants an angle that falls with every increase, and like 1/alpha_1.",
    ),
    caveats=(
        "B is signed so that A_1 > 0: |cos| falls somewhere on {unsigned.count} of "
        "{unsigned.n} curves, where noise turned the copy away from theta.",
        "Without one X for both tasks the angle may grow.",
    ),
)
