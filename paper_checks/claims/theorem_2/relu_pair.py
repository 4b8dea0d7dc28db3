"""Two ReLU tasks as Theorem 2 has them: a Gaussian source, and a target of rows."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from paper_checks.claims.theorem_2 import pair
from paper_checks.studies.relu_unit import (
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


class ReluDesign(pair.Pair):
    """Labels are `y_i = ReLU(X_iθ_i) + ε_i`; the rows of the target are given.

    A positive amplitude is part of `θ_i`; a negative one turns the sign of a head and
    nothing else.
    """

    rows: Float[Array, "m d"]  # X_2

    def image(self, vector: Float[Array, " d"]) -> Float[Array, " m"]:
        """`X_2v`."""
        return self.rows @ vector

    @property
    def clean(self) -> Float[Array, " m"]:
        """`ReLU(X_2θ_2)`."""
        return jax.nn.relu(super().clean)

    @property
    def seen(self) -> Float[Array, ""]:
        """Share of `‖X_2θ_2‖` that the unit lets through; 0.7 for symmetric rows."""
        return self.signal / jnp.linalg.norm(super().clean)

    @property
    def target(self) -> Target:
        """Its rows and labels."""
        return Target(self.rows, self.clean + self.noise_target)

    def joint_error(self, key: PRNGKeyArray) -> Float[Array, ""]:
        """`‖B*A_2* − θ_2‖/‖θ_2‖` of one unit for both tasks on a draw."""
        source = draw_source(
            key, self.root, self.parameter[0], self.noise_source, self.samples
        )
        return self._error(fit(source, self.target, self.parameter))

    def alone(self) -> Float[Array, ""]:
        """The same of a unit for the target alone: the better end of two starts.

        They are the teacher, and the direction of linear least squares.
        """
        x, y = self.target
        linear = jnp.linalg.solve(x.T @ x, x.T @ y)
        starts = jnp.stack([self.parameter[1], linear])
        return self._error(fit(no_source(len(linear)), self.target, starts))

    def _error(self, found: Fit) -> Float[Array, ""]:
        # A negative head counts with its sign.
        return self.error(found.heads[1] * found.shared)


def latent_shapes(d: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the numbers behind a design."""
    m = ROWS * d
    return pair.latent_shapes(d, rows=(m, d), noise_target=(m,), scalars=(6,))


def build(latent: Mapping[str, Array]) -> ReluDesign:
    """A design that meets all hypotheses.

    `c` is log-uniform-like on `[0.05, 1/3]`, `sin(θ_1, θ_2)` a share of `c/κ(X_2)`,
    `‖X_2θ_2‖² ≥ 8d`, `‖ε_2‖` from nothing to some times the signal, `σ_1` in
    `[0, 1]`, and `m_1` 1 to 20 times what is asked for.
    """
    free, d = latent["scalars"], len(latent["source"])
    fields = pair.pair_fields(latent)
    left = jnp.linalg.qr(latent["rows"] + jnp.eye(ROWS * d, d))[0]
    design = ReluDesign(
        **fields,
        rows=left * fields["singular"],
        noise_source=jax.nn.sigmoid(free[3]),
        noise_target=0.5 * jnp.exp(free[2]) * latent["noise_target"],
    )
    share = jax.nn.sigmoid(free[1])
    turned = at_angle(design, latent, share * design.c / design.condition_target)
    return turned.asked(jnp.exp(pair.MORE_ROWS * jax.nn.sigmoid(free[5])))


def at_angle(
    design: ReluDesign, latent: Mapping[str, Array], sine: Array | float
) -> ReluDesign:
    """`θ_2` at this angle to `θ_1`, with labels that are strong enough."""
    d = len(design.source)
    size = jnp.sqrt(8.0 * d) * (1 + jax.nn.softplus(latent["scalars"][4]))
    cosine = jnp.sqrt(1 - jnp.asarray(sine) ** 2)
    return design.turned(pair.other_side(latent), cosine, jnp.asarray(sine), size)


def sharp(design: ReluDesign, latent: Mapping[str, Array]) -> ReluDesign:
    """The same with a small `c` and little noise, so that the right side is small."""
    noise = 0.01 * latent["noise_target"]
    quiet = design.but(c=jnp.asarray(SHARP), noise_target=noise)
    return at_angle(quiet, latent, 0.5 * SHARP / design.condition_target).asked()


def opposite(design: ReluDesign, latent: Mapping[str, Array]) -> ReluDesign:
    """`θ_2` on the other side of `θ_1`."""
    turned = sharp(design, latent)
    signs = jnp.array([[1.0], [-1.0]])
    return turned.but(parameter=turned.parameter * signs).asked()


def few_rows(design: ReluDesign, latent: Mapping[str, Array]) -> ReluDesign:
    """Three rows of the source, and a target with much noise in a weak direction."""
    design = sharp(design, latent)
    weak = design.singular == jnp.min(design.singular)
    singular = jnp.where(weak, 0.02 * design.singular, design.singular)
    rows = design.rows / design.singular * singular
    # κ(X_2) is up to 150 now, and κ(X_2) sin(θ_1, θ_2) stays a share of c.
    thin = design.but(rows=rows, singular=singular)
    thin = at_angle(thin, latent, 0.5 * thin.c / thin.condition_target)
    noise = 30 * design.noise_target
    return thin.but(noise_target=noise, samples=jnp.asarray(3.0))


def unseen(design: ReluDesign, latent: Mapping[str, Array]) -> ReluDesign:
    """Rows turned to the side where the unit is off, but for the faintest of them."""
    design = sharp(design, latent)
    level = design.rows @ design.parameter[1]
    faint = jnp.abs(level) == jnp.min(jnp.abs(level))
    sign = jnp.where(faint == (level > 0), 1.0, -1.0)
    noise = 1e-2 * latent["noise_target"]
    turned = design.but(rows=design.rows * sign[:, None], noise_target=noise)
    # Labels stay strong: the little that is seen is as much as all was.
    factor = jnp.sqrt(8.0 * len(design.source)) / turned.signal
    scale = jnp.stack([jnp.ones_like(factor), factor])[:, None]
    return turned.but(parameter=turned.parameter * scale).asked()
