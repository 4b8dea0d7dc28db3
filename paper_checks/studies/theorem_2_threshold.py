"""W-T2: how many rows of the source Theorem 2 asks for, and how many it takes."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from paper_checks.judge.exponent import Exponent, exponent
from paper_checks.judge.threshold import Brackets, Budget, thresholds
from paper_checks.studies.theorem_2_positions import Quantities, aligned, random
from simulations.engine.in_memory import Progress
from simulations.experiments.experiment import Experiment
from theory.linear import two_task_optimum


class _Axis(NamedTuple):
    """A quantity that is varied, and the exponent of `m_1` in it that is stated."""

    said: str
    stated: float
    least: float
    most: float


# ‖y_2‖² is kept at 4d(1 + NOISE_TARGET²), so that d enters through it.
AXES = {
    "c": _Axis("c", -4.0, 1e-6, 1 / 3),
    "condition_target": _Axis("κ(X_2)", 4.0, 1.0, 1e6),
    "condition_source": _Axis("κ(Σ_1)", 2.0, 1.0, 1e6),
    "noise": _Axis("σ of the source, in units of its signal", 0.0, 0.0, 1e6),
    "dimension": _Axis("d", 1.0, 2, 1000),
}
POSITIONS = ("aligned", "random")
CONCLUSIONS = ("as printed", "turn")
# ‖ε_2‖/‖X_2θ_2‖.
NOISE_TARGET = 0.1
# Largest m_1 that is tried.
MOST = 1e8
SURE = "both ends of a line's brackets hold together with 95 %"
LINES, POINTS = "position conclusion axis", "position conclusion axis point"


@dataclass(frozen=True, kw_only=True)
class Theorem2Threshold(Experiment):
    """Axes of the study; one varies at a time, the others are as in `base`.

    Args:
        c: The theorem's `c = κ(X_2) sin(θ_1, θ_2)`, at most 1/3.
        condition_target: `κ(X_2)`.
        condition_source: `κ(Σ_1)`.
        noise: `σ_1/‖Σ_1^½θ_1‖`.
        dimension: `d`.
        base: `c`, `κ(X_2)`, `κ(Σ_1)`, noise and `d` where they do not vary.
        failure: `δ`: how often the conclusion may fail.
        looks: Of each size: at most `32 · 2^(looks − 1)` draws.
        resolution: Of a bracket.
    """

    # Coarser brackets, three points a line, d up to 20.
    QUICK: ClassVar = {
        "c": (0.04, 0.1, 0.25),
        "condition_target": (1.0, 2.0, 8.0),
        "condition_source": (1.0, 4.0, 64.0),
        "noise": (0.5, 1.0, 2.0),
        "dimension": (5, 10, 20),
        "looks": 6,
        "resolution": 1.2,
    }
    LABELS: ClassVar = {
        "position": (POSITIONS, "position of the tasks"),
        "conclusion": (CONCLUSIONS, "what is to hold"),
        "axis": (tuple(AXES), "quantity that varies"),
    }
    COORDINATES: ClassVar = {"name": ("axis", "its name", "1")}
    COLUMNS: ClassVar = {
        "low": (POINTS, f"lower end of the threshold of m_1; {SURE}", "rows"),
        "high": (POINTS, f"upper end, infinite if open; {SURE}", "rows"),
        "inside": (POINTS, "both ends lie in the range tried", "1"),
        "draws": (POINTS, "draws of the source it took", "1"),
        "asked": ("axis point", "m_1 of the theorem, constant 1", "rows"),
        "value": ("axis point", "the quantity that varies", "1"),
        "stated": ("axis", "exponent the theorem states", "1"),
        "exponent": (LINES, "fitted exponent of the threshold", "1"),
        "exponent_low": (LINES, "its lower end, 95 %", "1"),
        "exponent_high": (LINES, "its upper end, 95 %", "1"),
        "points": (LINES, "brackets it rests on", "1"),
    }

    c: tuple[float, ...] = (0.02, 0.04, 0.08, 0.16, 0.32)
    condition_target: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    condition_source: tuple[float, ...] = (1.0, 4.0, 16.0, 64.0, 256.0)
    noise: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    dimension: tuple[int, ...] = (5, 10, 20, 40, 60)
    base: tuple[float, ...] = (0.1, 2.0, 4.0, 1.0, 10.0)
    failure: float = 0.05
    looks: int = 7
    resolution: float = 1.1

    def __post_init__(self) -> None:
        """Refuse what is no instance of the theorem, before anything is drawn."""
        if len(self.base) != len(AXES):
            raise ValueError(
                f"base must have {len(AXES)} values, one each of {list(AXES)}, got "
                f"{self.base}"
            )
        for name, held in zip(AXES, self.base, strict=True):
            values = getattr(self, name)
            if len(values) != len(self.c) or len(set(values)) < 2:
                raise ValueError(
                    f"{name} needs {len(self.c)} values as c has, two of them "
                    f"different, got {values}"
                )
            _, _, low, high = AXES[name]
            if not all(low <= value <= high for value in (*values, held)):
                raise ValueError(
                    f"{name} must be in [{low:g}, {high:g}], got {(*values, held)}"
                )

    def run(self, progress: Progress | None = None) -> xr.Dataset:
        """Bracket `m_1` over five axes, and fit its exponents.

        Two conclusions are looked at. `as printed`: that of Theorem 2, whose `6c`
        leaves room for a `B*` that is some way off. `turn`: `κ(X_2) sin(B*, θ_1) ≤ c`,
        that `B*` is as near to `θ_1` as the theorem lets `θ_2` be, without which the
        target pays for the source's error more than for the angle between the tasks.

        And two positions of the tasks, `aligned` and `random` of
        `theorem_2_positions`, the latter drawn anew each time. The theorem is for all
        positions, so `aligned` is a lower bound on what it must ask for; that none asks
        for more was not proved.

        Theorem 2's own conclusion need not fail less with more rows: with few the
        target decides, and fits itself; with more a noisy source does. The threshold is
        the size from which on it holds.

        Brackets of a line have the confidence that all are right together with 95 %.

        Source: W-T2 (Theorem 2); derived here.
        """
        budget = Budget(
            failure=self.failure,
            confidence=1 - 0.05 / len(self.c),
            looks=self.looks,
            resolution=self.resolution,
        )
        settings = _settings(self)
        shape = (len(POSITIONS), len(CONCLUSIONS), *settings.shape[1:])
        position, conclusion, *at = (place.ravel() for place in np.indices(shape))
        cells = settings[:, *at]
        found = {name: np.zeros(position.size) for name in Brackets._fields}
        dimensions = np.unique(cells[4])
        for done, d in enumerate(dimensions, start=1):
            mine = np.flatnonzero(cells[4] == d)
            kinds = np.stack([position[mine], conclusion[mine]])
            some = _brackets(int(d), cells[:4, mine], kinds, self.seed, budget)
            for name, values in some._asdict().items():
                found[name][mine] = values
            if progress is not None:
                progress(done, len(dimensions))
        whole = Brackets(**{name: v.reshape(shape) for name, v in found.items()})
        return self.dataset(_values(settings, whole))


class _Cells(NamedTuple):
    """Problems that share `d`, and so a program; an entry each."""

    c: Float[Array, "*n"]
    of: Quantities
    position: Int[Array, "*n"]
    conclusion: Int[Array, "*n"]


def _settings(spec: Theorem2Threshold) -> Float[np.ndarray, "5 5 n"]:
    """Values of the five quantities, on the line of each."""
    held = np.reshape(spec.base, (-1, 1, 1))
    found = np.tile(held, (1, len(AXES), len(spec.c)))
    for place, name in enumerate(AXES):
        found[place, place] = getattr(spec, name)
    return found


def _asked(settings: Float[np.ndarray, "5 *n"]) -> Float[np.ndarray, "*n"]:
    """`κ²(Σ_1) κ⁴(X_2) ‖y_2‖²/c⁴`, with the constant 1."""
    c, target, source, _, d = settings
    return source**2 * target**4 * 4 * d * (1 + NOISE_TARGET**2) / c**4


def _brackets(
    d: int,
    settings: Float[np.ndarray, "4 n"],
    kinds: Int[np.ndarray, "2 n"],
    seed: int,
    budget: Budget,
) -> Brackets:
    count = settings.shape[1]
    c, target, source, noise = map(jnp.asarray, settings)
    quiet = jnp.full(count, NOISE_TARGET)
    of = Quantities(c / target, target, source, noise, quiet)
    every = _Cells(c, of, *map(jnp.asarray, kinds))

    def slack(rows: Any, sizes: Any, keys: Key[Array, " n"]) -> Array:
        chosen = jax.tree.map(lambda leaf: leaf[rows], every)
        return _slacks(d, chosen, jnp.asarray(sizes), keys)

    key = jax.random.fold_in(jax.random.key(seed), d)
    ends = np.full(count, float(d)), np.full(count, MOST)
    return thresholds(slack, *ends, key, budget)


@partial(jax.jit, static_argnums=0)
def _slacks(
    d: int, cells: _Cells, sizes: Float[Array, " n"], keys: Key[Array, " n"]
) -> Float[Array, " n"]:
    return jax.vmap(partial(_slack, d))(cells, sizes, keys)


def _slack(
    d: int, cell: _Cells, size: Float[Array, ""], key: PRNGKeyArray
) -> Float[Array, ""]:
    """Room that a conclusion leaves, for one draw."""
    place_key, draw_key = jax.random.split(key)
    made = aligned(d, cell.of, place_key), random(d, cell.of, place_key)
    design = jax.tree.map(lambda a, b: jnp.where(cell.position == 0, a, b), *made)
    design = design.but(samples=size)
    optimum = two_task_optimum(design.draw(draw_key), jnp.ones(2), full_rank=True)
    error = design.error(optimum.parameters[1])
    pair = jnp.stack([optimum.shared[:, 0], design.parameter[0]])
    turn = design.but(parameter=pair).sine
    return jnp.where(
        cell.conclusion == 0,
        design.right_side - error,
        cell.c - design.condition_target * turn,
    )


def _values(settings: Float[np.ndarray, "5 5 n"], found: Brackets) -> dict[str, Any]:
    slopes = np.full((*found.low.shape[:-1], 4), np.nan)
    x = np.stack([settings[place, place] for place in range(len(AXES))])
    for place in np.ndindex(*slopes.shape[:-1]):
        slopes[place] = _fitted(x[place[-1]], *(part[place] for part in found))
    exponent, low, high, points = np.moveaxis(slopes, -1, 0)
    return {
        **{"low": found.low, "high": found.high},
        **{"inside": found.inside, "draws": found.draws},
        **{"asked": _asked(settings), "value": x, "points": points.astype(int)},
        **{"exponent": exponent, "exponent_low": low, "exponent_high": high},
        "stated": [axis.stated for axis in AXES.values()],
        "name": [axis.said for axis in AXES.values()],
    }


def _fitted(x: Any, *parts: Any) -> Exponent:
    """Exponent of the brackets inside the range; NaN where fewer than three are."""
    brackets = Brackets(*parts)
    use = brackets.inside
    # Two points lie on a line whatever the law.
    if len(np.unique(x[use])) < 3:
        return Exponent(np.nan, np.nan, np.nan, int(use.sum()))
    return exponent(x[use], brackets.low[use], brackets.high[use])
