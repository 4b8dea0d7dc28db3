"""Statements that compile in no time: true ones, and their mutants."""

import jax
import jax.numpy as jnp

from paper_checks.judge.check import Check
from paper_checks.judge.statement import Statement


def sides(lhs, rhs):
    return Check(lhs, rhs, jnp.asarray(1e-12), "<=", "toy")


def cauchy_schwarz(name="true", *, rhs=None):
    """`(uᵀv)² ≤ ‖u‖²‖v‖²` for `u` of norm at least 1, which is not needed."""
    right = rhs or (lambda u, v: (u @ u) * (v @ v))

    def build(latent, dropped):
        u = latent["u"] * jnp.where(dropped == 0, 0.01, 1)
        return u, latent["v"]

    return Statement(
        name=name,
        source="toy",
        version=1,
        latent={"u": (3,), "v": (3,)},
        hypotheses=("u not short",),
        build=build,
        margins=lambda pair: (pair[0] @ pair[0] - 0.5,),
        conclude=lambda pair, key: sides((pair[0] @ pair[1]) ** 2, right(*pair)),
    )


MUTANTS = {
    "wrong constant": lambda u, v: 0.9 * (u @ u) * (v @ v),
    "dropped square": lambda u, v: jnp.sqrt(u @ u) * (v @ v),
    "swapped index": lambda u, v: (u @ u) * (u @ u),
    "one entry left out": lambda u, v: (u[:2] @ u[:2]) * (v @ v),
    "wrong norm": lambda u, v: jnp.max(jnp.abs(u)) ** 2 * (v @ v),
    "sum for product": lambda u, v: (u @ u) + (v @ v),
}


def geometric_mean():
    """Geometric mean at most the arithmetic one; needs entries above zero."""

    def build(latent, dropped):
        x = jnp.exp(latent["x"])
        return jnp.where(dropped == 0, x * jnp.array([-1.0, -1.0, 1.0]), x)

    return Statement(
        name="means",
        source="toy",
        version=1,
        latent={"x": (3,)},
        hypotheses=("entries above zero",),
        build=build,
        margins=lambda x: (jnp.min(x),),
        conclude=lambda x, key: sides(jnp.cbrt(jnp.prod(x)), jnp.mean(x)),
        baseline=jnp.max,
    )


def two_deviations(reach=2.0, failure=0.05):
    """A normal number is within two deviations, but for 4.6 % of draws."""

    def conclude(scale, key):
        drawn = jnp.abs(jax.random.normal(key)) * scale
        return sides(drawn, reach * scale)

    return Statement(
        name="deviations",
        source="toy",
        version=1,
        latent={"log": ()},
        hypotheses=("scale above zero",),
        build=lambda latent, dropped: jnp.exp(latent["log"]),
        margins=lambda scale: (scale,),
        conclude=conclude,
        failure=failure,
    )


def rarely_false(sides_where_false=(1.5, 1.0), rare=2.0, **options):
    """False where `x > rare`; elsewhere its ratio is 100, within the tolerance."""

    def conclude(x, key):
        del key
        left, right = (
            jnp.where(x > rare, false, true)
            for false, true in zip(sides_where_false, (1e-10, 1e-12), strict=True)
        )
        return Check(left, right, jnp.asarray(1e-9), "<=", "toy")

    return Statement(
        **{
            "name": "rarely false",
            "source": "toy",
            "version": 1,
            "latent": {"x": ()},
            "hypotheses": ("x below ten",),
            "build": lambda latent, dropped: latent["x"],
            "margins": lambda x: (10 - x,),
            "conclude": conclude,
            **options,
        }
    )
