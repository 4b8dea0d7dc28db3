"""The stress test: every way we have of breaking a statement, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from paper_checks.judge.ascent import by_ascent
from paper_checks.judge.finding import Attack
from paper_checks.judge.hypothesis_search import by_hypothesis
from paper_checks.judge.instance_file import save
from paper_checks.judge.measurement import Measurement, failure_rate
from paper_checks.judge.search import (
    Search,
    Worst,
    at_random,
    failures,
    look,
    normal_latents,
)
from paper_checks.judge.statement import Statement


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How hard to try.

    Attributes:
        instances: Random ones.
        starts: Of the ascent; 0 leaves it out.
        steps: Of each start.
        examples: Of hypothesis; 0 leaves it out.
        draws: Fresh draws at the worst instance of a statement that holds with high
            probability.
        instances_dropped: Random ones for each hypothesis that is dropped.
    """

    instances: int = 16_384
    starts: int = 256
    steps: int = 100
    examples: int = 100
    draws: int = 2_000
    instances_dropped: int = 2_048

    def __post_init__(self) -> None:
        """Refuse efforts that look at nothing."""
        for name, value in vars(self).items():
            least = 0 if name in ("examples", "starts") else 1
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")


@dataclass(frozen=True, kw_only=True)
class Stress:
    """What became of a statement under attack.

    Attributes:
        statement: Its name.
        relation: `<=` or `==`.
        searches: Random, ascent and hypothesis, with all hypotheses.
        failure: Of random instances: share on which it fails.
        failure_at_worst: The same over fresh draws at the worst instance that was
            found; of statements that hold with high probability only.
        useful: Share of random instances on which it says more than the baseline.
        needed: For each hypothesis, a counterexample without it, or none: then it was
            not seen to be needed.
        refuted: Whether it is false: some instance breaks it, or, if it holds with
            probability `1 − δ`, a failure rate is above `δ` for certain (95 %).
        worst: The instance nearest to breaking it.
        path: Where that instance is saved.
        allowed: The share of draws on which it may fail.
        rates: Share of instances on which it fails without each hypothesis, of a
            survey.
    """

    statement: str
    relation: str
    searches: tuple[Search, ...]
    failure: Measurement
    failure_at_worst: Measurement | None
    useful: Measurement
    needed: dict[str, Worst | None]
    refuted: bool
    worst: Worst
    path: Path | None
    allowed: float = 0.0
    rates: Mapping[str, Measurement] = field(default_factory=dict)

    @property
    def tightness(self) -> float:
        """Largest share of the right side that was found in use.

        Of an equality: the largest difference of its sides as a share of what rounding
        explains. Far below 1 it is an equality as far as floats can tell, and nothing
        is loose.
        """
        return self.worst.ratio

    @property
    def attack(self) -> Attack:
        """The same in short, for the ledger."""
        return Attack(
            tightness=self.tightness,
            relation=self.relation,
            worst="not saved" if self.path is None else self.path.name,
            needed=tuple(name for name, w in self.needed.items() if w is not None),
            not_needed=tuple(name for name, w in self.needed.items() if w is None),
            ratios=tuple(w.ratio for w in self.needed.values() if w is not None),
        )


def stress(
    statement: Statement[Any],
    key: PRNGKeyArray,
    effort: Effort | None = None,
    *,
    folder: Path | None = None,
    drop: tuple[str, ...] | None = None,
) -> Stress:
    """Try to break a statement, and what it becomes without each hypothesis.

    Args:
        statement: What is claimed.
        key: Of everything that is drawn.
        effort: How hard to try.
        folder: Where the worst instance, and the counterexamples without a hypothesis,
            are saved; nowhere if `None`.
        drop: The hypotheses to drop in turn; all of them if `None`.

    Raises:
        StatementError: The hypotheses contradict one another, instances miss them, or
            a margin is NaN.
    """
    effort = effort or Effort()
    keys = jax.random.split(key, 4)
    random = at_random(statement, keys[0], effort.instances)
    climbed = _climbed(statement, keys[2], effort)
    searches = (random, *climbed)
    if effort.examples:
        searches += (by_hypothesis(statement, keys[1], effort.examples),)
    met = [search.worst for search in searches if search.worst is not None]
    worst = max(met, key=lambda found: (found.broken, found.ratio))
    failure = failure_rate("failures", random.broken, random.feasible)
    at_worst = None
    refuted = any(search.broken for search in searches)
    if statement.failure:
        # The ascent looked at the mean of some draws, so its end is judged by new ones.
        place = next((found.worst for found in climbed if found.worst), worst)
        broken, count = failures(statement, place, keys[3], effort.draws)
        at_worst = failure_rate("failures at the worst instance", broken, count)
        refuted = max(failure.low, at_worst.low) > statement.failure
    needed = {
        name: _counterexample(statement, name, jax.random.fold_in(key, place), effort)
        for place, name in enumerate(_dropped(statement, drop))
    }
    return _result(
        statement,
        folder,
        searches=searches,
        failure=failure,
        failure_at_worst=at_worst,
        useful=failure_rate("useful", random.useful, random.feasible),
        needed=needed,
        refuted=refuted,
        worst=worst,
    )


def survey(
    statement: Statement[Any],
    seed: int,
    effort: Effort,
    *,
    folder: Path | None = None,
    drop: tuple[str, ...] | None = None,
) -> Stress:
    """Count how often a statement fails, with and without each hypothesis.

    This suits a statement that holds with high probability and whose instances are
    costly: a hypothesis is needed if instances without it break the statement more
    often than it may fail (95 %), and no instance is drawn again and again. Latents are
    drawn by NumPy, `instances_dropped` at a time.

    Args:
        statement: What is claimed.
        seed: Of everything that is drawn.
        effort: How hard to try.
        folder: As in `stress`.
        drop: As in `stress`.

    Raises:
        StatementError: As in `stress`.
    """
    key, batch = jax.random.key(seed), effort.instances_dropped
    latent = normal_latents(statement, seed, effort.instances)
    seen = look(statement, latent, key, batch=batch)
    climbed = _climbed(statement, key, effort)
    met = [seen.worst(), *(one.worst for one in climbed if one.worst is not None)]
    rates: dict[str, Measurement] = {}
    needed: dict[str, Worst | None] = {}
    for place, name in enumerate(_dropped(statement, drop)):
        latent = normal_latents(statement, seed + 1 + place, batch)
        part = jax.random.fold_in(key, place)
        found = look(statement, latent, part, dropped=name, batch=batch)
        rates[name] = found.rate(f"failures without '{name}'")
        refuted = rates[name].low > statement.failure
        needed[name] = found.worst() if refuted else None
    failure = seen.rate("failures")
    worst = max(met, key=lambda found: (found.broken, found.ratio))
    counterexample = worst.broken and not statement.failure
    return _result(
        statement,
        folder,
        searches=climbed,
        failure=failure,
        failure_at_worst=None,
        useful=seen.rate("useful", "useful"),
        needed=needed,
        refuted=counterexample or failure.low > statement.failure,
        worst=worst,
        rates=rates,
    )


def _dropped(statement: Statement[Any], drop: tuple[str, ...] | None) -> Sequence[str]:
    return statement.hypotheses if drop is None else drop


def _climbed(
    statement: Statement[Any],
    key: PRNGKeyArray,
    effort: Effort,
    dropped: str | None = None,
) -> tuple[Search, ...]:
    """The ascent, if there is one."""
    if not effort.starts:
        return ()
    starts, steps = effort.starts, effort.steps
    return (by_ascent(statement, key, dropped=dropped, starts=starts, steps=steps),)


def _result(statement: Statement[Any], folder: Path | None, **found: Any) -> Stress:
    """What was found; the worst instances are saved if there is a folder."""
    result = Stress(
        statement=statement.name,
        relation=statement.relation,
        allowed=statement.failure,
        path=None,
        **found,
    )
    if folder is None:
        return result
    for name, worst in result.needed.items():
        if worst is not None:
            path = folder / f"{_file(f'{statement.name} without {name}')}.npz"
            save(path, statement, worst)
    path = save(folder / f"{_file(statement.name)}.npz", statement, result.worst)
    return replace(result, path=path)


def _counterexample(
    statement: Statement[Any], dropped: str, key: PRNGKeyArray, effort: Effort
) -> Worst | None:
    """An instance that breaks the statement without this hypothesis."""
    random = at_random(statement, key, effort.instances_dropped, dropped=dropped)
    if _refutes(statement, random.worst, key, effort):
        return random.worst
    climbed = _climbed(statement, key, effort, dropped)
    worst = climbed[0].worst if climbed else None
    return worst if _refutes(statement, worst, key, effort) else None


def _refutes(
    statement: Statement[Any], worst: Worst | None, key: PRNGKeyArray, effort: Effort
) -> bool:
    """Whether an instance breaks it, more often than it may if it may at all."""
    if worst is None or not worst.broken:
        return False
    if not statement.failure:
        return True
    broken, count = failures(statement, worst, key, effort.draws)
    return failure_rate("", broken, count).low > statement.failure


def _file(name: str) -> str:
    kept = (c if c.isalnum() or c in "-_" else "_" for c in name)
    return "".join(kept)[:80]
