"""Certificates that are small enough to be seen through by hand.

One input and labels of energy `e` make the loss `e − 2gθ + Gθ²`, at least `e − g²/G`.
"""

import json
from collections.abc import Callable
from typing import Any

from theory import check


def single() -> dict[str, Any]:
    """Two tasks of one input: each loses 1 at best."""
    return {
        "format": check.FORMAT,
        "version": 1,
        "rank": 1,
        "weights": ["1", "1"],
        "tasks": [{"moments": [["1"], ["1", "2"]]}, {"moments": [["2"], ["2", "3"]]}],
        "claim": {"loss_at_least": "2", "loss_at_most": "2"},
        "witness": {"shared": [["1"]], "heads": [["1"], ["1"]]},
        "evidence": {
            "kind": "metric",
            "residuals": ["1", "1"],
            "shares": ["0", "0"],
            "moments": [["0"], ["0"]],
            "level": "0",
            "cover": [["0"]],
        },
    }


def metric() -> dict[str, Any]:
    """Solutions (5, 0) and (0, 3) in one metric: the smaller is given up, and 9 lost.

    `λ = 9`, `V = (4, 0)ᵀ`, `T = 16`, and `Σ_i s_i − λ − T = 34 − 9 − 16`.
    """
    data = single()
    del data["witness"]
    data["tasks"] = [
        {"moments": [["1"], ["0", "1"], ["5", "0", "25"]]},
        {"moments": [["1"], ["0", "1"], ["0", "3", "9"]]},
    ]
    data["claim"] = {"loss_at_least": "9"}
    data["evidence"] = {
        "kind": "metric",
        "residuals": ["25", "9"],
        "shares": ["1", "1"],
        "moments": [["5", "0"], ["0", "3"]],
        "level": "9",
        "cover": [["1"], ["0", "1"], ["4", "0", "16"]],
    }
    return data


def skew() -> dict[str, Any]:
    """The tasks of `metric`; `e − hᵀN⁻¹h` is 9 at its best, `S_12 = 3/5`."""
    data = metric()
    data["evidence"] = {"kind": "skew", "blocks": [[["-3/5"]]]}
    return data


def factored() -> dict[str, Any]:
    """`single` with half of the claim, by factors `R` of the tasks' matrices."""
    data = single()
    data["evidence"]["residuals"] = ["1/2", "1/2"]
    data["claim"]["loss_at_least"] = "1"
    first, second = [["15/16"], ["1", "1/2"]], [["11/8"], ["93/64", "1/2"]]
    data["evidence"]["factors"] = [first, second, None, None]
    return data


def from_rows() -> dict[str, Any]:
    """`single` with rows."""
    data = single()
    data["tasks"] = [
        {"rows": [["1", "1"], ["0", "1"]]},
        {"rows": [["1", "1"], ["-1", "-1"], ["0", "0x1p0"]]},
    ]
    data["rows_sha256"] = (
        "1c77a545de6d4f64c2b2edf6afd1c243329532682a805c920109696f8a4e254b"
    )
    return data


TRUE = (single, metric, skew, factored, from_rows)


def change(build: Callable[[], dict[str, Any]], **changes: Any) -> str:
    """A certificate with other values; `a__b` is field `b` of field `a`."""
    data = build()
    for name, value in changes.items():
        *path, last = name.split("__")
        holder = data
        for key in path:
            holder = holder[key]
        holder[last] = value
    return json.dumps(data)
