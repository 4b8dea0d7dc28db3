"""Two ReLU tasks as Theorem 2 has them: a Gaussian source, and a target of rows."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from paper_checks.claims.theorem_2.pair import (
    MORE_ROWS,
    SMALLEST_C,
    SOURCE_CONDITION,
    TARGET_CONDITION,
    asked_for,
    condition,
    sine_between,
    singular_values,
    whole,
)
from paper_checks.claims.theorem_2.relu_fit import (
    Fit,
    Target,
    draw_source,
    fit,
    no_source,
)

# Rows of the target, per input.
ROWS = 4
# `c` where a hypothesis is dropped that a small right side shows best.
SHARP = 0.03


class ReluDesign(NamedTuple):
    """All that is held fixed, and the law of the source's rows.

    `y_i = ReLU(X_iθ_i) + ε_i`; a positive amplitude is part of `θ_i`, a negative one
    turns the sign of a head and nothing else. Rows of `X_1` are `N(0, S_1S_1ᵀ)`,
    `S_1 = Q diag(s_1)`; the rows of the target are given.

    Units: `‖Σ_1^½θ_1‖ = 1` in what `build` makes.
    """

    parameter: Float[Array, "2 d"]
    rotation: Float[Array, "d d"]
    source: Float[Array, " d"]
    rows: Float[Array, "m d"]  # X_2
    singular: Float[Array, " d"]  # its singular values
    noise_source: Float[Array, ""]
    noise_target: Float[Array, " m"]  # ε_2
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
        """`κ(X_2)`, of all its rows."""
        return condition(self.singular)

    @property
    def cosine(self) -> Float[Array, ""]:
        """`cos(θ_1, θ_2)`."""
        u, v = self.parameter
        return u @ v / jnp.linalg.norm(u) / jnp.linalg.norm(v)

    @property
    def sine(self) -> Float[Array, ""]:
        """`sin(θ_1, θ_2)`, exact also where it is small."""
        return sine_between(self.parameter)

    @property
    def clean(self) -> Float[Array, " m"]:
        """`ReLU(X_2θ_2)`."""
        return jax.nn.relu(self.rows @ self.parameter[1])

    @property
    def signal(self) -> Float[Array, ""]:
        """`‖ReLU(X_2θ_2)‖`."""
        return jnp.linalg.norm(self.clean)

    @property
    def seen(self) -> Float[Array, ""]:
        """Share of `‖X_2θ_2‖` that the unit lets through; 0.7 for symmetric rows."""
        return self.signal / jnp.linalg.norm(self.rows @ self.parameter[1])

    @property
    def energy(self) -> Float[Array, ""]:
        """`‖y_2‖²`."""
        return jnp.sum((self.clean + self.noise_target) ** 2)

    @property
    def strength(self) -> Float[Array, ""]:
        """`‖Σ_1^½θ_1‖`."""
        return jnp.linalg.norm(self.parameter[0] @ self.root)

    @property
    def enough(self) -> Float[Array, ""]:
        """`κ²(Σ_1) κ⁴(X_2) ‖y_2‖²/c⁴`: the linear theorem's, with the constant 1."""
        return asked_for(
            self.condition_source, self.condition_target, self.energy, self.c
        )

    @property
    def right_side(self) -> Float[Array, ""]:
        """`6c + ‖ε_2‖/‖ReLU(X_2θ_2)‖/(1 − 3c)`: the linear constants."""
        ratio = jnp.linalg.norm(self.noise_target) / self.signal
        return 6 * self.c + ratio / (1 - 3 * self.c)

    @property
    def target(self) -> Target:
        """Its rows and labels."""
        return Target(self.rows, self.clean + self.noise_target)

    def together(self, key: PRNGKeyArray) -> Fit:
        """One unit for both tasks, for one draw of the source."""
        source = draw_source(
            key, self.root, self.parameter[0], self.noise_source, self.samples
        )
        return fit(source, self.target, self.parameter)

    def alone(self) -> Fit:
        """A unit for the target: the better end of two starts.

        They are the teacher, and the direction of linear least squares.
        """
        x, y = self.target
        linear = jnp.linalg.solve(x.T @ x, x.T @ y)
        starts = jnp.stack([self.parameter[1], linear])
        return fit(no_source(len(linear)), self.target, starts)

    def error(self, found: Fit) -> Float[Array, ""]:
        """`‖B*A_2* − θ_2‖/‖θ_2‖`; a negative head counts with its sign."""
        theta = self.parameter[1]
        apart = found.heads[1] * found.shared - theta
        return jnp.linalg.norm(apart) / jnp.linalg.norm(theta)


def latent_shapes(dimension: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the numbers behind a design."""
    return {
        "parameter": (2, dimension),
        "rotation": (dimension, dimension),
        "source": (dimension,),
        "target": (dimension,),
        "rows": (ROWS * dimension, dimension),
        "noise_target": (ROWS * dimension,),
        "scalars": (6,),
    }


def build(latent: Mapping[str, Array], dropped: Int[Array, ""]) -> ReluDesign:
    """A design that meets all hypotheses, or all but the one at this place.

    `c` is log-uniform-like on `[0.05, 1/3]`, `sin(θ_1, θ_2)` a share of `c/κ(X_2)`,
    `‖X_2θ_2‖² ≥ 8d`, `‖ε_2‖` from nothing to some times the signal, `σ_1` in
    `[0, 1]`, and `m_1` 1 to 20 times what is asked for.
    """
    design = _design(latent)
    sharp = _sharp(design, latent)
    designs = [
        _asked(sharp._replace(parameter=sharp.parameter * jnp.array([[1.0], [-1.0]]))),
        _asked(_turned(sharp, latent, jnp.asarray(0.9))),
        design._replace(c=design.c + 1 / 3),
        _few_rows(sharp, latent),
        _loud(sharp),
        _weak(sharp),
        _asked(_unseen(sharp, latent)),
        design,  # the last: NONE
    ]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves)[dropped], *designs)


def _design(latent: Mapping[str, Array]) -> ReluDesign:
    free = latent["scalars"]
    d = latent["source"].shape[0]
    c = SMALLEST_C * (1 / 3 / SMALLEST_C) ** jax.nn.sigmoid(free[0])
    source = singular_values(latent["source"], np.sqrt(SOURCE_CONDITION))
    singular = singular_values(latent["target"], TARGET_CONDITION)
    rotation = jnp.linalg.qr(latent["rotation"] + 3 * jnp.eye(d))[0]
    left = jnp.linalg.qr(latent["rows"] + jnp.eye(ROWS * d, d))[0]
    first = latent["parameter"][0] + 1e-3 * jnp.eye(d)[0]
    first = first / jnp.linalg.norm((first @ rotation) * source)
    design = ReluDesign(
        parameter=jnp.stack([first, first]),
        rotation=rotation,
        source=source,
        rows=left * singular,
        singular=singular,
        noise_source=jax.nn.sigmoid(free[3]),
        noise_target=0.5 * jnp.exp(free[2]) * latent["noise_target"],
        samples=jnp.asarray(1.0),
        c=c,
    )
    share = jax.nn.sigmoid(free[1])
    design = _turned(design, latent, share * c / design.condition_target)
    more = jnp.exp(MORE_ROWS * jax.nn.sigmoid(free[5]))
    return design._replace(samples=whole(more * design.enough))


def _turned(
    design: ReluDesign, latent: Mapping[str, Array], sine: Float[Array, ""]
) -> ReluDesign:
    """`θ_2` at this angle to `θ_1`, with labels that are strong enough."""
    first = design.parameter[0] / jnp.linalg.norm(design.parameter[0])
    other = latent["parameter"][1] + 1e-3 * jnp.eye(2, len(first))[1]
    across = other - (other @ first) * first
    second = jnp.sqrt(1 - sine**2) * first
    second = second + sine * across / jnp.linalg.norm(across)
    size = jnp.sqrt(8.0 * len(first)) * (1 + jax.nn.softplus(latent["scalars"][4]))
    second = second * size / jnp.linalg.norm(design.rows @ second)
    return design._replace(parameter=jnp.stack([design.parameter[0], second]))


def _asked(design: ReluDesign) -> ReluDesign:
    return design._replace(samples=whole(design.enough))


def _sharp(design: ReluDesign, latent: Mapping[str, Array]) -> ReluDesign:
    """The same with a small `c` and little noise, so that the right side is small."""
    c = jnp.asarray(SHARP)
    quiet = design._replace(c=c, noise_target=0.01 * latent["noise_target"])
    return _asked(_turned(quiet, latent, 0.5 * c / design.condition_target))


def _few_rows(design: ReluDesign, latent: Mapping[str, Array]) -> ReluDesign:
    """Three rows of the source, and a target with much noise in a weak direction."""
    weak = design.singular == jnp.min(design.singular)
    singular = jnp.where(weak, 0.02 * design.singular, design.singular)
    rows = design.rows / design.singular * singular
    # κ(X_2) is up to 150 now, and κ(X_2) sin(θ_1, θ_2) stays a share of c.
    thin = design._replace(rows=rows, singular=singular)
    thin = _turned(thin, latent, 0.5 * thin.c / thin.condition_target)
    return thin._replace(
        noise_target=30 * design.noise_target, samples=jnp.asarray(3.0)
    )


def _loud(design: ReluDesign) -> ReluDesign:
    """Source noise of `√m_1` times the signal, with 1,000 times the rows."""
    samples = whole(1e3 * design.samples)
    return design._replace(samples=samples, noise_source=3 * jnp.sqrt(samples))


def _weak(design: ReluDesign) -> ReluDesign:
    """Target labels so small that two or three rows of the source are asked for."""
    factor = 1 / jnp.sqrt(design.enough)
    scale = jnp.stack([1.0, factor])[:, None]
    weak = design._replace(
        parameter=design.parameter * scale,
        noise_target=design.noise_target * factor,
        noise_source=design.strength,
    )
    return weak._replace(samples=whole(2 * weak.enough))


def _unseen(design: ReluDesign, latent: Mapping[str, Array]) -> ReluDesign:
    """Rows turned to the side where the unit is off, but for the faintest of them."""
    level = design.rows @ design.parameter[1]
    faint = jnp.abs(level) == jnp.min(jnp.abs(level))
    sign = jnp.where(faint == (level > 0), 1.0, -1.0)
    turned = design._replace(
        rows=design.rows * sign[:, None],
        noise_target=1e-2 * latent["noise_target"],
    )
    # Labels stay strong: the little that is seen is as much as all was.
    factor = jnp.sqrt(8.0 * len(design.source)) / turned.signal
    scale = jnp.stack([jnp.ones_like(factor), factor])[:, None]
    return turned._replace(parameter=turned.parameter * scale)
