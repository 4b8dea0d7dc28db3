"""Two tasks as Theorem 2 has them: a random source, and a target that is given."""

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from typing import TypeVar

import equinox as eqx
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
# Largest m_1 above what is asked for, in powers of e.
MORE_ROWS = 3.0
# "Of the order" leaves a constant open: where the source's noise is not bounded, rows
# are this many times what is asked for.
CONSTANT = 1e3

Own = TypeVar("Own", bound="Pair")


class Pair(eqx.Module):
    """What Theorem 2 holds fixed, and the law of the source's rows.

    Rows of `X_1` are `N(0, S_1S_1ᵀ)`, `S_1 = Q diag(s_1)`. Instances have
    `‖Σ_1^½θ_1‖ = 1`, which is the unit of labels.
    """

    parameter: Float[Array, "2 d"]  # θ_1 of the source, θ_2 of the target
    rotation: Float[Array, "d d"]  # Q
    source: Float[Array, " d"]  # s_1
    singular: Float[Array, " d"]  # s_2, the singular values of X_2
    noise_source: Float[Array, ""]  # σ_1
    noise_target: Float[Array, " m"]  # ε_2, in the coordinates of `image`
    samples: Float[Array, ""]  # m_1
    c: Float[Array, ""]

    @abstractmethod
    def image(self, vector: Float[Array, " d"]) -> Float[Array, " m"]:
        """`X_2v`, in orthonormal coordinates."""

    @property
    def clean(self) -> Float[Array, " m"]:
        """The target's labels without noise."""
        return self.image(self.parameter[1])

    @property
    def root(self) -> Float[Array, "d d"]:
        """`S_1`."""
        return self.rotation * self.source

    @property
    def condition_source(self) -> Float[Array, ""]:
        """`κ(Σ_1)`, of the covariance."""
        return (jnp.max(self.source) / jnp.min(self.source)) ** 2

    @property
    def condition_target(self) -> Float[Array, ""]:
        """`κ(X_2)`, of the matrix of rows."""
        return jnp.max(self.singular) / jnp.min(self.singular)

    @property
    def cosine(self) -> Float[Array, ""]:
        """`cos(θ_1, θ_2)`."""
        u, v = self.parameter
        return u @ v / jnp.linalg.norm(u) / jnp.linalg.norm(v)

    @property
    def sine(self) -> Float[Array, ""]:
        """`sin(θ_1, θ_2)`, exact also where it is small."""
        u, v = (t / jnp.linalg.norm(t) for t in self.parameter)
        half = jnp.linalg.norm(u - jnp.where(u @ v < 0, -v, v)) / 2
        return 2 * half * jnp.sqrt(jnp.maximum(1 - half**2, 0))

    @property
    def signal(self) -> Float[Array, ""]:
        """Norm of the target's labels without noise."""
        return jnp.linalg.norm(self.clean)

    @property
    def noise(self) -> Float[Array, ""]:
        """`‖ε_2‖`."""
        return jnp.linalg.norm(self.noise_target)

    @property
    def energy(self) -> Float[Array, ""]:
        """`‖y_2‖²`."""
        return jnp.sum((self.clean + self.noise_target) ** 2)

    @property
    def strength(self) -> Float[Array, ""]:
        """`‖Σ_1^½θ_1‖`, the deviation of the source's labels without noise."""
        return jnp.linalg.norm(self.parameter[0] @ self.root)

    @property
    def enough(self) -> Float[Array, ""]:
        """`κ²(Σ_1) κ⁴(X_2) ‖y_2‖²/c⁴`, with the constant 1."""
        conditions = self.condition_source**2 * self.condition_target**4
        return conditions * self.energy / self.c**4

    @property
    def right_side(self) -> Float[Array, ""]:
        """`6c + ‖ε_2‖/signal/(1 − 3c)`."""
        return 6 * self.c + self.noise / self.signal / (1 - 3 * self.c)

    def error(self, estimate: Float[Array, " d"]) -> Float[Array, ""]:
        """`‖θ − θ_2‖/‖θ_2‖` of an estimate `θ`."""
        theta = self.parameter[1]
        return jnp.linalg.norm(estimate - theta) / jnp.linalg.norm(theta)

    def but(self: Own, **changes: Array) -> Own:
        """The same with other fields."""
        return dataclasses.replace(self, **changes)

    def turned(
        self: Own,
        toward: Float[Array, " d"],
        cosine: Array | float,
        sine: Array | float,
        size: Array,
    ) -> Own:
        """`θ_2` at this angle to `θ_1`, on the side of a vector, `‖X_2θ_2‖ = size`."""
        unit = self.parameter[0] / jnp.linalg.norm(self.parameter[0])
        across = toward - (toward @ unit) * unit
        second = cosine * unit + sine * across / jnp.linalg.norm(across)
        second = second * size / jnp.linalg.norm(self.image(second))
        return self.but(parameter=jnp.stack([self.parameter[0], second]))

    def asked(self: Own, times: Array | float = 1.0) -> Own:
        """As many rows of the source as are asked for, times a factor."""
        return self.but(samples=whole(times * self.enough))

    def quieter(self: Own, factor: Array) -> Own:
        """Labels of the target times this factor."""
        theta = self.parameter * jnp.stack([jnp.ones_like(factor), factor])[:, None]
        return self.but(parameter=theta, noise_target=self.noise_target * factor)

    def weak(self: Own) -> Own:
        """Target labels so small that two or three rows of the source are asked for."""
        quiet = self.quieter(1 / jnp.sqrt(self.enough))
        return quiet.but(noise_source=self.strength).asked(2.0)

    def loud(self: Own, times: Array | float) -> Own:
        """Source noise of `√m_1` times the signal and more, for many more rows."""
        samples = whole(CONSTANT * self.samples)
        return self.but(samples=samples, noise_source=times * jnp.sqrt(samples))


class Design(Pair):
    """A linear target: `X_2 = U diag(s_2)`, in coordinates that are its own.

    `ε_2 = U noise_target` and a part of length `unseen` that is orthogonal to `U`.
    """

    unseen: Float[Array, ""]

    def image(self, vector: Float[Array, " d"]) -> Float[Array, " d"]:
        """`X_2v`."""
        return self.singular * vector

    @property
    def noise(self) -> Float[Array, ""]:
        """`‖ε_2‖`."""
        return jnp.sqrt(jnp.sum(self.noise_target**2) + self.unseen**2)

    @property
    def energy(self) -> Float[Array, ""]:
        """`‖y_2‖²`."""
        return super().energy + self.unseen**2

    @property
    def alone(self) -> Float[Array, ""]:
        """`‖θ̂_2 − θ_2‖/‖θ_2‖` of the target alone."""
        error = jnp.linalg.norm(self.noise_target / self.singular)
        return error / jnp.linalg.norm(self.parameter[1])

    def quieter(self, factor: Array) -> "Design":
        """Labels of the target times this factor."""
        return super().quieter(factor).but(unseen=self.unseen * factor)

    def target_statistics(self) -> TaskStatistics:
        """`(G_2, g_2, e_2)`; assumes `2d` rows."""
        return TaskStatistics(
            gram=jnp.diag(self.singular**2)[None],
            moment=(self.singular * (self.clean + self.noise_target))[None],
            energy=self.energy[None],
            samples=jnp.full(1, 2.0 * len(self.singular)),
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

    def shared_error(self, key: PRNGKeyArray) -> Float[Array, ""]:
        """`‖B*A_2* − θ_2‖/‖θ_2‖` of the certified optimum, for a draw of the source."""
        # G_2 is definite, and so is the sum.
        optimum = two_task_optimum(self.draw(key), jnp.ones(2), full_rank=True)
        return self.error(optimum.parameters[1])

    def errors(self, tasks: TaskStatistics) -> Float[Array, "2 d"]:
        """`θ̂_i − θ_i` of both tasks alone."""
        source = jnp.linalg.solve(tasks.gram[0], tasks.moment[0]) - self.parameter[0]
        return jnp.stack([source, self.noise_target / self.singular])


def latent_shapes(d: int, **own: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Shapes of the numbers behind a pair; a linear one has these alone."""
    shared = {"parameter": (2, d), "rotation": (d, d), "source": (d,), "target": (d,)}
    return shared | (own or {"noise_target": (d,), "scalars": (7,)})


def pair_fields(latent: Mapping[str, Array]) -> dict[str, Array]:
    """Fields of any pair but its noise, with `θ_2 = θ_1` and one row."""
    c = SMALLEST_C * (1 / 3 / SMALLEST_C) ** jax.nn.sigmoid(latent["scalars"][0])
    source = np.sqrt(SOURCE_CONDITION) ** jax.nn.sigmoid(latent["source"])
    d = len(source)
    rotation = jnp.linalg.qr(latent["rotation"] + 3 * jnp.eye(d))[0]
    first = latent["parameter"][0] + 1e-3 * jnp.eye(d)[0]
    first = first / jnp.linalg.norm((first @ rotation) * source)
    singular = TARGET_CONDITION ** jax.nn.sigmoid(latent["target"])
    return {
        **{"parameter": jnp.stack([first, first]), "rotation": rotation},
        **{"source": source, "singular": singular, "c": c, "samples": jnp.asarray(1.0)},
    }


def other_side(latent: Mapping[str, Array]) -> Float[Array, " d"]:
    """A vector to whose side `θ_2` is turned; never zero."""
    return latent["parameter"][1] + 1e-3 * jnp.eye(2, len(latent["source"]))[1]


def build(latent: Mapping[str, Array]) -> Design:
    """A design that meets Theorem 2's hypotheses, whatever the latent.

    `c` is log-uniform-like on `[0.05, 1/3]`, `sin(θ_1, θ_2)` a share of `c/κ(X_2)`,
    `‖X_2θ_2‖² ≥ 4d`, `‖ε_2‖` from nothing to some times that, `σ_1` in `[0, 1]`, and
    `m_1` 1 to 20 times what the theorem asks for, a whole number.
    """
    free, d = latent["scalars"], len(latent["source"])
    size = 2 * jnp.sqrt(d) * (1 + jax.nn.softplus(free[2]))
    level = 0.5 * jnp.exp(free[3]) * size / jnp.sqrt(2 * d)
    design = Design(
        **pair_fields(latent),
        noise_source=jax.nn.sigmoid(free[4]),
        noise_target=level * latent["noise_target"],
        unseen=level * jnp.sqrt(d) * jnp.abs(free[5]),
    )
    sine = jax.nn.sigmoid(free[1]) * design.c / design.condition_target
    turned = design.turned(other_side(latent), jnp.sqrt(1 - sine**2), sine, size)
    return turned.asked(jnp.exp(MORE_ROWS * jax.nn.sigmoid(free[6])))


def whole(number: Float[Array, ""]) -> Float[Array, ""]:
    """The next whole number, with the derivative of the number itself."""
    return number + jax.lax.stop_gradient(jnp.ceil(number) - number)
