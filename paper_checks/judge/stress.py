"""The stress test: every way we have of breaking a statement, one after the other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from paper_checks.judge.ascent import by_ascent
from paper_checks.judge.finding import Attack
from paper_checks.judge.hypothesis_search import by_hypothesis
from paper_checks.judge.instance_file import save
from paper_checks.judge.measurement import Measurement, failure_rate
from paper_checks.judge.search import Search, Worst, at_random, failures
from paper_checks.judge.statement import Statement


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How hard to try.

    Attributes:
        instances: Random ones.
        starts: Of the ascent.
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
            least = 0 if name == "examples" else 1
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
    climbed = by_ascent(statement, keys[2], starts=effort.starts, steps=effort.steps)
    searches = (random, climbed)
    if effort.examples:
        searches += (by_hypothesis(statement, keys[1], effort.examples),)
    met = [search.worst for search in searches if search.worst is not None]
    worst = max(met, key=lambda found: (found.broken, found.ratio))
    failure = failure_rate("failures", random.broken, random.feasible)
    at_worst = None
    if statement.failure:
        # The ascent looked at the mean of some draws, so its end is judged by new ones.
        place = climbed.worst or worst
        broken, count = failures(statement, place, keys[3], effort.draws)
        at_worst = failure_rate("failures at the worst instance", broken, count)
        refuted = max(failure.low, at_worst.low) > statement.failure
    else:
        refuted = any(found.broken for found in met)
    needed = {
        name: _counterexample(statement, name, jax.random.fold_in(key, place), effort)
        for place, name in enumerate(statement.hypotheses if drop is None else drop)
    }
    if folder is not None:
        for name, found in needed.items():
            if found is not None:
                save(
                    folder / f"{_file(f'{statement.name} without {name}')}.npz",
                    statement,
                    found,
                )
    return Stress(
        statement=statement.name,
        relation=statement.relation,
        searches=searches,
        failure=failure,
        failure_at_worst=at_worst,
        useful=failure_rate("useful", random.useful, random.feasible),
        needed=needed,
        refuted=refuted,
        worst=worst,
        path=None
        if folder is None
        else save(folder / f"{_file(statement.name)}.npz", statement, worst),
    )


def _counterexample(
    statement: Statement[Any], dropped: str, key: PRNGKeyArray, effort: Effort
) -> Worst | None:
    """An instance that breaks the statement without this hypothesis."""
    random = at_random(statement, key, effort.instances_dropped, dropped=dropped)
    if _refutes(statement, random.worst, key, effort):
        return random.worst
    climbed = by_ascent(
        statement, key, dropped=dropped, starts=effort.starts, steps=effort.steps
    )
    return climbed.worst if _refutes(statement, climbed.worst, key, effort) else None


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
