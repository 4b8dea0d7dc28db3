"""Eq 5 against the gains of pairs: from results made up here to the figure."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from figures.__main__ import read
from figures.bert_alignment import bert_alignment
from paper_checks.claims.figure_5a import TASKS
from paper_checks.studies.bert_alignment import NAME
from paper_checks.studies.similarity_and_gain import compare, rank_correlation
from tests.paper_checks.claims.test_figure_5a import ALL, judged, results

PAIRS: list[tuple[str, ...]] = list(combinations(TASKS, 2))
# At layer 0 the gain is larger where the score is; at layer 1 where it is smaller.
GAINS: dict[tuple[str, ...], np.ndarray] = {
    pair: np.array([n - 3.0, n - 2.0]) for n, pair in enumerate(PAIRS)
}


def measured(pair: tuple[str, ...], how: str, seed: int) -> dict[str, Any]:
    place = PAIRS.index(pair) / 20
    before = [0.2 + place, 0.9 - place]
    # Means over seeds count: single ones are in another order.
    shift = 0.3 * (-1) ** (seed + PAIRS.index(pair))
    change = place if how == "moving" else 7.0
    after = [score + change + shift for score in before]
    name = "+".join(pair)
    return {"before": {name: before}, "after": {name: after}}


def runs() -> list[dict[str, Any]]:
    return [
        {"tasks": pair, "sources": [], "alignment": how, "seed": seed}
        | {"similarity": measured(pair, how, seed)}
        for pair in PAIRS
        for how in ("none", "moving")
        for seed in (0, 1)
    ]


def test_scores_are_means_of_the_aligned_runs_in_the_order_of_the_gains():
    found = compare(runs(), "moving", GAINS | {TASKS: np.ones(2)})
    assert found is not None
    assert found.pairs == tuple(PAIRS)
    assert np.allclose(found.gain, np.arange(10) - 2.5)
    assert np.allclose(found.before[:, 0], 0.2 + np.arange(10) / 20)
    assert np.allclose(found.score("change").T, np.arange(10) / 20)
    assert np.allclose(found.unaligned - found.before, 7)


def test_runs_that_measured_nothing_or_are_of_transfer_are_left_out():
    listed = runs()
    assert compare([], "moving", GAINS) is None
    assert compare(listed, "fixed", GAINS) is None
    assert compare(listed[:16], "moving", GAINS) is None
    same = dict.fromkeys(GAINS, np.zeros(2))
    assert compare(listed, "moving", same) is None
    of_transfer = [one | {"sources": ["rte"]} for one in listed]
    assert compare(of_transfer, "moving", GAINS) is None
    found = compare(listed[4:], "moving", GAINS)
    assert found is not None
    assert found.pairs == tuple(PAIRS[1:])


def test_the_interval_covers_the_true_rank_correlation():
    rng = np.random.default_rng(0)
    true = 6 / np.pi * np.arcsin(0.5 / 2)
    root = np.linalg.cholesky([[1, 0.5], [0.5, 1]])
    inside = 0
    for draw in rng.standard_normal((400, 10, 2)):
        found = rank_correlation("r", *(draw @ root.T).T)
        assert found.low < found.value < found.high
        inside += found.low <= true <= found.high
    # 95 %, and five standard errors of 400 draws; Fisher's z leaves out 1 % at n = 10.
    assert 0.89 < inside / 400 < 0.995


def test_a_perfect_order_is_no_certainty_and_no_spread_is_refused():
    order = np.arange(10.0)
    found = rank_correlation("r", order, np.exp(order))
    assert found.value == pytest.approx(1)
    # tanh(artanh(1 − 6/990) − 1.96 √(1.5/7)), by hand.
    assert found.low == pytest.approx(0.963, abs=1e-3)
    assert found.high == found.value
    mirrored = rank_correlation("r", order, -order)
    assert mirrored.low == pytest.approx(-found.high)
    for x in (np.ones(10), order[:4]):
        with pytest.raises(ValueError, match="values or more that differ"):
            rank_correlation("r", x, order[: len(x)])


def test_the_ledger_and_the_figure_have_a_rank_correlation_a_layer(tmp_path: Path):
    found = results(2.0, ALL, seeds=2)
    for one in found["runs"]:
        pair = one["tasks"]
        if len(pair) == 2:
            # A gain that grows with the pair's place, in both seeds.
            more = 10 * PAIRS.index(pair) * (one["alignment"] == "moving")
            one["scores"] = {t: {"score": 50 + more + one["seed"] * more / 9}
                             for t in pair}  # fmt: skip
            one["similarity"] = measured(pair, one["alignment"], one["seed"])
    finding = judged(tmp_path, found)
    ranks = [one for one in finding.measurements if "rank" in one.quantity]
    assert [round(one.value, 9) for one in ranks] == [1, -1, 1, 1]
    assert ranks[1].quantity.endswith("eq 5 before training with the gain, layer 1")
    assert {one.n for one in ranks} == {10}
    data = read(tmp_path / "out" / f"{NAME}.zarr")
    assert data["similarity"].dims == ("pair", "when", "layer")
    figure = bert_alignment(data)
    assert len(figure.axes) == 2
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert (len(labels), labels[-1]) == (11, "all five")
    figure.savefig(tmp_path / "figure.png")
