"""Risk on a target against the size of a source: drawn tasks beside the limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key

from simulations.draws.pooled_draws import METHODS, SharedPair, shared_errors
from simulations.engine.study import Columns
from simulations.experiments.experiment import SQUARED, CellExperiment, setting
from theory.risk import (
    best_head_ratio,
    best_penalty,
    crossings,
    pooled_risk,
    soft_sharing_limit,
)

KINDS = ("model shift", "covariate shift", "both shifts")


@dataclass(frozen=True, kw_only=True)
class RiskCurves(CellExperiment):
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
    """

    BATCH = 100
    QUICK: ClassVar = {
        **{"dimension": 40, "samples_target": 80, "points": 40, "repeats": 100},
        "samples_source": (4, 12, 40, 80, 200, 600, 2000),
    }
    LABELS: ClassVar = {
        "shift": (KINDS, "what differs between the tasks"),
        "sharing": (METHODS, "how the tasks share"),
    }
    COORDINATES: ClassVar = {"size": ("size", "source samples n₁", "samples")}
    COLUMNS: ClassVar = {
        "risk": (
            "shift sharing samples_source repeat",
            *("squared error of the parameter, drawn", SQUARED),
        ),
        "risk_alone": (
            *("shift repeat", "squared error of the target alone, drawn", SQUARED),
        ),
        "predicted": ("shift sharing size", "limit of the risk", SQUARED),
        "predicted_alone": ("", "limit of the risk alone", SQUARED),
        "crossing": (
            "shift crossing",
            *("source size where the gain of hard sharing changes sign", "samples"),
        ),
    }

    dimension: int = setting(100, "[1, inf)")
    samples_target: int = setting(200, lambda spec: f"[{spec.dimension + 4}, inf)")
    noise: float = setting(1.0, "(0, inf)")
    shift_variance: float = setting(0.7, "[0, inf)")
    common_variance: float = setting(1.0, "[0, inf)")
    condition: float = setting(100.0, "[1, inf)")
    samples_source: tuple[int, ...] = setting(
        (10, 30, 100, 200, 500, 1500, 5000, 20_000),
        "[1, inf)",
        unit="samples",
        samples_source="source samples n₁",
    )
    points: int = setting(100, "[2, inf)")
    repeats: int = setting(200, "[2, inf)", repeat="independent draw")

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Draw tasks and measure `‖b̂ − b_2‖²` of every method, beside the limits.

        The methods are pooling, `b̂ = (w²S_1 + S_2)⁻¹(w g_1 + g_2)` and soft sharing.
        Ratio and penalty are those that theory calls the best; what they cost is
        measured.

        Source: docs/mathematics.md, "Risk of hard sharing"; derived there.
        """
        # Programs one after the other: see `map_chunks` on deadlocks.
        errors = [
            [np.asarray(shared_errors(keys, pair)) for pair in _pairs(self, kind)]
            for kind in KINDS
        ]
        # Repeat, shift, size, method.
        risks = np.moveaxis(np.asarray(errors), 2, 0)
        return {"alone": risks[:, :, 0, 0], "risk": risks[..., 1:]}

    def assemble(self, columns: Mapping[str, Any]) -> xr.Dataset:
        """Make the Dataset of the columns of all cells."""
        return super().assemble({**columns, "risk": columns["risk"].swapaxes(2, 3)})

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        ends, p = (min(self.samples_source), max(self.samples_source)), self.dimension
        curve = np.geomspace(*ends, self.points)
        crossing = [_crossings(self, kind) for kind in KINDS]
        most = max(1, *map(len, crossing))
        single = pooled_risk(0, self.samples_target, p, self.noise**2, 0).single_task
        return {
            "risk_alone": found["alone"].T,
            "predicted": [_limits(self, kind, curve)[0] for kind in KINDS],
            "predicted_alone": single,
            "crossing": [
                np.pad(f, (0, most - len(f)), constant_values=np.nan) for f in crossing
            ],
            "size": curve,
        }


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


def _crossings(spec: RiskCurves, kind: str) -> np.ndarray:
    spectrum = source_spectrum(kind, spec.dimension, spec.condition)
    found = crossings(
        *(spec.samples_target, spec.dimension, spec.noise**2, _shift(spec, kind)),
        source_spectrum=spectrum,
        n_source_max=max(spec.samples_source),
    )
    return np.asarray(found)
