"""Risk on a target against the size of a source: drawn tasks beside the limits."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key

from simulations import labelled
from simulations.chunks import Progress, repeat_keys
from simulations.sampling import sample_statistics
from theory.risk import (
    best_head_ratio,
    best_penalty,
    crossings,
    pooled_risk,
    soft_sharing_limit,
)

KINDS = ("model shift", "covariate shift", "both shifts")
METHODS = ("hard sharing", "heads, best ratio", "soft, best penalty")


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


class _Setting(NamedTuple):
    """What a kind of shift and a size stand for."""

    spectrum: Float[Array, " p"]
    shift: Float[Array, ""]
    n_1: Float[Array, ""]
    ratio: Float[Array, ""]
    penalty: Float[Array, ""]


def run(spec: RiskCurves, progress: Progress | None = None) -> xr.Dataset:
    """Draw tasks and measure `‖b̂ − b_2‖²` of every method; put the limits beside it.

    The methods are pooling, `b̂ = (w²S_1 + S_2)⁻¹(w g_1 + g_2)` and soft sharing. Ratio
    and penalty are those that theory calls the best; what they cost is measured.

    Source: mathematics.md §3; derived here.
    """
    keys = repeat_keys(spec.seed, spec.repeats)
    curve = np.geomspace(
        min(spec.samples_source), max(spec.samples_source), spec.points
    )
    predicted, measured, alone = [], [], []
    for done, kind in enumerate(KINDS, start=1):
        predicted.append(_limits(spec, kind, curve)[0])
        ratios = _limits(spec, kind, np.asarray(spec.samples_source, float))[1]
        errors = [
            _errors(keys, _setting(spec, kind, n, w), *_shared(spec))
            for n, w in zip(spec.samples_source, ratios, strict=True)
        ]
        measured.append(np.stack([np.asarray(one[1:]) for one in errors], axis=1))
        alone.append(np.asarray(errors[0][0]))
        if progress is not None:
            progress(done, len(KINDS))
    return _dataset(spec, curve, np.stack(predicted), np.stack(measured), alone)


def source_spectrum(kind: str, dimension: int, condition: float) -> np.ndarray:
    """Eigenvalues of the source's covariance, of geometric mean 1."""
    if kind == "model shift":
        return np.ones(dimension)
    return np.geomspace(condition**-0.5, condition**0.5, dimension)


def _shift(spec: RiskCurves, kind: str) -> float:
    return 0.0 if kind == "covariate shift" else spec.shift_variance


def _shared(spec: RiskCurves) -> tuple[Array, ...]:
    values = (spec.samples_target, spec.noise, spec.common_variance)
    return tuple(jnp.asarray(value, float) for value in values)


def _setting(spec: RiskCurves, kind: str, size: int, ratio: float) -> _Setting:
    shift, p = _shift(spec, kind), spec.dimension
    spectrum = source_spectrum(kind, p, spec.condition)
    penalty = best_penalty(p, spec.noise**2, shift)
    values = (spectrum, shift, size, ratio, penalty)
    return _Setting(*(jnp.asarray(value, float) for value in values))


def _limits(
    spec: RiskCurves, kind: str, sizes: Float[np.ndarray, " n"]
) -> tuple[np.ndarray, np.ndarray]:
    """Limiting risks, a row for each of `METHODS`, and the best ratios."""
    risks, ratios = _all_limits(
        jnp.asarray(sizes),
        jnp.asarray(source_spectrum(kind, spec.dimension, spec.condition)),
        jnp.asarray(_shift(spec, kind)),
        *_shared(spec),
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


@jax.jit
def _errors(
    keys: Key[Array, " n"], setting: _Setting, n_2: Array, noise: Array, common: Array
) -> Float[Array, "methods n"]:
    """`‖b̂ − b_2‖²` of the target alone and of each of `METHODS`, one a draw."""
    s = setting
    p = len(s.spectrum)
    root = jnp.stack([jnp.diag(jnp.sqrt(s.spectrum)), jnp.eye(p)])

    def one(key: Array) -> Array:
        draw_key, parameter_key = jax.random.split(key)
        normal = jax.random.normal(parameter_key, (3, p)) / jnp.sqrt(p)
        own = jnp.sqrt(s.shift) * normal[:2]
        b = jnp.sqrt(common) * normal[2] + own
        sizes = jnp.stack([s.n_1, n_2])
        drawn = sample_statistics(draw_key, root, b, noise, sizes)
        (source, target), (first, second) = drawn.gram, drawn.moment
        # W = λ(S_1 + λI)⁻¹, for an infinite λ too.
        shrink = jnp.linalg.inv(source / s.penalty + jnp.eye(p))
        # An infinite ratio leaves the source's equations alone.
        w = jnp.where(jnp.isfinite(s.ratio), s.ratio, 1e9)
        scale = 1 / jnp.maximum(w, 1) ** 2
        systems = jnp.stack(
            [
                target,
                source + target,
                scale * (w**2 * source + target),
                target + shrink @ source,
            ]
        )
        sides = jnp.stack(
            [
                second,
                first + second,
                scale * (w * first + second),
                second + shrink @ first,
            ]
        )
        found = jnp.linalg.solve(systems, sides[..., None])[..., 0]
        return jnp.sum((found - b[1]) ** 2, axis=1)

    return jax.vmap(one, out_axes=1)(keys)


def _dataset(
    spec: RiskCurves,
    curve: np.ndarray,
    predicted: np.ndarray,
    measured: np.ndarray,
    alone: list[np.ndarray],
) -> xr.Dataset:
    unit, p = "labels' units squared", spec.dimension
    single = pooled_risk(0, spec.samples_target, p, spec.noise**2, 0).single_task
    found = [_crossings(spec, kind) for kind in KINDS]
    most = max(1, *map(len, found))
    padded = np.array(
        [np.pad(f, (0, most - len(f)), constant_values=np.nan) for f in found]
    )
    variables: dict[str, labelled.Entry] = {
        "risk": (
            ("shift", "sharing", "samples_source", "repeat"),
            measured,
            "squared error of the parameter, drawn",
            unit,
        ),
        "risk_alone": (
            ("shift", "repeat"),
            np.stack(alone),
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
    coordinates: dict[str, labelled.Entry] = {
        "shift": ("shift", list(KINDS), "what differs between the tasks", "1"),
        "sharing": ("sharing", list(METHODS), "how the tasks share", "1"),
        "samples_source": ("samples_source", sizes, "source samples n₁", "samples"),
        "size": ("size", curve, "source samples n₁", "samples"),
        "repeat": ("repeat", np.arange(spec.repeats), "independent draw", "1"),
    }
    return labelled.dataset(spec, variables, coordinates)


def _crossings(spec: RiskCurves, kind: str) -> np.ndarray:
    spectrum = source_spectrum(kind, spec.dimension, spec.condition)
    find = partial(
        crossings, source_spectrum=spectrum, n_source_max=max(spec.samples_source)
    )
    arguments = (spec.samples_target, spec.dimension, spec.noise**2, _shift(spec, kind))
    return np.asarray(find(*arguments))
