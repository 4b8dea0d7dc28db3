"""A claim on instances: a statement under attack, and routes that measure it."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray

from paper_checks.judge.check import Check, Relation
from paper_checks.judge.measurement import (
    CheckError,
    Measurement,
    extreme,
    failure_rate,
)
from paper_checks.judge.routes import Draws, measured_on_draws, settled
from paper_checks.judge.stated import Evidence, Stated, decides, merged
from paper_checks.judge.statement import Statement
from paper_checks.judge.stress import Effort, Stress, stress, survey
from paper_checks.judge.verdict import Control
from paper_checks.settings import Settings

Latent = Mapping[str, Array]
QUICK = Effort(
    instances=4_096, starts=16, steps=40, examples=0, instances_dropped=1_024
)
FULL = Effort(instances=1_000_000)


class Sides(NamedTuple):
    """Both sides of a statement on one instance, and what rounding explains."""

    lhs: Float[Array, ""]
    rhs: Float[Array, ""]
    tolerance: Float[Array, ""] | float = 0.0


@dataclass(frozen=True, kw_only=True)
class Formula:
    """A statement as code: `margins(x) ≥ 0` implies `lhs(x) ≤ rhs(x)`, or equality.

    Attributes:
        latent: Shapes of the normal numbers behind an instance, by name.
        build: The instance of a latent, which meets the hypotheses.
        without: Each hypothesis by name, in the order of `margins`, with the instance
            that violates it and keeps to the others.
        margins: One number per hypothesis, `≥ 0` where it is met.
        sides: Both sides on an instance, given `says` and the key of a draw.
        says: The formula that is claimed; another one makes a mutant.
        relation: `<=` or `==`.
        failure: `δ`, the share of draws on which the conclusion may fail.
        baseline: What is known of `lhs` without the statement.
        useful_share: The claim is vacuous if it holds and its right side is below the
            baseline on a smaller share of random instances (95 %).
        surveyed: Count failure rates instead of searching for the worst instance; see
            `stress.survey`.
        version: Of saved instances; to be raised when `build` or `latent` changes.
        drop: The hypotheses that are dropped in turn; all if `None`.

    Raises:
        ValueError: `baseline` is given without `useful_share`, or the reverse.
    """

    latent: Mapping[str, tuple[int, ...]]
    build: Callable[[Latent], Any]
    without: Mapping[str, Callable[[Any, Latent], Any]]
    margins: Callable[[Any], tuple[Float[Array, ""], ...]]
    sides: Callable[[Any, Callable[..., Any], PRNGKeyArray], Sides]
    says: Callable[..., Any]
    relation: Relation = "<="
    failure: float = 0.0
    baseline: Callable[[Any], Float[Array, ""]] | None = None
    useful_share: float = 0.0
    surveyed: bool = False
    version: int = 1
    drop: tuple[str, ...] | None = None
    quick: Effort = QUICK
    full: Effort = FULL

    def __post_init__(self) -> None:
        share, given = self.useful_share, "no" if self.baseline is None else "a"
        if not 0 <= share <= 1 or (given == "a") != (share > 0):
            raise ValueError(
                "useful_share must be within (0, 1] with a baseline, and 0 without "
                f"one, got {share} and {given} baseline"
            )

    def statement(self, name: str, source: str) -> Statement[Any]:
        """The statement that a stress test attacks."""

        def conclude(instance: Any, key: PRNGKeyArray) -> Check:
            lhs, rhs, tolerance = self.sides(instance, self.says, key)
            room = jnp.asarray(tolerance, float)
            return Check(lhs, rhs, room, self.relation, source)

        return Statement(
            name=name,
            source=source,
            version=self.version,
            latent=self.latent,
            hypotheses=tuple(self.without),
            build=self._built,
            margins=self.margins,
            conclude=conclude,
            failure=self.failure,
            baseline=self.baseline,
        )

    def _built(self, latent: Latent, dropped: Int[Array, ""]) -> Any:
        """The instance, or the one that violates the hypothesis at this place."""
        instance = self.build(latent)
        others = [violate(instance, latent) for violate in self.without.values()]
        for name, other in zip(self.without, others, strict=True):
            _refuse_unlike(name, other, instance)

        def chosen(*leaves: ArrayLike) -> Array:
            return jnp.stack([jnp.asarray(leaf) for leaf in leaves])[dropped]

        return jax.tree.map(chosen, *others, instance)  # the last: none is dropped


def _refuse_unlike(hypothesis: str, other: Any, instance: Any) -> None:
    """Raise if a violation has other fields, shapes or types than the instance."""

    def fields(tree: Any) -> dict[str, str]:
        leaves = jax.tree_util.tree_leaves_with_path(tree)
        return {
            jax.tree_util.keystr(path): f"{jnp.result_type(leaf)}{jnp.shape(leaf)}"
            for path, leaf in leaves
        }

    built, found = fields(instance), fields(other)
    if built != found or jax.tree.structure(other) != jax.tree.structure(instance):
        raise ValueError(
            f"without: '{hypothesis}' gives {found} as {type(other).__name__}, and "
            f"build gives {built} as {type(instance).__name__}: they must be alike"
        )


@dataclass(frozen=True, kw_only=True)
class Claim(Stated):
    """A claim on instances, as data: everything else is done by the judge.

    The judge draws instances and climbs towards broken ones, drops every hypothesis
    under attack and on draws, takes every route on the same draws and on real sets,
    counts what cannot be judged, and makes the verdict, the measurements and the
    sentences. Names for sentences: `attack` (`.tightness`), `failure`, `useful` and
    `without` (failure rates by dropped hypothesis, of a survey) under attack, `broken`
    (share of draws that break it), `left_out` (share of draws not judged), `real` (the
    same of real sets), each route by its name, and what `extra` names.

    Attributes:
        formula: The statement under attack; `None` for a claim on draws alone.
        draws: Drawn problems, and the routes that measure the claim on them.
        real: The routes on real sets, by name; `{}` if there is none.
        real_quantity: What a route's left side is on real sets.
        judged: A tolerance above this says nothing, and its instance is left out.
        extra: Further evidence, such as a mutant that only this claim has.
    """

    formula: Formula | None = None
    draws: Draws | tuple[Draws, ...] = ()
    real: Callable[[Settings], Mapping[str, Check]] | None = None
    real_quantity: str = ""
    judged: float | None = None
    extra: Callable[[Settings], Evidence] | None = None

    @cached_property
    def attacked(self) -> Statement[Any]:
        """The formula as a statement for the stress test."""
        if self.formula is None:
            raise ValueError(f"{self.id} has no formula that can be attacked")
        return self.formula.statement(self.id, self.source)

    def mutant(self, says: Callable[..., Any], name: str = "mutant") -> Statement[Any]:
        """The statement with another formula, which an attack must refute."""
        if self.formula is None:
            raise ValueError(f"{self.id} has no formula that can be attacked")
        wrong = dataclasses.replace(self.formula, says=says)
        return wrong.statement(f"{self.id} {name}", self.source)

    def gather(self, settings: Settings) -> Evidence:
        """Attack the formula, and take every route on draws and on real sets."""
        parts = []
        if self.draws:
            several = (self.draws,) if isinstance(self.draws, Draws) else self.draws
            parts.append(measured_on_draws(several, self.judged, settings, self.id))
        if self.real is not None and (found := self.real(settings)):
            parts.append(self._on_real_sets(found))
        if self.extra is not None:
            parts.append(self.extra(settings))
        if self.formula is not None:
            parts.append(self._under_attack(settings))
        return merged(parts)

    def _on_real_sets(self, found: Mapping[str, Check]) -> Evidence:
        checks = {name: check.judged(self.judged) for name, check in found.items()}
        count = sum(check.count for check in found.values())
        kept = sum(check.count for check in checks.values())
        broken = sum(check.broken for check in checks.values())
        if not kept:
            raise CheckError(f"{self.id}: none of {count} real instances can be judged")
        rate = failure_rate("real instances that break it", broken, kept)
        caveat = f"{count - kept} of {count} real instances are not judged, as their "
        caveat += f"tolerance is above {self.judged}."
        return Evidence(
            holds=settled(broken, kept, count),
            deciding=decides(rate, 1 / kept) if broken else None,
            named={"real": rate},
            details=(f"On real sets it holds on {rate.rest} of {kept} instances.",),
            caveats=(caveat,) if kept < count else (),
            measurements=tuple(
                extreme(f"{name}: {self.real_quantity}", check.lhs)
                for name, check in checks.items()
                if check.count
            ),
            data=", ".join(found),
        )

    def _under_attack(self, settings: Settings) -> Evidence:
        assert self.formula is not None
        quick = settings.profile == "quick"
        effort = self.formula.quick if quick else self.formula.full
        folder, drop = settings.results / "worst_instances", self.formula.drop
        seed, attacked = settings.seed, self.attacked
        if self.formula.surveyed:
            found = survey(attacked, seed, effort, folder=folder, drop=drop)
        else:
            key = jax.random.key(seed)
            found = stress(attacked, key, effort, folder=folder, drop=drop)
        return evidence_of(found, self.formula.useful_share)


def evidence_of(found: Stress, useful_share: float = 0.0) -> Evidence:
    """What a stress test says for and against a claim.

    Args:
        found: What became of the statement.
        useful_share: As in `Formula`.
    """
    name = "|lhs - rhs| in tolerances" if found.relation == "==" else "lhs/rhs"
    failure = dataclasses.replace(
        found.failure, quantity="random instances that break it, under attack"
    )
    most = extreme(f"largest {name}, under attack", [found.tightness])
    needed = tuple(name for name, worst in found.needed.items() if worst is not None)
    at_worst = () if found.failure_at_worst is None else (found.failure_at_worst,)
    useful = dataclasses.replace(
        found.useful, quantity="random instances on which it says something new"
    )
    deciding, headline = _decided_by(found, failure, most)
    whole = "what rounding explains" if found.relation == "==" else "the right side"
    return Evidence(
        holds=not found.refuted,
        useful=useful.high >= useful_share,
        deciding=deciding,
        headline=headline,
        details=(
            f"Under attack {found.tightness:.3g} of {whole} is used at most, and "
            f"{len(needed)} of {len(found.needed)} hypotheses are needed.",
        ),
        named={
            **{"attack": found, "failure": failure, "tightness": most},
            **{"useful": useful, "without": found.rates},
        },
        measurements=(
            *(failure, *at_worst, most),
            *((useful,) * (useful_share > 0)),
            *found.rates.values(),
        ),
        controls=tuple(
            Control.once(f"{name} (under attack)", worst is not None)
            for name, worst in found.needed.items()
        ),
        attack=found.attack,
    )


def _decided_by(
    found: Stress, failure: Measurement, most: Measurement
) -> tuple[Measurement, str]:
    """The measurement that agrees with the verdict, and a sentence about it."""
    at_worst = found.failure_at_worst
    if found.refuted and failure.low <= found.allowed:
        none = f"{failure.count} of {failure.n:,} random instances break it, "
        if at_worst is not None:
            return decides(at_worst, found.allowed), (
                f"{none}and {at_worst.count} of {at_worst.n:,} draws at the worst one"
            )
        return decides(most, 1.0), f"{none}and one that the search found does"
    return decides(failure, found.allowed or 1 / failure.n), (
        f"{failure.count} of {failure.n:,} attacked instances break it"
    )
