"""Eq 5 on pairs of tasks, layer by layer, against what alignment is worth to them.

Reads results of runs on record and nothing of the extra `bert`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy import stats

from paper_checks.judge.measurement import Measurement

# Fisher's interval divides by the root of `n − 3`; fewer pairs say nothing.
LEAST = 5
KINDS = ("before", "change")
SAID = {"before": "eq 5 before training", "change": "the change of eq 5 by training"}


class Compared(NamedTuple):
    """Of `p` pairs: scores at `n` layers, means over seeds, and gains.

    `unaligned` is the score after training without alignment.
    """

    pairs: tuple[tuple[str, ...], ...]
    before: Float[np.ndarray, "p n"]
    after: Float[np.ndarray, "p n"]
    unaligned: Float[np.ndarray, "p n"]
    gain: Float[np.ndarray, " p"]

    def score(self, kind: str) -> Float[np.ndarray, "p n"]:
        """What is set against the gain."""
        return self.before if kind == "before" else self.after - self.before


def compare(
    runs: list[dict[str, Any]],
    arm: str,
    gains: Mapping[tuple[str, ...], Float[np.ndarray, " s"]],
) -> Compared | None:
    """Scores and gains of the pairs whose runs measured similarity.

    Args:
        runs: Of a file of results; transfer is left out.
        arm: The alignment that `gains` are of.
        gains: Of groups of tasks, one a seed.

    Returns:
        `None` if there are fewer than `LEAST` such pairs, or all gain the same.
    """
    found: dict[tuple[str, ...], dict[str, list[dict[str, list[float]]]]] = {}
    for one in runs:
        group = tuple(sorted(one["tasks"]))
        if "similarity" in one and not one["sources"] and len(group) == 2:
            (before,) = one["similarity"]["before"].values()
            (after,) = one["similarity"]["after"].values()
            arms = found.setdefault(group, {})
            arms.setdefault(one["alignment"], []).append(
                {"before": before, "after": after}
            )
    pairs = [p for p in sorted(gains) if {"none", arm} <= found.get(p, {}).keys()]
    gain = np.array([np.mean(gains[pair]) for pair in pairs])
    if len(pairs) < LEAST or np.ptp(gain) == 0:
        return None

    def mean(how: str, when: str) -> Float[np.ndarray, "p n"]:
        return np.array(
            [np.mean([one[when] for one in found[p][how]], axis=0) for p in pairs]
        )

    return Compared(
        pairs=tuple(pairs),
        before=mean(arm, "before"),
        after=mean(arm, "after"),
        unaligned=mean("none", "after"),
        gain=gain,
    )


def rank_correlation(
    quantity: str, x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]
) -> Measurement:
    """Spearman's correlation with Fisher's interval, `tanh(artanh r ± 1.96 s)`.

    `s² = (1 + r²/2)/(n − 3)` (Bonett and Wright 2000), for independent instances.
    Pairs that share a task are not quite that.

    Raises:
        ValueError: Fewer than `LEAST` values, or a side whose values do not differ.
    """
    n = len(x)
    if n < LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ValueError(
            f"{quantity}: a rank correlation needs {LEAST} values or more that differ, "
            f"got {n} of {len(np.unique(x))} and {len(np.unique(y))} kinds"
        )
    found = float(np.asarray(stats.spearmanr(x, y))[0])
    # At ±1 the interval would be a point: half of the least step of r keeps it open.
    inner = 1 - 6 / (n * (n * n - 1))
    middle = np.arctanh(np.clip(found, -inner, inner))
    half = stats.norm.ppf(0.975) * np.sqrt((1 + found**2 / 2) / (n - 3))
    return Measurement(
        quantity=quantity,
        value=found,
        low=min(found, float(np.tanh(middle - half))),
        high=max(found, float(np.tanh(middle + half))),
        interval="95 % Fisher, pairs as if independent",
        n=n,
    )


def rank_correlations(compared: Compared) -> dict[str, list[Measurement]]:
    """Of both kinds of score with the gain, a layer each."""
    return {
        kind: [
            rank_correlation(
                f"rank correlation of {SAID[kind]} with the gain, layer {layer}",
                scores,
                compared.gain,
            )
            for layer, scores in enumerate(compared.score(kind).T)
        ]
        for kind in KINDS
    }


def added(
    data: xr.Dataset, compared: Compared, ranks: dict[str, list[Measurement]]
) -> xr.Dataset:
    """A Dataset of gains with scores (pair, when, layer) and ranks (kind, layer)."""
    scores = np.stack([compared.before, compared.after, compared.unaligned], axis=1)
    when = ["before", "after", "after, without alignment"]
    own: dict[str, Any] = {"similarity": (("pair", "when", "layer"), scores)}
    for name, field in (("rank", "value"), ("rank_low", "low"), ("rank_high", "high")):
        values = [[getattr(one, field) for one in ranks[kind]] for kind in KINDS]
        own[name] = (("kind", "layer"), np.array(values))
    found = data.assign(own).assign_coords(
        pair=[" + ".join(pair) for pair in compared.pairs],
        when=when,
        kind=list(KINDS),
        layer=np.arange(scores.shape[2]),
    )
    found["similarity"].attrs = {"long_name": "similarity (eq 5)", "units": "1"}
    found["rank"].attrs = {"long_name": "rank correlation with gain", "units": "1"}
    found["layer"].attrs = {"long_name": "layer (0: task embeddings)", "units": "1"}
    return found
