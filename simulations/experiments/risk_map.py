"""Where sharing pays in the limit: maps over shift, spectrum and source size."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from simulations.engine.in_memory import Progress
from simulations.experiments.experiment import SQUARED, Experiment, setting
from theory.risk import crossings, phase_transition, pooled_risk

KINDS = ("equal covariances", "own covariance")
GAIN = "relative gain, (alone − shared)/(alone + shared)"
CROSSING = "source size where the gain changes sign"


@dataclass(frozen=True, kw_only=True)
class RiskMap(Experiment):
    """Axes of the maps, each of `side` values in equal ratios.

    The target has covariance `I`, `b_i = b_0 + N(0, (μ²/p) I)`. A source of its own
    covariance has a share `weak` of eigenvalues `1/√condition`, the others are
    `√condition`.

    It is no study of the engine: three maps along unlike axes are no grid of cells, and
    `side` moves every value on them, so that no cell could be kept.

    Args:
        dimension: `p`.
        samples_target: `n_2 > p`.
        noise_variance: `σ²`.
        samples_source: Least and largest `n_1`.
        shift_variances: Least and largest `μ²`.
        conditions: Least and largest ratio of the source's eigenvalues.
        shift_variance: `μ²` of the map over conditions.
        condition: Of the map over shifts.
        weak: Share of the source's eigenvalues that are small, in (0, 1).
        side: Points along each axis.
        seed: Unused: nothing is drawn. Every study has one.
    """

    QUICK: ClassVar = {"dimension": 20, "samples_target": 30}
    LABELS: ClassVar = {
        "covariances": (KINDS, "of source and target"),
        "phase": (
            *(("always pays", "pays at first", "ever pays"),),
            "up to this shift, sharing",
        ),
    }
    COORDINATES: ClassVar = {
        "size": ("size", "source samples n₁", "samples"),
        "shift_variance": ("shift_variance", "shift variance μ²", SQUARED),
        "condition": ("condition", "ratio of the source's eigenvalues", "1"),
    }
    COLUMNS: ClassVar = {
        "gain_shift": ("covariances shift_variance size", GAIN, "1"),
        "crossing_shift": (
            *("covariances shift_variance crossing", CROSSING, "samples"),
        ),
        "gain_condition": ("condition size", GAIN, "1"),
        "crossing_condition": ("condition crossing", CROSSING, "samples"),
        "border": (
            *("phase", "shift variance between phases of equal covariances", SQUARED),
        ),
    }

    dimension: int = setting(100, "[2, inf)")
    samples_target: int = setting(150, lambda spec: f"[{spec.dimension + 1}, inf)")
    noise_variance: float = setting(1.0, "(0, inf)")
    samples_source: tuple[float, float] = setting((1.0, 1e5), "(0, inf)", ends=True)
    shift_variances: tuple[float, float] = setting((0.3, 4.0), "(0, inf)", ends=True)
    conditions: tuple[float, float] = setting((1.0, 1e6), "(0, inf)", ends=True)
    shift_variance: float = setting(1.3, "(0, inf)")
    condition: float = setting(100.0, "(0, inf)")
    weak: float = setting(0.5, "(0, 1)")
    side: int = setting(200, "[2, inf)")

    def run(self, progress: Progress | None = None) -> xr.Dataset:
        """Evaluate limiting gains and every crossing along each row of the maps.

        Nothing is drawn here: `risk_curves` has drawn tasks beside the same limits.

        Source: docs/mathematics.md, "Crossings"; the maps are ours.
        """
        told = progress or (lambda done, total: None)
        sizes, shifts, conditions = (
            jnp.asarray(np.geomspace(*ends, self.side))
            for ends in (self.samples_source, self.shift_variances, self.conditions)
        )
        fixed = jnp.asarray([self.samples_target, self.noise_variance], float)
        maps = []
        for spectrum in (jnp.ones(self.dimension), _spectrum(self, self.condition)):
            maps.append(_over_shifts(sizes, shifts, spectrum, fixed))
            told(len(maps), 3)
        spectra = jnp.stack([_spectrum(self, float(c)) for c in conditions])
        shift = jnp.asarray(self.shift_variance)
        maps.append(_over_spectra(sizes, shift, spectra, fixed))
        told(3, 3)
        border = phase_transition(
            self.samples_target, self.dimension, self.noise_variance
        )
        gains, found = zip(*jax.tree.map(np.asarray, maps), strict=True)
        most = max(1, *(int(np.max(np.sum(~np.isnan(f), axis=1))) for f in found))
        return self.dataset(
            {
                **{"gain_shift": gains[:2], "gain_condition": gains[2]},
                "crossing_shift": [f[:, :most] for f in found[:2]],
                "crossing_condition": found[2][:, :most],
                "border": [border.always_pays, border.pays_at_first, border.ever_pays],
                **{"size": sizes, "shift_variance": shifts, "condition": conditions},
            }
        )


def _spectrum(spec: RiskMap, condition: float) -> Float[Array, " p"]:
    weak = round(spec.weak * spec.dimension)
    return jnp.where(jnp.arange(spec.dimension) < weak, condition**-0.5, condition**0.5)


@jax.jit
def _over_shifts(
    sizes: Array, shifts: Array, spectrum: Array, fixed: Array
) -> tuple[Array, Array]:
    gain = _relative_gain(sizes, shifts[:, None], spectrum, fixed)
    found = jax.vmap(lambda shift: _crossings(sizes, shift, spectrum, fixed))(shifts)
    return gain, found


@jax.jit
def _over_spectra(
    sizes: Array, shift: Array, spectra: Array, fixed: Array
) -> tuple[Array, Array]:
    return jax.lax.map(
        lambda s: (
            _relative_gain(sizes, shift, s, fixed),
            _crossings(sizes, shift, s, fixed),
        ),
        spectra,
        batch_size=20,
    )


def _relative_gain(sizes: Array, shift: Array, spectrum: Array, fixed: Array) -> Array:
    """`(alone − pooled)/(alone + pooled)`, between −1 and 1."""
    risk = pooled_risk(
        *(sizes, fixed[0], float(len(spectrum)), fixed[1], shift),
        source_spectrum=spectrum,
    )
    return risk.gain / (risk.single_task + risk.total)


def _crossings(sizes: Array, shift: Array, spectrum: Array, fixed: Array) -> Array:
    return crossings(
        *(fixed[0], float(len(spectrum)), fixed[1], shift),
        source_spectrum=spectrum,
        n_source_max=sizes[-1],
    )
