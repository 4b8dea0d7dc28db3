"""Near-duplicates among two sets of 10⁴ texts against all inner products by SciPy."""

import numpy as np
import pytest
import scipy.sparse as sp
from jaxtyping import Int

from paper_checks.data.corpus import Corpus, Sparse, load_corpus
from paper_checks.sentences.overlap import NEAR, near_duplicates
from tests.benchmarks.paired import interleave, quartiles

BLOCK = 1_000


def drawn(rows: int, seed: int) -> Sparse:
    """Token counts of texts of 20 words by Zipf's law; a tenth is another, changed."""
    rng = np.random.default_rng(seed)
    words, length = 15_000, 20
    share = 1 / np.arange(1, words + 1)
    token = rng.choice(words, (rows, length), p=share / share.sum())
    copies = rng.choice(rows, rows // 10, replace=False)
    token[copies] = token[rng.permutation(copies)]
    changed = rng.integers(length, size=len(copies))
    token[copies, changed] = rng.integers(words, size=len(copies))
    return counted(token, words)


def counted(token: Int[np.ndarray, "n length"], words: int) -> Sparse:
    rows, length = token.shape
    row = np.repeat(np.arange(rows), length)
    found = sp.csr_array((np.ones(token.size), (row, token.ravel())), (rows, words))
    found.sum_duplicates()
    return found


def all_products(counts: Sparse) -> int:
    """Pairs at the threshold, from every inner product; a block of rows at a time."""
    size = np.sqrt(np.maximum(counts.multiply(counts).sum(axis=1), 1))
    unit = (sp.diags_array(1 / size) @ counts).tocsr()
    turned, pairs = unit.T.tocsr(), 0
    for start in range(0, unit.shape[0], BLOCK):
        cosine = unit[start : start + BLOCK] @ turned
        pairs += int(np.sum(cosine.data >= NEAR - 1e-12))
    return pairs - int(np.sum(np.diff(counts.indptr) > 0))


@pytest.mark.parametrize("source", ["drawn", "real"])
def test_seconds_of_near_duplicates(source, report, smoke, request):
    rounds = 2 if smoke else 3
    if source == "real":
        corpus: Corpus = load_corpus(request.getfixturevalue("data_folder"))
        rng = np.random.default_rng(0)
        rows = rng.permutation(len(corpus.texts))[: 400 if smoke else 20_000]
        counts = corpus.counts[np.sort(rows)]
    else:
        counts = drawn(2_000 if smoke else 20_000, 0)
    found = near_duplicates(counts)
    assert found.nnz == all_products(counts) > 0
    times = interleave(
        {
            "near": lambda: near_duplicates(counts),
            "products": lambda: all_products(counts),
        },
        rounds,
    )
    near, products = times["near"], times["products"]
    report(
        f"near-duplicates of {counts.shape[0]} texts ({source}), {found.nnz // 2} "
        f"pairs: {quartiles(near)} s, all inner products by SciPy {quartiles(products)}"
        f" s, ratio {quartiles(near / products)} (n={rounds} rounds)"
    )
