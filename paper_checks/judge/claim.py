"""A claim under attack: the stress test with the effort of the profile."""

import dataclasses
from typing import Any

import jax

from paper_checks.judge.statement import Statement
from paper_checks.judge.stress import Effort, Stress, stress
from paper_checks.judge.verdict import Control, Measurement, extreme
from paper_checks.settings import Settings

QUICK = Effort(
    instances=4_096, starts=16, steps=40, examples=0, instances_dropped=1_024
)
FULL = Effort(instances=1_000_000)


def attack(settings: Settings, statement: Statement[Any]) -> Stress:
    """Stress a statement, and keep the worst instances beside the results.

    Raises:
        StatementError: As `stress`.
    """
    return stress(
        statement,
        jax.random.key(settings.seed),
        QUICK if settings.profile == "quick" else FULL,
        folder=settings.results / "worst_instances",
    )


def dropped(found: Stress) -> tuple[Control, ...]:
    """Each hypothesis, and whether a counterexample was found without it."""
    return tuple(
        Control(
            dropped=f"{name} (under attack)",
            noticed=int(worst is not None),
            instances=1,
        )
        for name, worst in found.needed.items()
    )


def measured(found: Stress) -> tuple[Measurement, Measurement]:
    """How often random instances break it, and how near any instance comes."""
    name = "|lhs - rhs| in tolerances" if found.relation == "==" else "lhs/rhs"
    return (
        dataclasses.replace(
            found.failure, quantity="random instances that break it, under attack"
        ),
        extreme(f"largest {name}, under attack", [found.tightness]),
    )
