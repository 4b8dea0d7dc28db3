"""W-LM as a statement: tasks for which a given point is stationary."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from paper_checks.judge.check import Check
from paper_checks.judge.matrices import FLOOR, NOTHING, definite
from paper_checks.judge.statement import Statement

SOURCE = "W-LM (common X)"
DIMENSION = 3
# Residual of each task alone.
RESIDUAL = 0.01
# f is divided by the label energy. A point is made stationary to rounding.
STATIONARY = 1e-10
# A Hessian is known to rounding; the gauge leaves it an eigenvalue of zero.
CURVED = 1e-10
# Angles of the heads at which f is tried, besides the one that is best for one X.
ANGLES = 16
# Of a margin that is met with equality.
MET = 1e-12


class AtPoint(NamedTuple):
    """Two tasks, and a point `(B, A)` of width 1."""

    gram: Float[Array, "2 d d"]
    moment: Float[Array, "2 d"]
    energy: Float[Array, "2"]
    module: Float[Array, " d"]
    heads: Float[Array, "2"]

    @property
    def point(self) -> Float[Array, " p"]:
        """`B` and then `A`."""
        return jnp.concatenate([self.module, self.heads])

    def loss(self, point: Float[Array, " p"]) -> Float[Array, ""]:
        """`f/Σe_i` at any point."""
        parameters = point[DIMENSION:, None] * point[:DIMENSION]
        curved = jnp.einsum("ide,ie->id", self.gram, parameters)
        change = jnp.sum(parameters * (curved - 2 * self.moment))
        return 1 + change / jnp.sum(self.energy)


Best = Callable[[AtPoint], Float[Array, ""]]


def best(given: AtPoint) -> Float[Array, ""]:
    """The least `f/Σe_i` at heads of many directions; it is the optimum for one `X`.

    At heads `(cos t, sin t)` the best module gives `f = Σe_i − F(t)`,
    `F = vᵀM⁻¹v`, `M = cos²t G_1 + sin²t G_2`, `v = cos t g_1 + sin t g_2`. For one `X`
    `M = G` and `F` is a quadratic form in `(cos t, sin t)`, largest at the direction of
    its first eigenvector. Every value is that of a point, and no less than `f*`.
    """
    mean = jnp.mean(given.gram, axis=0)
    (a, b), (_, c) = given.moment @ jnp.linalg.solve(mean, given.moment.T)
    first = jnp.arctan2(2 * b, a - c) / 2
    grid = jnp.linspace(0, jnp.pi, ANGLES, endpoint=False)

    def explained(t: Array) -> Array:
        heads = jnp.stack([jnp.cos(t), jnp.sin(t)])
        right = heads @ given.moment
        return right @ jnp.linalg.solve(jnp.tensordot(heads**2, given.gram, 1), right)

    most = jnp.max(jax.vmap(explained)(jnp.append(grid, first)))
    return 1 - most / jnp.sum(given.energy)


def _conclude(given: AtPoint, right: Best) -> Check:
    size, energy = jnp.sum(given.point**2), jnp.sum(given.energy)
    return Check(
        lhs=given.loss(given.point),
        rhs=right(given),
        # Near a point that is not global the least eigenvalue λ < 0 of the Hessian, of
        # a 2 x 2 block for one singular pair, obeys f − f* ≤ |λ|(‖(B, A)‖² + √Σe)/2
        # after whitening, which changes λ by FLOOR at most.
        tolerance=CURVED * (size + jnp.sqrt(energy)) / FLOOR,
        relation="<=",
        source=SOURCE,
    )


def margins(given: AtPoint) -> tuple[Float[Array, ""], ...]:
    """One `X`; no slope; and no direction of negative curvature."""
    slope = jax.grad(given.loss)(given.point)
    curvature = jnp.linalg.eigvalsh(jax.hessian(given.loss)(given.point))[0]
    return (
        MET - jnp.max(jnp.abs(given.gram[0] - given.gram[1])),
        STATIONARY - jnp.linalg.norm(slope),
        curvature + CURVED,
    )


def _build(latent: Mapping[str, Array], dropped: Int[Array, ""]) -> AtPoint:
    """Tasks `g_i = G_iBA_i + n a⊥_i` with `n ⟂ B`, for which `(B, A)` is stationary.

    `∂f/∂A_i ∝ Bᵀ(G_iBA_i − g_i) = 0` and `∂f/∂B ∝ Σ_i A_i(G_iBA_i − g_i) = 0`: all
    stationary points with `A ≠ 0` are of this kind. Whether they are minima is open.
    """
    gram = jnp.stack([definite(z) for z in latent["gram"]])
    gram = jnp.where(dropped == 0, gram, gram[0])
    module, heads, across = latent["module"], latent["heads"], latent["across"]
    across = across - (across @ module) / (module @ module + NOTHING) * module
    # Whitened, `n` is up to 1/√FLOOR as long, and the point global if not above `B`:
    # about half are. With a slope, (B, A) is shrunk towards zero.
    across = across * jnp.array([0.1, 0.02, 1.0])[jnp.clip(dropped, 0, 2)]
    turned = jnp.stack([-heads[1], heads[0]])
    moment = heads[:, None] * (gram @ module) + turned[:, None] * across
    solution = jnp.linalg.solve(gram, moment[:, :, None])[:, :, 0]
    shrunk = jnp.where(dropped == 1, 0.9, 1.0)
    return AtPoint(
        gram=gram,
        moment=moment,
        energy=jnp.sum(moment * solution, axis=1) + RESIDUAL,
        module=shrunk * module,
        heads=shrunk * heads,
    )


@cache
def local_minima(right: Best = best, name: str = "W-LM") -> Statement[AtPoint]:
    """A stationary point without negative curvature is global: `f(B, A) ≤ f*`.

    Of two tasks at `r = 1`. Instances are tasks made for their point, so that every
    stationary point is met, and not only those that a descent ends at.
    """

    def conclude(given: AtPoint, key: PRNGKeyArray) -> Check:
        del key
        return _conclude(given, right)

    d = DIMENSION
    return Statement(
        name=name,
        source=SOURCE,
        version=1,
        latent={
            "gram": (2, d, d),
            "module": (d,),
            "heads": (2,),
            "across": (d,),
        },
        hypotheses=("one X for both tasks", "no slope", "no negative curvature"),
        build=_build,
        margins=margins,
        conclude=conclude,
    )
