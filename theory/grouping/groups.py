"""The best groups of tasks to train together."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from theory.arguments import check_array, check_integer, check_weights
from theory.grouping.branching import branch_and_bound
from theory.grouping.heuristics import merged_groups
from theory.grouping.partition import best_partition
from theory.grouping.programme import solve_programme
from theory.grouping.result import Groups, evaluate, rounding
from theory.grouping.scores import (
    PairScores,
    Scores,
    TableScores,
    members_of,
    tabulated,
)
from theory.grouping.service import pair_group, pair_service, table_service
from theory.grouping.splits import subsets

# Tasks up to which the search is exact by dynamic programming, and up to which pairs
# are tabulated for the mixed-integer programme, which takes half a minute there.
EXACT, TABULATED = 20, 12
# Costs are whole multiples of a unit to this share, and a budget has at most these
# units.
SHARE, UNITS = 1e-9, 64


class _Plan(NamedTuple):
    """What is asked for; with units if dynamic programming does it.

    `costs` has one cost a set of a table, or one a size of group for pairs, and so has
    `units`.
    """

    scores: Scores
    weights: Float[np.ndarray, " k"]
    number: int | None
    costs: Float[np.ndarray, " n"] | None
    budget: float | None
    units: Int[np.ndarray, " n"] | None = None
    room: int = 0
    service: Float[np.ndarray, "l sets"] | None = None


class _Found(NamedTuple):
    """Groups as masks, their value, −inf if none cover all, and whether it is best."""

    value: float
    groups: list[int]
    optimal: bool


def best_groups(
    scores: Scores,
    number: int | None = None,
    *,
    costs: ArrayLike | None = None,
    budget: float | None = None,
    weights: ArrayLike | None = None,
) -> Groups:
    """Cover all tasks by groups so that each is served best by its best group.

        max_𝒢 Σ_j w_j max_{G ∈ 𝒢, j ∈ G} s(j, G),   |𝒢| ≤ S,   Σ_{G ∈ 𝒢} c_G ≤ b.

    Groups may overlap. Up to 20 tasks the search is exact by dynamic programming, if
    costs are multiples of a unit with at most 64 of them in the budget, and there is no
    `number` beside it. Otherwise a mixed-integer programme finds tables, and pairs of
    up to 12 tasks. More than 20 tasks with pairs and a number: branch and bound, which
    may stop at the best groups found; then `optimal` is false.

    Args:
        scores: Pairs or a table.
        number: Groups at most, `S`; as many as there are tasks if not given.
        costs: `c_G > 0`: of each set of a table, or for pairs of groups of size 1 to k.
        budget: `b`, compared with the costs to 1e-9 of it.
        weights: `w_j ≥ 0`, ones if not given.

    Raises:
        ValueError: A size does not fit; costs without a budget or a budget without
            costs; nothing covers all tasks, and which task or limit is the reason;
            pairs of more tasks than any method for these limits takes.

    Source: arXiv 1905.07553 and 2109.04617 (the problem); methods derived here.
    """
    plan = _with_service(_checked(scores, number, costs, budget, weights))
    best = _solved(plan)
    if best.value == -np.inf:
        raise ValueError(_no_cover(plan))
    found = evaluate(scores, best.groups, plan.weights)
    tied = _tied(plan, found) if best.optimal else None
    return found._replace(optimal=best.optimal, tied=tied)


def _checked(
    scores: Scores,
    number: int | None,
    costs: ArrayLike | None,
    budget: float | None,
    weights: ArrayLike | None,
) -> _Plan:
    k = scores.count
    importance = np.asarray(check_weights(weights, k, float), float)
    if number is not None:
        number = min(check_integer("number", number), k)
    if (costs is None) != (budget is None):
        given = "costs" if budget is None else "budget"
        raise ValueError(f"{given} was given alone: give costs and budget, or neither")
    if costs is None or budget is None:
        room = number or k
        units = np.ones(_places(scores), int)
        return _Plan(scores, importance, room, None, None, units, room)
    count = _places(scores)
    price = check_array("costs", costs, "n", "finite and > 0", double=True, n=count)
    limit = float(check_array("budget", budget, "", "finite and > 0", double=True))
    plan = _Plan(scores, importance, number, np.asarray(price), limit)
    return plan if number else _in_units(plan)


def _places(scores: Scores) -> int:
    """Sizes of groups for pairs, sets for a table: what may have a cost."""
    return scores.count if isinstance(scores, PairScores) else len(scores.scores)


def _in_units(plan: _Plan) -> _Plan:
    """With costs as multiples of the largest unit that all of them are multiples of."""
    assert plan.costs is not None
    assert plan.budget is not None
    for parts in range(1, UNITS + 1):
        unit = plan.costs.min() / parts
        units = np.rint(plan.costs / unit)
        most = int(units.max()) * len(plan.weights)
        room = min(int(plan.budget / unit * (1 + SHARE)), most)
        if room > UNITS:
            break
        if (np.abs(units * unit - plan.costs) <= SHARE * plan.costs).all():
            return plan._replace(units=units.astype(int), room=room)
    return plan


def _solved(plan: _Plan, banned: int = 0) -> _Found:
    """The best groups without the banned one, by the method for this size."""
    k, pairs = plan.scores.count, isinstance(plan.scores, PairScores)
    if k <= EXACT and plan.units is not None:
        return _by_partition(plan, banned)
    if isinstance(plan.scores, TableScores) or k <= TABULATED:
        return _by_programme(plan, banned)
    if pairs and plan.costs is None and plan.number is not None:
        return _by_branching(plan, plan.scores, plan.number)
    raise ValueError(
        f"affinities of {k} tasks with these costs are beyond the exact search: give a "
        "number of groups alone, or a table of the sets to choose from, or for up to "
        f"{EXACT} tasks costs that are multiples of a {UNITS}th of the budget"
    )


def _by_partition(plan: _Plan, banned: int) -> _Found:
    assert plan.service is not None
    units, levels = _levels(plan)
    service = _without(plan, levels, banned) if banned else plan.service
    value, parts = best_partition(service, units[: len(service)], plan.room)
    if banned:  # only its value is of use
        return _Found(value, [], True)
    groups = [_group(plan, part, levels == level) for level, part in parts]
    return _Found(value, groups, True)


def _levels(plan: _Plan) -> tuple[Int[np.ndarray, " l"], Int[np.ndarray, " n"]]:
    """The different numbers of units, and which of them each size or set has."""
    assert plan.units is not None
    return np.unique(plan.units, return_inverse=True)


def _with_service(plan: _Plan) -> _Plan:
    """With what sets of tasks are served by, where dynamic programming asks for it."""
    k, weights = plan.scores.count, plan.weights
    if k > EXACT or plan.units is None:
        return plan
    levels = _levels(plan)[1]
    if isinstance(plan.scores, TableScores):
        service = table_service(plan.scores, weights, levels)
    else:
        service = pair_service(plan.scores, weights, levels, np.arange(1 << k))
    return plan._replace(service=service)


def _without(
    plan: _Plan, levels: Int[np.ndarray, " n"], banned: int
) -> Float[np.ndarray, "l sets"]:
    assert plan.service is not None
    if isinstance(plan.scores, TableScores):
        kept = np.where(plan.scores.masks == banned, -1, levels)
        return table_service(plan.scores, plan.weights, kept)
    service, inside = plan.service.copy(), subsets(banned)
    service[:, inside] = pair_service(plan.scores, plan.weights, levels, inside, banned)
    return service


def _group(plan: _Plan, part: int, wanted: Bool[np.ndarray, " n"]) -> int:
    """The best group of this level that holds the part."""
    if isinstance(plan.scores, PairScores):
        sizes = (np.flatnonzero(wanted) + 1).tolist()
        return pair_group(plan.scores, plan.weights, part, sizes)
    masks = plan.scores.masks
    rows = np.flatnonzero(wanted & (masks & part == part))
    tasks = members_of(np.array([part]), plan.scores.count)[0]
    worth = plan.scores.scores[rows][:, tasks] @ plan.weights[tasks]
    return int(masks[rows[np.argmax(worth)]])


def _by_programme(plan: _Plan, banned: int) -> _Found:
    table = tabulated(plan.scores)
    costs = plan.costs
    if costs is not None and isinstance(plan.scores, PairScores):
        costs = costs[table.members.sum(axis=1) - 1]
    kept = np.flatnonzero(table.masks != banned)
    if not len(kept):
        return _Found(-np.inf, [], True)
    done = solve_programme(
        TableScores(table.members[kept], table.scores[kept]),
        plan.weights,
        plan.number,
        None if costs is None else costs[kept],
        plan.budget,
    )
    if done.rows is None:
        return _Found(-np.inf, [], done.optimal)
    groups = table.masks[kept[done.rows]].tolist()
    value = evaluate(plan.scores, groups, plan.weights).value
    return _Found(value, groups, done.optimal)


def _by_branching(plan: _Plan, scores: PairScores, number: int) -> _Found:
    start = merged_groups(scores, number, weights=plan.weights)
    parts = [0] * len(start.groups)
    for task, group in enumerate(start.serving):
        parts[group] |= 1 << task
    found, optimal = branch_and_bound(scores, plan.weights, number, parts)
    groups = [pair_group(scores, plan.weights, part) for part in found]
    return _Found(evaluate(scores, groups, plan.weights).value, groups, optimal)


def _tied(plan: _Plan, found: Groups) -> bool | None:
    """Whether other groups are as good; None where that is not searched for.

    Any other choice lacks one of these groups, or has more than it needs.
    """
    if plan.scores.count > EXACT and isinstance(plan.scores, PairScores):
        return None
    least = found.value - rounding(plan.scores, plan.weights)
    banned = (sum(1 << task for task in group) for group in found.groups)
    return any(_solved(plan, group).value >= least for group in banned)


def _no_cover(plan: _Plan) -> str:
    """Why nothing covers all tasks."""
    k, scores = plan.scores.count, plan.scores
    if isinstance(scores, TableScores):
        for task in np.flatnonzero(~scores.members.any(axis=0)):
            return f"task {task} is in none of the {len(scores.members)} listed sets"
    elif k == 1:
        return "task 0 has no partner, and groups of one are banned: give single"
    limits = [f"at most {plan.number} groups"] if plan.number else []
    limits += [f"a budget of {plan.budget:g}"] if plan.budget else []
    return f"no groups cover all {k} tasks with {' and '.join(limits)}: allow more"
