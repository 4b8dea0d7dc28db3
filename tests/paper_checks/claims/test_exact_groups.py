"""F-G3: what fast rules for groups miss."""

import numpy as np
import pytest

from paper_checks.claims.exact_groups import (
    GROUPS,
    KINDS,
    TASKS,
    affinity,
    at_random,
    judged,
)
from theory.grouping import best_groups


@pytest.mark.parametrize("kind", KINDS)
def test_affinities_are_of_their_kind(kind: str):
    found = [
        affinity(kind, np.random.default_rng(seed)).affinity for seed in range(200)
    ]
    apart = ~np.eye(TASKS, dtype=bool)
    symmetric = all(np.array_equal(one, one.T) for one in found)
    assert symmetric == (kind != "one-way noise")
    spread = np.var([one[apart] for one in found])
    assert spread == pytest.approx(2 if kind == "clusters" else 1, rel=0.15)


def test_random_groups_are_below_the_best():
    scores = affinity("noise", np.random.default_rng(1))
    worth = at_random(scores, np.random.default_rng(2))
    assert worth.max() <= best_groups(scores, GROUPS).value


def test_rules_that_find_the_best_refute_it_and_poor_ones_do_not():
    rng = np.random.default_rng(0)
    for missed, holds in ((0.0, False), (30.0, True)):
        shares = {
            f"missed by {rule}, {kind} (%)": base + rng.normal(size=50)
            for rule, base in (("merging", missed), ("a random choice", 100.0))
            for kind in KINDS
        }
        assert judged(shares).holds is holds
