"""Two parameters at a given angle, and rotations that turn planes of coordinates."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray


def parameters_at(
    key: PRNGKeyArray, dimension: int, cosine: Float[Array, ""] | float
) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
    """Two parameters, each uniform on the unit sphere, at this cosine to each other."""
    return at_cosine(jax.random.normal(key, (2, dimension)), cosine)


def at_cosine(
    normals: Float[Array, "2 d"], cosine: Float[Array, ""] | float
) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
    """`parameters_at` from standard normals."""
    first = normals[0] / jnp.linalg.norm(normals[0])
    across = normals[1] - (normals[1] @ first) * first
    across = across / jnp.linalg.norm(across)
    return first, cosine * first + jnp.sqrt(1 - cosine**2) * across


def turned_planes(
    dimension: int,
    one: Int[Array, " n"],
    two: Int[Array, " n"],
    angle: Float[Array, ""],
) -> Float[Array, "d d"]:
    """Rotate each plane of coordinates (`one[j]`, `two[j]`) by an angle in radians."""
    c, s = jnp.cos(angle), jnp.sin(angle)
    turn = jnp.eye(dimension).at[one, one].set(c).at[two, two].set(c)
    return turn.at[two, one].set(s).at[one, two].set(-s)
