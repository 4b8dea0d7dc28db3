"""The runs of the paper's study: tasks alone, all pairs, all together, with seeds."""

from dataclasses import dataclass, field
from itertools import combinations
from typing import Annotated

import tyro

from paper_checks.bert.model import Alignment
from paper_checks.bert.run import Recipe, Run
from paper_checks.data.glue import TASKS


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Which runs there are.

    Args:
        recipe: What all runs share.
        tasks: That are combined.
        seeds: So many, from `first_seed`.
        first_seed: Two processes with seeds of their own share a folder of results.
        alone: Whether each task is trained alone.
        pairs: Whether every pair is trained.
        together: Whether all tasks are trained together.
        alignments: With which each of the pairs and of the whole is trained.
    """

    recipe: Annotated[Recipe, tyro.conf.arg(name="")] = field(default_factory=Recipe)
    tasks: tuple[str, ...] = tuple(TASKS)
    seeds: int = 5
    first_seed: int = 0
    alone: bool = True
    pairs: bool = True
    together: bool = True
    alignments: tuple[Alignment, ...] = ("none", "moving")


def runs(protocol: Protocol) -> list[Run]:
    """All of them, a seed at a time: what is done first is a study of fewer seeds.

    Raises:
        ValueError: No seed, a seed below 0, or no run.
    """
    first, count = protocol.first_seed, protocol.seeds
    if count < 1:
        raise ValueError(f"seeds must be >= 1, got {count}")
    if first < 0:
        raise ValueError(f"first_seed must be >= 0, got {first}")
    alone = [(task,) for task in protocol.tasks] if protocol.alone else []
    shared: list[tuple[str, ...]] = []
    if protocol.pairs:
        shared += combinations(protocol.tasks, 2)
    if protocol.together and len(protocol.tasks) > 2:
        shared.append(protocol.tasks)
    groups: list[tuple[tuple[str, ...], Alignment]] = [
        *((group, "none") for group in alone),
        *((group, how) for group in shared for how in protocol.alignments),
    ]
    if not groups:
        raise ValueError("no run: ask for alone, pairs or together")
    return [
        Run(**vars(protocol.recipe), tasks=group, alignment=how, seed=seed)
        for seed in range(first, first + count)
        for group, how in groups
    ]
