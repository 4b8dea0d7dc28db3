"""W-EX as a statement: a larger weight of the clean task turns `B*` towards it."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from paper_checks.judge.check import Check
from paper_checks.judge.matrices import definite
from paper_checks.judge.statement import Statement

SOURCE = "W-EX (example after Proposition 3)"
# Angles that are tried, and Newton's steps from the best: with condition numbers of
# Gram matrices up to 51 no peak is narrower than 1/√51 = 0.14 rad, seven of these.
ANGLES, STEPS = 128, 5
# Newton's last step is rounding over the curvature, and angles of θ are of its size.
ROUNDING = 1e-9
# Of a margin that is met with equality.
MET = 1e-12


class TwoWeights(NamedTuple):
    """A clean task and a copy, and two weights of the first; that of the copy is 1.

    `θ = (1, 0)`, which is no restriction: angles and Gram matrices turn together.
    `θ̂_i = θ + δ_i`. With `signed`, `B` has the sign that makes `A_1 > 0`.
    """

    gram: Float[Array, "2 2 2"]
    error: Float[Array, "2 2"]  # δ_i
    low: Float[Array, ""]
    high: Float[Array, ""]
    signed: Float[Array, ""]

    @property
    def solutions(self) -> Float[Array, "2 2"]:
        """`θ̂_i`."""
        return jnp.array([1.0, 0.0]) + self.error


Bound = Callable[[TwoWeights], Float[Array, ""]]


def bound(given: TwoWeights) -> Float[Array, ""]:
    """The largest `∠(B*, θ)` at the higher weight; `π` where nothing is known."""
    one, other = given.solutions
    p = one @ given.gram[0] @ one
    q = one @ given.gram[1] @ other
    w = other @ given.gram[1] @ other
    room = given.high * p - w
    known = room > 0
    sine = jnp.abs(q) * jnp.linalg.norm(other) / jnp.where(known, room, 1)
    known &= sine < 1
    return jnp.where(known, jnp.arcsin(jnp.where(known, sine, 0)), jnp.pi)


def angle(given: TwoWeights, weight: Float[Array, ""]) -> Float[Array, ""]:
    """`∠(B*, θ)` of the best module, by a search over the ratio of the heads."""
    moment = jnp.einsum("ide,ie->id", given.gram, given.solutions)
    scaled = moment * jnp.stack([jnp.sqrt(weight), jnp.ones(())])[:, None]

    def module(t: Array) -> tuple[Array, Array]:
        heads = jnp.stack([jnp.cos(t), jnp.sin(t)])
        (a, b), (_, c) = jnp.tensordot(heads**2, given.gram, 1)
        right = heads @ scaled
        shared = jnp.stack([c * right[0] - b * right[1], a * right[1] - b * right[0]])
        shared = shared / (a * c - b**2)
        return shared, right @ shared

    def newton(_: object, t: Array) -> Array:
        explained = jax.grad(lambda t: module(t)[1])
        slope, curvature = explained(t), jax.grad(explained)(t)
        return t - slope / jnp.where(curvature < 0, curvature, -jnp.inf)

    grid = jnp.linspace(0, jnp.pi, ANGLES, endpoint=False)
    best = grid[jnp.argmax(jax.vmap(module)(grid)[1])]
    # The last step carries the derivative (implicit function theorem).
    best = lax.stop_gradient(lax.fori_loop(0, STEPS, newton, best))
    best = newton(None, best)
    shared = module(best)[0] * jnp.where(jnp.cos(best) < 0, -1, 1)
    first = jnp.where(given.signed > 0, shared[0], jnp.abs(shared[0]))
    return jnp.arctan2(jnp.abs(shared[1]), first)


def _conclude(given: TwoWeights, most: Bound) -> Check:
    before, after = jax.vmap(lambda w: angle(given, w))(
        jnp.stack([given.low, given.high])
    )
    return Check(
        lhs=after,
        rhs=jnp.minimum(before, most(given)),
        tolerance=jnp.asarray(ROUNDING),
        relation="<=",
        source=SOURCE,
    )


def margins(given: TwoWeights) -> tuple[Float[Array, ""], ...]:
    """One `X`; a first task without noise; a weight that grows; and the sign."""
    return (
        MET - jnp.max(jnp.abs(given.gram[0] - given.gram[1])),
        MET - jnp.max(jnp.abs(given.error[0])),
        jnp.log(given.high / given.low),
        given.signed,
    )


def _build(latent: Mapping[str, Array], dropped: Int[Array, ""]) -> TwoWeights:
    gram = jnp.stack([definite(z) for z in latent["gram"]])
    error = latent["error"]
    low = jnp.exp(2 * latent["weight"])
    grown = jnp.where(dropped == 2, -1, 1) * 2 * jnp.abs(latent["more"])
    return TwoWeights(
        gram=jnp.where(dropped == 0, gram, gram[0]),
        error=jnp.where(dropped == 1, error, error.at[0].set(0.0)),
        low=low,
        high=low * jnp.exp(grown),
        signed=jnp.where(dropped == 3, -1.0, 1.0),
    )


@cache
def noisy_copy(most: Bound = bound, name: str = "W-EX") -> Statement[TwoWeights]:
    """`∠(B*, θ)` falls as `α_1` grows, and like `1/α_1`.

    With one `X` and `α_2 = 1`, `B* ∝ θ + ρθ̂_2`: after whitening it is the first left
    singular vector of `(√α_1 θ, θ̂_2)`. With `p = θᵀGθ`, `q = θᵀGθ̂_2`,
    `w = θ̂_2ᵀGθ̂_2` and `λ ≥ α_1p` the first squared singular value,
    `ρ = q/(λ − w)`, so that for `α_1p > w`

        sin∠(B*, θ) ≤ ‖ρθ̂_2‖/‖θ‖ ≤ |q| ‖θ̂_2‖/((α_1p − w) ‖θ‖).

    `λ` grows with `α_1`, `|ρ|` falls, and with `A_1 > 0` so does the angle: in the
    cone of `θ` and `±θ̂_2` it moves towards `θ`.

    Source: W-EX; the rate is derived here.
    """

    def conclude(given: TwoWeights, key: PRNGKeyArray) -> Check:
        del key
        return _conclude(given, most)

    return Statement(
        name=name,
        source=SOURCE,
        version=1,
        latent={
            "gram": (2, 2, 2),
            "error": (2, 2),
            "weight": (),
            "more": (),
        },
        hypotheses=(
            "one X for both tasks",
            "a first task without noise",
            "a weight that grows",
            "B signed so that A_1 > 0",
        ),
        build=_build,
        margins=margins,
        conclude=conclude,
    )
