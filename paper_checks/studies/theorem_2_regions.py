"""Where sharing helps a target, and where Theorem 2 and a sharper bound know it."""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, Key, PRNGKeyArray

from paper_checks.claims.theorem_2.pair import Design, whole
from paper_checks.studies.theorem_2_positions import Quantities, random
from simulations.engine.in_memory import Progress, map_chunks, repeat_keys
from simulations.experiments.experiment import Experiment, setting
from theory.linear import two_task_optimum
from theory.linear.gain_certificate import gain_certificate

# Repeats of one chunk.
CHUNK = 8
SAID = {
    "helps": "sharing brings the target's parameter nearer",
    "sharper": "the sharper bound certifies it",
    "theorem_2": "Theorem 2 certifies it",
    "asked": "the hypotheses of Theorem 2 are met",
    "concluded": "Theorem 2's conclusion holds, with c = κ(X_2) sin(θ_1, θ_2)",
    "helps_prediction": "sharing lowers the target's prediction error",
    "sharper_prediction": "the sharper bound certifies it",
}


@dataclass(frozen=True, kw_only=True)
class Theorem2Regions(Experiment):
    """Axes of the map: the angle between the tasks, and the source's rows.

    A repeat has one position of the tasks and one set of normals for the whole map; it
    uses the key `fold_in(key(seed), repeat)`.

    Args:
        dimension: `d`.
        condition_target: `κ(X_2)`. The theorem's right side is never below
            `‖ε_2‖/‖X_2θ_2‖`, so it takes a target that is ill-conditioned, and has
            few rows, for it to certify anything.
        condition_source: `κ(Σ_1)`.
        noise: `σ_1/‖Σ_1^½θ_1‖`.
        noise_target: `‖ε_2‖/‖X_2θ_2‖`, with `m_2 = d` rows.
        angles: Number of `sin(θ_1, θ_2)`, log-spaced on `angle_range`.
        angle_range: Their ends.
        sizes: Number of `m_1/d`, log-spaced on `size_range`.
        size_range: Their ends.
        repeats: Independent draws.
    """

    QUICK: ClassVar = {"angles": 14, "sizes": 16, "repeats": 16}
    COORDINATES: ClassVar = {
        "sine": ("sine", "sin(θ_1, θ_2)", "1"),
        "ratio": ("ratio", "rows of the source a dimension, m_1/d", "1"),
    }
    COLUMNS: ClassVar = {
        name: ("sine ratio", f"share of draws on which {said}", "1")
        for name, said in SAID.items()
    }

    dimension: int = setting(10, "[2, inf)")
    condition_target: float = setting(10.0, "[1, inf)")
    condition_source: float = setting(1.0, "[1, inf)")
    noise: float = setting(1.0, "[0, inf)")
    noise_target: float = setting(0.7, "[0, inf)")
    angles: int = setting(28, "[2, inf)")
    angle_range: tuple[float, float] = setting((1e-3, 1.0), "(0, 1]", ends=True)
    sizes: int = setting(31, "[2, inf)")
    size_range: tuple[float, float] = setting((1.5, 1e10), "(1, 1e12]", ends=True)
    repeats: int = setting(40, "[1, inf)")

    def run(self, progress: Progress | None = None) -> xr.Dataset:
        """Measure, over angle and rows, the share of draws that is in each region.

        Theorem 2 holds for every `c` of at least `κ(X_2) sin(θ_1, θ_2)` whose `m_1`
        there is; its bound is best at the least of them,
        `c = max(κ sin, (κ²κ⁴‖y_2‖²/m_1)^¼)`, with the constant 1 in `m_1`.

        Source: W-T2 (Theorem 2) and W-T2s (`theory.linear.gain_certificate`).
        """
        sines = np.geomspace(*self.angle_range, self.angles)
        ratios = np.geomspace(*self.size_range, self.sizes)
        grid = np.reshape(np.meshgrid(sines, ratios, indexing="ij"), (2, -1))
        fixed = replace(self, repeats=1, seed=0)
        found = map_chunks(
            lambda keys: _chunk(fixed, jnp.asarray(grid), keys),
            repeat_keys(self.seed, self.repeats),
            CHUNK,
            progress,
        )
        shape = (self.repeats, len(sines), len(ratios))
        shares = {
            name: np.reshape(values, shape).mean(axis=0)
            for name, values in found._asdict().items()
        }
        return self.dataset({**shares, "sine": sines, "ratio": ratios})


class Regions(NamedTuple):
    """What is so of one draw, or the share of draws of which it is so.

    In the norm of the parameters, which is Theorem 2's, and in that of the target's
    predictions on its own rows.
    """

    helps: Bool[Array, "*n"]
    sharper: Bool[Array, "*n"]
    theorem_2: Bool[Array, "*n"]
    asked: Bool[Array, "*n"]  # the hypotheses of Theorem 2
    concluded: Bool[Array, "*n"]  # its conclusion, at the least c
    helps_prediction: Bool[Array, "*n"]
    sharper_prediction: Bool[Array, "*n"]


@partial(jax.jit, static_argnums=0)
def _chunk(
    spec: Theorem2Regions, grid: Float[Array, "2 n"], keys: Key[Array, " k"]
) -> Regions:
    over = jax.vmap(partial(_one, spec), (None, 0, 0))
    return jax.lax.map(lambda key: over(key, *grid), keys)


def _one(
    spec: Theorem2Regions,
    key: PRNGKeyArray,
    sine: Float[Array, ""],
    ratio: Float[Array, ""],
) -> Regions:
    place_key, draw_key = jax.random.split(key)
    of = Quantities(
        sine,
        *map(jnp.asarray, (spec.condition_target, spec.condition_source)),
        *map(jnp.asarray, (spec.noise, spec.noise_target)),
    )
    design = random(spec.dimension, of, place_key)
    return regions(design.but(samples=whole(ratio * spec.dimension)), draw_key)


def regions(design: Design, key: PRNGKeyArray) -> Regions:
    """In which regions one draw of the source is; `design.c` is the least `c`."""
    tasks = design.draw(key)
    found = two_task_optimum(tasks, jnp.ones(2), full_rank=True).parameters[1]
    apart, error = found - design.parameter[1], design.error(found)
    known = gain_certificate(tasks.gram, design.parameter, design.errors(tasks))
    # `enough` is in proportion to c⁻⁴.
    least = design.c * (design.enough / design.samples) ** 0.25
    best = design.but(c=jnp.maximum(design.c, least))
    asked = best.c < 1 / 3
    return Regions(
        helps=error < design.alone,
        sharper=known.parameter_certified,
        theorem_2=asked & (best.right_side < design.alone),
        asked=asked,
        concluded=(design.c < 1 / 3) & (error <= design.right_side),
        helps_prediction=jnp.sqrt(apart @ tasks.gram[1] @ apart) < known.alone,
        sharper_prediction=known.certified,
    )
