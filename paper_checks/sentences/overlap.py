"""Sentences that two sets share, exactly or nearly."""

import numpy as np
import scipy.sparse as sp
import xarray as xr
from jaxtyping import Bool, Float, Int

from paper_checks.data.corpus import Corpus, Sparse

# Cosine of token counts from which two texts are near-duplicates.
NEAR = 0.8
# Rounding of a cosine of at most some hundred tokens; and of differences of running
# sums over 10⁵ rows, where too many candidates do no harm.
ROUNDING, SUMS = 1e-12, 1e-9
# Share of the rows that have a token, up to which it is rare: the best of a few tried
# on six sentence sets. And rows whose candidates are in memory at a time.
RARE, BLOCK = 0.02, 2000


def near_duplicates(counts: Sparse, threshold: float = NEAR) -> Sparse:
    """Pairs of rows whose token counts have a cosine of `threshold` or more.

    Rows `x` have unit length and tokens are ordered from rare to common. Let `P(x)`
    hold the rare tokens of `x`, and as many of the others, rarest first, that what is
    left of `x` is shorter than the threshold `t`. If `⟨x, y⟩ ≥ t`, the rarest token
    that both have is in `P(x)` and in `P(y)`: were it not in `P(x)`, all tokens they
    share would be left of `x`, and `⟨x, y⟩ < t`. With `τ` the length of the tokens
    that are not rare,

        ⟨x, y⟩ ≤ ⟨P(x), P(y)⟩ + τ(x) τ(y),

    so products of the sparse matrix of the `P(x)` give few pairs whose cosine has to
    be computed, and miss none.

    Args:
        counts: Token counts (rows x tokens); a row of zeros is near to none.
        threshold: In (0, 1].

    Returns:
        A symmetric matrix of the cosines, without its diagonal.

    Raises:
        ValueError: The threshold is out of range.

    Source: prefix filtering (Bayardo, Ma and Srikant 2007); bounds derived here.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"a threshold of cosines is in (0, 1], got {threshold}")
    square = np.asarray(counts.multiply(counts).sum(axis=1)).ravel()
    inverse = np.where(square > 0, 1 / np.sqrt(np.where(square > 0, square, 1)), 0)
    unit = (sp.diags_array(inverse) @ counts).tocsr()
    first, second = _candidates(unit, threshold)
    cosine = _dots(unit, first, second)
    near = cosine >= threshold - ROUNDING
    shape = (counts.shape[0],) * 2
    upper = sp.csr_array((cosine[near], (first[near], second[near])), shape=shape)
    return (upper + upper.T).tocsr()


def exact_duplicates(group: Int[np.ndarray, " n"]) -> Sparse:
    """Pairs of rows of one group (1), without the diagonal."""
    n = len(group)
    member = sp.csr_array((np.ones(n), (np.arange(n), group)))
    return (member @ member.T - sp.eye_array(n)).tocsr()


def touches(pairs: Sparse, rows: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Rows that are paired with one of `rows`."""
    return (abs(pairs) @ rows.astype(float)) > 0


def overlap_report(corpus: Corpus, exact: Sparse, near: Sparse) -> xr.Dataset:
    """How many rows of each split are again in each other one, or in itself.

    Args:
        corpus: The rows.
        exact: Pairs of exact duplicates.
        near: Pairs of near-duplicates, the exact ones among them.

    Returns:
        `exact` and `near` (part, other): rows of `part` with a duplicate in `other`;
        on the diagonal, with another row of the same text. Near ones include the
        exact. `same_label` (part, other): of the exact ones, those whose duplicates in
        `other` all have their label; it means something where both sets' labels do.
        `rows` (part).
    """
    names = [f"{name} {split}" for name, split in corpus.parts]
    places = [corpus.part(*part) for part in corpus.parts]
    found = np.zeros((3, len(names), len(names)), dtype=int)
    differs = _other_label(exact, corpus.labels)
    for column, theirs in enumerate(places):
        mask = np.zeros(len(corpus.texts), dtype=bool)
        mask[theirs] = True
        is_exact, is_near = touches(exact, mask), touches(near, mask)
        agrees = is_exact & ~touches(differs, mask)
        for row, mine in enumerate(places):
            hits = (is_exact[mine], is_near[mine], agrees[mine])
            found[:, row, column] = [one.sum() for one in hits]
    axes = ("part", "other")
    return xr.Dataset(
        {
            "exact": (axes, found[0]),
            "near": (axes, found[1]),
            "same_label": (axes, found[2]),
            "rows": ("part", [len(mine) for mine in places]),
        },
        coords={"part": names, "other": names},
        attrs={"threshold": NEAR, **corpus.checksums},
    )


def _candidates(
    unit: Sparse, threshold: float
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"]]:
    """Pairs `i < j` that may have a cosine of the threshold or more."""
    heads, tail = _heads(unit, threshold)
    columns = heads.T.tocsr()
    found = []
    for start in range(0, unit.shape[0], BLOCK):
        inner = (heads[start : start + BLOCK] @ columns).tocoo()
        first, second = inner.coords[0] + start, inner.coords[1]
        bound = inner.data + tail[first] * tail[second]
        kept = (first < second) & (bound >= threshold - SUMS)
        found.append(np.stack([first[kept], second[kept]]))
    first, second = np.concatenate(found, axis=1)
    return first, second


def _heads(unit: Sparse, threshold: float) -> tuple[Sparse, Float[np.ndarray, " n"]]:
    """`P(x)` and `τ(x)` of every row."""
    rows, columns = unit.shape
    frequency = np.bincount(unit.indices, minlength=columns)
    rank = np.argsort(np.argsort(frequency, kind="stable"))
    row = np.repeat(np.arange(rows), np.diff(unit.indptr))
    by_rarity = np.lexsort((rank[unit.indices], row))
    token, value = unit.indices[by_rarity], unit.data[by_rarity]
    # What is left of a row from each token on, that one included.
    total = np.concatenate([[0.0], np.cumsum(value**2)])
    left = total[unit.indptr[1:]][row] - total[:-1]
    rare = frequency[token] <= RARE * rows
    kept = rare | (left >= threshold**2 - SUMS)
    heads = sp.csr_array((value[kept], (row[kept], token[kept])), shape=unit.shape)
    tail = np.bincount(row[~rare], value[~rare] ** 2, minlength=rows)
    return heads, np.sqrt(tail)


def _dots(
    unit: Sparse, first: Int[np.ndarray, " p"], second: Int[np.ndarray, " p"]
) -> np.ndarray:
    """Inner products of pairs of rows, a million pairs at a time."""
    parts = [np.zeros(0)]
    for start in range(0, len(first), 1_000_000):
        here = slice(start, start + 1_000_000)
        parts.append(unit[first[here]].multiply(unit[second[here]]).sum(axis=1))
    return np.concatenate(parts)


def _other_label(pairs: Sparse, labels: Int[np.ndarray, " n"]) -> Sparse:
    """The pairs whose labels differ."""
    listed = pairs.tocoo()
    first, second = listed.coords
    other = labels[first] != labels[second]
    where = (first[other], second[other])
    return sp.csr_array((np.ones(other.sum()), where), shape=pairs.shape)
