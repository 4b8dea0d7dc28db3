"""Where sharing pays in the limit: maps over shift, spectrum and source size."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from simulations import store
from simulations.engine.in_memory import Progress
from theory.risk import crossings, phase_transition, pooled_risk

KINDS = ("equal covariances", "own covariance")


@dataclass(frozen=True, kw_only=True)
class RiskMap:
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

    dimension: int = 100
    samples_target: int = 150
    noise_variance: float = 1.0
    samples_source: tuple[float, float] = (1.0, 1e5)
    shift_variances: tuple[float, float] = (0.3, 4.0)
    conditions: tuple[float, float] = (1.0, 1e6)
    shift_variance: float = 1.3
    condition: float = 100.0
    weak: float = 0.5
    side: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        least = {"dimension": 2, "side": 2, "samples_target": self.dimension + 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(
                    f"{name} must be at least {value}, got {getattr(self, name)}"
                )
        for name in ("samples_source", "shift_variances", "conditions"):
            ends = getattr(self, name)
            if len(ends) != 2 or not 0 < ends[0] < ends[1] < float("inf"):
                raise ValueError(
                    f"{name} must be two numbers, 0 < least < largest, got {ends}"
                )
        for name in ("noise_variance", "shift_variance", "condition"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(
                    f"{name} must be finite and above 0, got {getattr(self, name)}"
                )
        if not 0 < self.weak < 1:
            raise ValueError(f"weak must be in (0, 1), got {self.weak}")

    @classmethod
    def quick(cls) -> "RiskMap":
        """Seconds on two cores; the maps are as fine."""
        return cls(dimension=20, samples_target=30)


def run(spec: RiskMap, progress: Progress | None = None) -> xr.Dataset:
    """Evaluate limiting gains and every crossing along each row of the maps.

    Nothing is drawn here: `risk_curves` has drawn tasks beside the same limits.

    Source: mathematics.md §3; derived here.
    """
    axes = {
        "shift_variance": np.geomspace(*spec.shift_variances, spec.side),
        "condition": np.geomspace(*spec.conditions, spec.side),
    }
    sizes = jnp.asarray(np.geomspace(*spec.samples_source, spec.side))
    shifts, conditions = (jnp.asarray(axis) for axis in axes.values())
    fixed = jnp.asarray([spec.samples_target, spec.noise_variance], float)
    flat = jnp.ones(spec.dimension)
    maps = []
    for spectrum in (flat, _spectrum(spec, spec.condition)):
        maps.append(_over_shifts(sizes, shifts, spectrum, fixed))
        if progress is not None:
            progress(len(maps), 3)
    spectra = jnp.stack([_spectrum(spec, float(c)) for c in conditions])
    last = _over_spectra(sizes, jnp.asarray(spec.shift_variance), spectra, fixed)
    if progress is not None:
        progress(3, 3)
    return _dataset(spec, axes, np.asarray(sizes), [*maps, last])


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


def _dataset(
    spec: RiskMap,
    axes: dict[str, np.ndarray],
    sizes: np.ndarray,
    maps: list[tuple[Array, Array]],
) -> xr.Dataset:
    gains, found = zip(*maps, strict=True)
    most = max(1, *(int(np.max(np.sum(~np.isnan(f), axis=1))) for f in found))
    over_shift = ("covariances", "shift_variance")
    gain, where = (
        "relative gain, (alone − shared)/(alone + shared)",
        "source size where the gain changes sign",
    )
    borders = phase_transition(spec.samples_target, spec.dimension, spec.noise_variance)
    variables: dict[str, store.Entry] = {
        "gain_shift": ((*over_shift, "size"), np.stack(gains[:2]), gain, "1"),
        "crossing_shift": (
            (*over_shift, "crossing"),
            np.stack([np.asarray(f)[:, :most] for f in found[:2]]),
            *(where, "samples"),
        ),
        "gain_condition": (("condition", "size"), np.asarray(gains[2]), gain, "1"),
        "crossing_condition": (
            ("condition", "crossing"),
            np.asarray(found[2])[:, :most],
            *(where, "samples"),
        ),
        "border": (
            "phase",
            [
                float(border)
                for border in (
                    borders.always_pays,
                    borders.pays_at_first,
                    borders.ever_pays,
                )
            ],
            "shift variance between phases of equal covariances",
            "labels' units squared",
        ),
    }
    coordinates: dict[str, store.Entry] = {
        "size": ("size", sizes, "source samples n₁", "samples"),
        "covariances": ("covariances", list(KINDS), "of source and target", "1"),
        "shift_variance": (
            "shift_variance",
            axes["shift_variance"],
            *("shift variance μ²", "labels' units squared"),
        ),
        "condition": (
            "condition",
            axes["condition"],
            *("ratio of the source's eigenvalues", "1"),
        ),
        "phase": (
            "phase",
            ["always pays", "pays at first", "ever pays"],
            *("up to this shift, sharing", "1"),
        ),
    }
    return store.dataset(spec, variables, coordinates)
