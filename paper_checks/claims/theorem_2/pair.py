"""Two tasks as Theorem 2 has them: a random source, and a target that is given."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from simulations.sampling import sample_statistics
from theory.linear import two_task_optimum
from theory.tasks import TaskStatistics

# Ranges of the instances. With their ends m_1 reaches 1e11, where the statistics still
# carry the target's part of the sum to five digits.
SMALLEST_C = 0.05
TARGET_CONDITION, SOURCE_CONDITION = 3.0, 5.0
# Longest m_1 above what is asked for, in powers of e.
MORE_ROWS = 3.0


def condition(singular: Float[Array, " d"]) -> Float[Array, ""]:
    """Largest over least."""
    return jnp.max(singular) / jnp.min(singular)


def sine_between(parameter: Float[Array, "2 d"]) -> Float[Array, ""]:
    """`sin(θ_1, θ_2)`, exact also where it is small."""
    u, v = (t / jnp.linalg.norm(t) for t in parameter)
    half = jnp.linalg.norm(u - jnp.where(u @ v < 0, -v, v)) / 2
    return 2 * half * jnp.sqrt(jnp.maximum(1 - half**2, 0))


def asked_for(
    source: Float[Array, ""],
    target: Float[Array, ""],
    energy: Float[Array, ""],
    c: Float[Array, ""],
) -> Float[Array, ""]:
    """`κ²(Σ_1) κ⁴(X_2) ‖y_2‖²/c⁴`, with the constant 1."""
    return source**2 * target**4 * energy / c**4


class Design(NamedTuple):
    """All that Theorem 2 holds fixed, and the law of the source's rows.

    `X_2 = U diag(s_2)` with orthonormal columns `U`: any target, in coordinates that
    are its own. Rows of `X_1` are `N(0, S_1S_1ᵀ)`, `S_1 = Q diag(s_1)`. `ε_2 = Uz` and
    a part of length `unseen` that is orthogonal to `U`.

    Units: `‖Σ_1^½θ_1‖ = 1` in what `build` makes.
    """

    parameter: Float[Array, "2 d"]  # θ_1 of the source, θ_2 of the target
    rotation: Float[Array, "d d"]  # Q
    source: Float[Array, " d"]  # s_1
    target: Float[Array, " d"]  # s_2
    noise_source: Float[Array, ""]  # σ_1
    noise_target: Float[Array, " d"]  # z
    unseen: Float[Array, ""]
    samples: Float[Array, ""]  # m_1
    c: Float[Array, ""]

    @property
    def root(self) -> Float[Array, "d d"]:
        """`S_1`."""
        return self.rotation * self.source

    @property
    def condition_source(self) -> Float[Array, ""]:
        """`κ(Σ_1)`, of the covariance."""
        return condition(self.source) ** 2

    @property
    def condition_target(self) -> Float[Array, ""]:
        """`κ(X_2)`, of the matrix of rows."""
        return condition(self.target)

    @property
    def sine(self) -> Float[Array, ""]:
        """`sin(θ_1, θ_2)`, exact also where it is small."""
        return sine_between(self.parameter)

    @property
    def signal(self) -> Float[Array, ""]:
        """`‖X_2θ_2‖`."""
        return jnp.linalg.norm(self.target * self.parameter[1])

    @property
    def noise(self) -> Float[Array, ""]:
        """`‖ε_2‖`."""
        return jnp.sqrt(jnp.sum(self.noise_target**2) + self.unseen**2)

    @property
    def energy(self) -> Float[Array, ""]:
        """`‖y_2‖²`."""
        seen = self.target * self.parameter[1] + self.noise_target
        return jnp.sum(seen**2) + self.unseen**2

    @property
    def strength(self) -> Float[Array, ""]:
        """`‖Σ_1^½θ_1‖`, the deviation of the source's labels without noise."""
        return jnp.linalg.norm(self.parameter[0] @ self.root)

    @property
    def enough(self) -> Float[Array, ""]:
        """`κ²(Σ_1) κ⁴(X_2) ‖y_2‖²/c⁴`, with the constant 1."""
        return asked_for(
            self.condition_source, self.condition_target, self.energy, self.c
        )

    @property
    def right_side(self) -> Float[Array, ""]:
        """`6c + ‖ε_2‖/‖X_2θ_2‖/(1 − 3c)`."""
        return 6 * self.c + self.noise / self.signal / (1 - 3 * self.c)

    @property
    def alone(self) -> Float[Array, ""]:
        """`‖θ̂_2 − θ_2‖/‖θ_2‖` of the target alone."""
        error = jnp.linalg.norm(self.noise_target / self.target)
        return error / jnp.linalg.norm(self.parameter[1])

    def target_statistics(self) -> TaskStatistics:
        """`(G_2, g_2, e_2)`; the number of rows is told to be `2d`."""
        seen = self.target * self.parameter[1] + self.noise_target
        return TaskStatistics(
            gram=jnp.diag(self.target**2)[None],
            moment=(self.target * seen)[None],
            energy=self.energy[None],
            samples=jnp.full(1, 2.0 * len(self.target)),
        )

    def draw(self, key: PRNGKeyArray) -> TaskStatistics:
        """Both tasks, with a draw of the source."""
        # A χ² draw has no derivative in its degrees of freedom. To leading order a
        # Gram matrix is in proportion to m: this factor is 1, and its derivative that.
        fixed = jax.lax.stop_gradient(self.samples)
        root = self.root * jnp.sqrt(self.samples / fixed)
        source = sample_statistics(
            key, root, self.parameter[:1], self.noise_source, fixed
        )
        both = (source, self.target_statistics())
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), *both)


def left_side(design: Design, key: PRNGKeyArray) -> Float[Array, ""]:
    """`‖B*A_2* − θ_2‖/‖θ_2‖` of the certified optimum, for one draw of the source."""
    # G_2 is definite, and so is the sum.
    optimum = two_task_optimum(design.draw(key), jnp.ones(2), full_rank=True)
    theta = design.parameter[1]
    return jnp.linalg.norm(optimum.parameters[1] - theta) / jnp.linalg.norm(theta)


def latent_shapes(dimension: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the numbers behind a design."""
    return {
        "parameter": (2, dimension),
        "rotation": (dimension, dimension),
        "source": (dimension,),
        "target": (dimension,),
        "noise_target": (dimension,),
        "scalars": (7,),
    }


def build(latent: Mapping[str, Array]) -> Design:
    """A design that meets Theorem 2's hypotheses, whatever the latent.

    `c` is log-uniform-like on `[0.05, 1/3]`, `sin(θ_1, θ_2)` a share of `c/κ(X_2)`,
    `‖X_2θ_2‖² ≥ 4d`, `‖ε_2‖` from nothing to some times that, `σ_1` in `[0, 1]`, and
    `m_1` 1 to 20 times what the theorem asks for, a whole number.
    """
    free = latent["scalars"]
    d = latent["source"].shape[0]
    share = jax.nn.sigmoid(free[0])
    c = SMALLEST_C * (1 / 3 / SMALLEST_C) ** share
    source = singular_values(latent["source"], np.sqrt(SOURCE_CONDITION))
    target = singular_values(latent["target"], TARGET_CONDITION)
    rotation = jnp.linalg.qr(latent["rotation"] + 3 * jnp.eye(d))[0]
    first, other = latent["parameter"] + 1e-3 * jnp.eye(2, d)
    first = first / jnp.linalg.norm((first @ rotation) * source)
    # At an angle to θ_1 of which κ(X_2) times the sine is at most c.
    unit = first / jnp.linalg.norm(first)
    across = other - (other @ unit) * unit
    across = across / jnp.linalg.norm(across)
    sine = jax.nn.sigmoid(free[1]) * c / condition(target)
    second = jnp.sqrt(1 - sine**2) * unit + sine * across
    size = 2 * jnp.sqrt(d) * (1 + jax.nn.softplus(free[2]))
    second = second * size / jnp.linalg.norm(target * second)
    level = 0.5 * jnp.exp(free[3]) * size / jnp.sqrt(2 * d)
    design = Design(
        parameter=jnp.stack([first, second]),
        rotation=rotation,
        source=source,
        target=target,
        noise_source=jax.nn.sigmoid(free[4]),
        noise_target=level * latent["noise_target"],
        unseen=level * jnp.sqrt(d) * jnp.abs(free[5]),
        samples=jnp.asarray(1.0),
        c=c,
    )
    more = jnp.exp(MORE_ROWS * jax.nn.sigmoid(free[6]))
    return design._replace(samples=whole(more * design.enough))


def whole(number: Float[Array, ""]) -> Float[Array, ""]:
    """The next whole number, with the derivative of the number itself."""
    return number + jax.lax.stop_gradient(jnp.ceil(number) - number)


def singular_values(free: Float[Array, " d"], largest: float) -> Float[Array, " d"]:
    """Between 1 and `largest`, smooth in `free`."""
    return largest ** jax.nn.sigmoid(free)
