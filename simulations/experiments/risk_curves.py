"""Risk on a target against the size of a source: drawn tasks beside the limits."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key

from simulations import store
from simulations.draws.pooled_draws import METHODS, SharedPair, shared_errors
from simulations.engine.in_memory import Progress, in_memory
from simulations.engine.study import Study, study_of_repeats
from theory.risk import (
    best_head_ratio,
    best_penalty,
    crossings,
    pooled_risk,
    soft_sharing_limit,
)

KINDS = ("model shift", "covariate shift", "both shifts")
# Draws that are held at once.
CHUNK = 100


@dataclass(frozen=True, kw_only=True)
class RiskCurves:
    """Axes of the study.

    `b_i = b_0 + N(0, (μ²/p) I)`, `b_0 ~ N(0, (κ²/p) I)`, Gaussian rows and noise. The
    target has covariance `I`, the source either `I` (model shift) or eigenvalues from
    `1/√condition` to `√condition` in equal ratios. Under covariate shift `μ² = 0`.

    Args:
        dimension: `p`.
        samples_target: `n_2`, above `p + 3` for the errors of draws to have a variance.
        noise: Standard deviation `σ` of the labels' noise.
        shift_variance: `μ²`.
        common_variance: `κ²`.
        condition: Of the source's covariance where there is covariate shift.
        samples_source: Sizes `n_1` at which tasks are drawn.
        points: Sizes at which the limits are evaluated.
        repeats: Independent draws, the same for all sizes and kinds.
        seed: Repeat `i` uses the key `fold_in(key(seed), i)`.
    """

    dimension: int = 100
    samples_target: int = 200
    noise: float = 1.0
    shift_variance: float = 0.7
    common_variance: float = 1.0
    condition: float = 100.0
    samples_source: tuple[int, ...] = (10, 30, 100, 200, 500, 1500, 5000, 20_000)
    points: int = 100
    repeats: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        least = {"dimension": 1, "points": 2, "repeats": 2}
        least |= {"samples_target": self.dimension + 4}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(
                    f"{name} must be at least {value}, got {getattr(self, name)}"
                )
        if not self.samples_source or min(self.samples_source) < 1:
            raise ValueError(
                f"samples_source must be at least 1, got {self.samples_source}"
            )
        least = {"shift_variance": 0, "common_variance": 0, "condition": 1}
        for name, value in least.items():
            if not value <= getattr(self, name) < float("inf"):
                raise ValueError(
                    f"{name} must be finite and at least {value}, got "
                    f"{getattr(self, name)}"
                )
        if not 0 < self.noise < float("inf"):
            raise ValueError(f"noise must be finite and above 0, got {self.noise}")

    def study(self) -> Study:
        """For the engine: a cell is a repeat of all kinds; not compiled as one."""
        return study_of_repeats(self, _drawn, _Result, _dataset, batch=CHUNK)

    @classmethod
    def quick(cls) -> "RiskCurves":
        """Seconds on two cores."""
        return cls(
            dimension=40,
            samples_target=80,
            samples_source=(4, 12, 40, 80, 200, 600, 2000),
            points=40,
            repeats=100,
        )


class _Result(NamedTuple):
    alone: Float[np.ndarray, "n shift"]
    risk: Float[np.ndarray, "n shift m method"]


def run(spec: RiskCurves, progress: Progress | None = None) -> xr.Dataset:
    """Draw tasks and measure `‖b̂ − b_2‖²` of every method; put the limits beside it.

    The methods are pooling, `b̂ = (w²S_1 + S_2)⁻¹(w g_1 + g_2)` and soft sharing. Ratio
    and penalty are those that theory calls the best; what they cost is measured.

    Source: mathematics.md §3; derived here.
    """
    return in_memory(spec.study(), progress)


def source_spectrum(kind: str, dimension: int, condition: float) -> np.ndarray:
    """Eigenvalues of the source's covariance, of geometric mean 1."""
    if kind == "model shift":
        return np.ones(dimension)
    return np.geomspace(condition**-0.5, condition**0.5, dimension)


def _shift(spec: RiskCurves, kind: str) -> float:
    return 0.0 if kind == "covariate shift" else spec.shift_variance


def _pairs(spec: RiskCurves, kind: str) -> list[SharedPair]:
    """Of every size, with the ratio and the penalty that are best in the limit."""
    shift, p = _shift(spec, kind), spec.dimension
    sizes = np.asarray(spec.samples_source, float)
    found = []
    for size, ratio in zip(sizes, _limits(spec, kind, sizes)[1], strict=True):
        values = {
            "spectrum": source_spectrum(kind, p, spec.condition),
            "shift": shift,
            "common": spec.common_variance,
            "noise": spec.noise,
            "n_1": size,
            "n_2": spec.samples_target,
            "ratio": ratio,
            "penalty": best_penalty(p, spec.noise**2, shift),
        }
        pair = {name: jnp.asarray(value, float) for name, value in values.items()}
        found.append(SharedPair(**pair))
    return found


def _limits(
    spec: RiskCurves, kind: str, sizes: Float[np.ndarray, " n"]
) -> tuple[np.ndarray, np.ndarray]:
    """Limiting risks, a row for each of `METHODS`, and the best ratios."""
    shared = (spec.samples_target, spec.noise, spec.common_variance)
    risks, ratios = _all_limits(
        jnp.asarray(sizes),
        jnp.asarray(source_spectrum(kind, spec.dimension, spec.condition)),
        jnp.asarray(_shift(spec, kind)),
        *(jnp.asarray(value, float) for value in shared),
    )
    return np.asarray(risks), np.asarray(ratios)


@jax.jit
def _all_limits(
    sizes: Array, spectrum: Array, shift: Array, n_2: Array, noise: Array, common: Array
) -> tuple[Array, Array]:
    p, square = float(len(spectrum)), noise**2
    hard = pooled_risk(sizes, n_2, p, square, shift, source_spectrum=spectrum).total

    def heads(n: Array) -> tuple[Array, Array]:
        best = best_head_ratio(
            n, n_2, p, square, shift, common, source_spectrum=spectrum
        )
        return best.risk.total, best.ratio

    def soft(n: Array) -> Array:
        return soft_sharing_limit(
            *(n, n_2, p, square, shift, best_penalty(p, square, shift)),
            source_spectrum=spectrum,
        ).total

    best, ratio = jax.lax.map(heads, sizes)
    return jnp.stack([hard, best, jax.vmap(soft)(sizes)]), ratio


def _drawn(spec: RiskCurves, keys: Key[Array, " n"]) -> _Result:
    # Programs one after the other: see `map_chunks` on deadlocks.
    errors = [
        [np.asarray(shared_errors(keys, pair)) for pair in _pairs(spec, kind)]
        for kind in KINDS
    ]
    # Repeat, shift, size, method.
    risks = np.moveaxis(np.asarray(errors), 2, 0)
    return _Result(risks[:, :, 0, 0], risks[..., 1:])


def _dataset(spec: RiskCurves, result: _Result) -> xr.Dataset:
    unit, p = "labels' units squared", spec.dimension
    curve = np.geomspace(
        min(spec.samples_source), max(spec.samples_source), spec.points
    )
    predicted = np.stack([_limits(spec, kind, curve)[0] for kind in KINDS])
    single = pooled_risk(0, spec.samples_target, p, spec.noise**2, 0).single_task
    found = [_crossings(spec, kind) for kind in KINDS]
    most = max(1, *map(len, found))
    padded = np.array(
        [np.pad(f, (0, most - len(f)), constant_values=np.nan) for f in found]
    )
    variables: dict[str, store.Entry] = {
        "risk": (
            ("shift", "sharing", "samples_source", "repeat"),
            np.transpose(result.risk, (1, 3, 2, 0)),
            "squared error of the parameter, drawn",
            unit,
        ),
        "risk_alone": (
            ("shift", "repeat"),
            result.alone.T,
            "squared error of the target alone, drawn",
            unit,
        ),
        "predicted": (
            ("shift", "sharing", "size"),
            predicted,
            "limit of the risk",
            unit,
        ),
        "predicted_alone": ((), np.asarray(single), "limit of the risk alone", unit),
        "crossing": (
            ("shift", "crossing"),
            padded,
            "source size where the gain of hard sharing changes sign",
            "samples",
        ),
    }
    sizes = list(spec.samples_source)
    coordinates: dict[str, store.Entry] = {
        "shift": ("shift", list(KINDS), "what differs between the tasks", "1"),
        "sharing": ("sharing", list(METHODS), "how the tasks share", "1"),
        "samples_source": ("samples_source", sizes, "source samples n₁", "samples"),
        "size": ("size", curve, "source samples n₁", "samples"),
        "repeat": ("repeat", np.arange(spec.repeats), "independent draw", "1"),
    }
    return store.dataset(spec, variables, coordinates)


def _crossings(spec: RiskCurves, kind: str) -> np.ndarray:
    spectrum = source_spectrum(kind, spec.dimension, spec.condition)
    find = partial(
        crossings, source_spectrum=spectrum, n_source_max=max(spec.samples_source)
    )
    arguments = (spec.samples_target, spec.dimension, spec.noise**2, _shift(spec, kind))
    return np.asarray(find(*arguments))
