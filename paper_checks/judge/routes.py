"""Routes: independent ways of measuring one claim on the same drawn problems."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Key

from paper_checks.judge.check import Check
from paper_checks.judge.measurement import (
    CheckError,
    Measurement,
    extreme,
    failure_rate,
)
from paper_checks.judge.proofs import Optima, proven
from paper_checks.judge.stated import Evidence
from paper_checks.judge.verdict import Control
from paper_checks.settings import Settings


@dataclass(frozen=True)
class Route:
    """One way of measuring the claim on drawn problems.

    Attributes:
        check: Both sides on all problems, given these and their keys.
        quantity: What is reported: the largest `|lhs − rhs|`, with its unit.
        name: How sentences name that number; may be empty.
        in_tolerances: Report `|lhs − rhs|` as a share of the tolerance.
        reported: It is only reported, and decides nothing.
    """

    check: Callable[[Any, Key[Array, " n"]], Check]
    quantity: str
    name: str = ""
    in_tolerances: bool = False
    reported: bool = False


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Problems drawn from keys, and the routes on them.

    Attributes:
        draw: All problems, from their keys.
        count: How many, in the quick and in the full profile.
        routes: Ways of measuring the claim; a problem breaks it if any of them says so.
        without: Checks of problems that violate a hypothesis, by its name, from keys.
        part: Folded into the seed's key where a claim has several kinds of draws.
        further: Measurements on the problems that decide nothing, such as means, by
            their names for sentences.
        optima: The optima on which the routes rest; certificates of the first ones are
            written and checked exactly.
    """

    draw: Callable[[Key[Array, " n"]], Any]
    count: tuple[int, int]
    routes: tuple[Route, ...]
    without: Mapping[str, Callable[[Key[Array, " n"]], Check]] = field(
        default_factory=dict
    )
    part: int | None = None
    further: Callable[[Any, Key[Array, " n"]], Mapping[str, Measurement]] | None = None
    optima: Callable[[Any], Optima] | None = None

    def __post_init__(self) -> None:
        """Refuse routes of which none decides."""
        if all(route.reported for route in self.routes):
            raise ValueError(
                f"routes: none of {len(self.routes)} decides, all are only reported"
            )

    def keys(self, settings: Settings) -> Key[Array, " n"]:
        """A key for each problem."""
        key = jax.random.key(settings.seed)
        key = key if self.part is None else jax.random.fold_in(key, self.part)
        return jax.random.split(key, settings.scaled(*self.count))


class _Part(NamedTuple):
    drawn: int
    kept: int
    broken: int
    unknown: int
    values: list[tuple[Route, Float[np.ndarray, " n"]]]
    controls: list[Control]
    further: Mapping[str, Measurement]
    optima: Optima | None


def measured_on_draws(
    draws: Sequence[Draws], judged: float | None, settings: Settings, name: str = ""
) -> Evidence:
    """Take every route on every draw, and drop every hypothesis.

    Args:
        draws: All kinds of draws.
        judged: A tolerance above this says nothing.
        settings: Of the run; certificates are written to its folder of results.
        name: Of the claim, and of the folder of its certificates.

    Raises:
        CheckError: No draw can be judged, or a certificate is rejected.
    """
    parts = [_measured(one, judged, settings) for one in draws]
    drawn = sum(part.drawn for part in parts)
    kept = sum(part.kept for part in parts)
    broken = sum(part.broken for part in parts)
    if not kept:
        raise CheckError(f"none of {drawn} draws can be judged")
    rate = failure_rate("drawn problems that break it", broken, kept)
    left_out = failure_rate("draws not judged", drawn - kept, drawn)
    largest, named = _largest(parts)
    further = {name: one for part in parts for name, one in part.further.items()}
    optima = [part.optima for part in parts if part.optima is not None]
    folder = settings.results / "certificates" / name
    proofs = [proven(optima, folder)] if optima else []
    return Evidence(
        holds=settled(broken, kept, drawn),
        deciding=dataclasses.replace(rate, flips_at=1 / kept),
        headline=f"It holds on {rate.rest} of {rate.n} draws",
        caveats=_caveats(left_out, judged, sum(part.unknown for part in parts)),
        named={"broken": rate, "left_out": left_out, **named, **further},
        details=tuple(
            f"Of {proof.n} optima {proof.rest} are proven by certificates, which were "
            "checked exactly."
            for proof in proofs
        ),
        measurements=(
            rate,
            *((left_out,) * (judged is not None)),
            *largest,
            *further.values(),
            *proofs,
        ),
        controls=tuple(control for part in parts for control in part.controls),
    )


def settled(broken: int, judged: int, count: int) -> bool | None:
    """Whether instances bear a claim out; open if most of them cannot be judged."""
    if broken:
        return False
    return True if 2 * judged >= count else None


def _caveats(
    left_out: Measurement, judged: float | None, unknown: int
) -> tuple[str, ...]:
    said = []
    if left_out.count:
        said.append(
            f"{left_out.count} of {left_out.n} draws are not judged, as their "
            f"tolerance is above {judged:g}."
        )
    if unknown:
        said.append(f"{unknown} of {left_out.n} draws are NaN, which breaks the claim.")
    return tuple(said)


def _measured(draws: Draws, judged: float | None, settings: Settings) -> _Part:
    keys = draws.keys(settings)
    problems = draws.draw(keys)
    found = [route.check(problems, keys) for route in draws.routes]
    for route, check in zip(draws.routes, found, strict=True):
        if np.shape(check.lhs) != (len(keys),):
            raise CheckError(
                f"routes: '{route.quantity}' must have a number for each of "
                f"{len(keys)} draws, got the shape {np.shape(check.lhs)}"
            )
    deciding = [
        check
        for route, check in zip(draws.routes, found, strict=True)
        if not route.reported
    ]
    kept = Check.all_judged(judged, *deciding)
    checks = [check.where(kept) for check in found]
    return _Part(
        drawn=len(keys),
        kept=int(kept.sum()),
        broken=Check.broken_in_any(*(check.where(kept) for check in deciding)),
        unknown=int(np.sum(~np.all([check.known for check in deciding], axis=0))),
        values=[
            (route, check.used if route.in_tolerances else check.apart)
            for route, check in zip(draws.routes, checks, strict=True)
        ],
        controls=[
            check(keys).judged(judged).control(name)
            for name, check in draws.without.items()
        ],
        further={} if draws.further is None else draws.further(problems, keys),
        optima=None if draws.optima is None else draws.optima(problems),
    )


def _largest(
    parts: Sequence[_Part],
) -> tuple[list[Measurement], dict[str, Measurement]]:
    """The largest value of every quantity, over routes and kinds of draws."""
    values: dict[str, list[np.ndarray]] = {}
    names: dict[str, str] = {}
    for route, found in (one for part in parts for one in part.values):
        values.setdefault(route.quantity, []).append(found)
        names[route.quantity] = route.name or names.get(route.quantity, "")
    largest = {
        quantity: extreme(quantity, np.concatenate(found))
        for quantity, found in values.items()
    }
    named = {names[quantity]: one for quantity, one in largest.items()}
    return list(largest.values()), {n: one for n, one in named.items() if n}
