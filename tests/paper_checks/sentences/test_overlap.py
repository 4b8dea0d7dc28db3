"""Duplicates by sparse products against all pairs one by one; the three protocols."""

from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from paper_checks.data.corpus import Corpus, load_corpus
from paper_checks.data.sentences import Sentences
from paper_checks.sentences.overlap import near_duplicates, overlap_report
from paper_checks.sentences.splits import PROTOCOLS, Duplicates, split


def brute_force(counts: np.ndarray, threshold: float) -> set[tuple[int, int]]:
    found = set()
    for i, j in combinations(range(len(counts)), 2):
        x, y = counts[i], counts[j]
        size = np.sqrt((x @ x) * (y @ y))
        if size > 0 and x @ y >= threshold * size * (1 - 1e-12):
            found.add((i, j))
    return found


def pairs_of(found: sp.csr_array) -> set[tuple[int, int]]:
    listed = sp.triu(found).tocoo()
    return set(zip(*(axis.tolist() for axis in listed.coords), strict=True))


def zipf_counts(seed: int) -> np.ndarray:
    """Texts of 0 to 12 tokens, some common and most rare, a third of them copied."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((90, 60))
    share = 1 / np.arange(1, 61)
    for row in range(60):
        places = rng.choice(60, rng.integers(0, 13), p=share / share.sum())
        np.add.at(counts[row], places, 1)
    counts[60:] = counts[rng.choice(60, 30)]
    changed = rng.choice(60, 30)
    counts[np.arange(60, 90), changed] += rng.integers(0, 2, 30)
    return counts


@pytest.mark.parametrize("threshold", [0.3, 0.8, 1.0])
def test_all_pairs_and_no_others_are_found(threshold: float):
    total = 0
    for seed in range(4):
        counts = zipf_counts(seed)
        found = near_duplicates(sp.csr_array(counts), threshold)
        wanted = brute_force(counts, threshold)
        assert pairs_of(found) == wanted
        assert (abs(found - found.T) > 0).nnz == 0
        total += len(wanted)
    assert total > 20


def test_a_cosine_of_exactly_the_threshold_is_near():
    # Four of five tokens shared: 4/5.
    counts = np.array([[1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 0, 1], [1, 1, 1, 0, 1, 0]])
    found = pairs_of(near_duplicates(sp.csr_array(counts.astype(float)), 0.8))
    assert found == {(0, 1), (0, 2)}


def sentences(name: str, split: str, rows: list[tuple[int, str]]) -> Sentences:
    return Sentences(
        name=name,
        split=split,
        texts=tuple(text for _, text in rows),
        labels=np.array([label for label, _ in rows]),
        class_names=("negative", "positive"),
        source="drawn",
        licence="none",
        checksum="sha256:0",
    )


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.from_sentences(
        [
            sentences(
                "sst",
                "train",
                [(0, "a b"), (1, "c d e f g"), (0, "u v"), (0, "y z")],
            ),
            sentences("sst", "dev", [(0, "m n"), (1, "h i")]),
            sentences("sst", "test", [(0, "A  B"), (1, "j k"), (0, "o p")]),
            # Of SST's training, dev and test texts, and one near the second.
            sentences("mr", "train", [(1, "ab"), (1, "c d e f"), (0, "H i"), (0, "q")]),
            sentences("mr", "dev", [(0, "j k"), (0, "s t"), (1, "w x")]),
            sentences("mr", "test", [(0, "u v"), (1, "o p")]),
        ]
    )


def test_the_report_counts_rows_that_are_somewhere_else(corpus: Corpus):
    pairs = Duplicates.of(corpus)
    found = overlap_report(corpus, pairs.exact, pairs.near)
    exact, near = found["exact"].to_pandas(), found["near"].to_pandas()
    assert exact.loc["sst train", "mr train"] == 1
    assert near.loc["sst train", "mr train"] == 2  # c d e f g, and a b exactly
    assert exact.loc["sst train", "sst test"] == 1
    assert near.loc["mr dev", "sst test"] == 1
    assert np.trace(exact) == np.trace(near) == 0
    same = found["same_label"].to_pandas()
    assert same.loc["sst train", "sst test"] == 1
    assert same.loc["sst train", "mr train"] == 0  # "a b": 0 here, 1 there
    assert found.attrs["sst train"] == "sha256:0"


def test_protocols_keep_duplicates_of_any_test_part_out(corpus: Corpus):
    pairs = Duplicates.of(corpus)
    found = {p: split(corpus, pairs, p, 0, 0) for p in PROTOCOLS}
    texts = {
        (p, part): [corpus.texts[row] for own in getattr(one, part) for row in own]
        for p, one in found.items()
        for part in ("train", "dev", "test")
    }
    assert len(texts["naive", "train"]) == 8
    # "a b" and "ab" are in SST's test part, "u v" in MR's, "H i" in SST's dev part.
    assert texts["exact", "train"] == ["c d e f g", "y z", "c d e f", "q"]
    assert texts["exact", "dev"] == ["m n", "h i", "s t", "w x"]
    # Near-duplicates within training harm nobody.
    assert texts["near", "train"] == texts["exact", "train"]
    assert all(texts[p, "test"] == texts["naive", "test"] for p in PROTOCOLS)
    assert found["exact"].dropped == (2, 3)


def test_near_duplicates_of_a_test_text_are_dropped_under_one_protocol_only():
    corpus = Corpus.from_sentences(
        [
            sentences("sst", "train", [(0, "a b c d e"), (1, "f"), (0, "g")]),
            sentences("sst", "dev", [(0, "h"), (1, "i")]),
            sentences("sst", "test", [(0, "a b c d"), (1, "k")]),
        ]
    )
    pairs = Duplicates.of(corpus)
    trained = [len(split(corpus, pairs, p, 0, 0).train[0]) for p in PROTOCOLS]
    assert trained == [3, 3, 2]


def test_folds_cover_a_set_once_and_are_dealt_anew_every_ten_runs():
    rows = [(n % 2, f"text {n}") for n in range(200)]
    corpus = Corpus.from_sentences([sentences("mr", "all", rows)])
    pairs = Duplicates.of(corpus)
    runs = [split(corpus, pairs, "naive", run, 3) for run in range(20)]
    for ten in (runs[:10], runs[10:]):
        tested = np.concatenate([one.test[0] for one in ten])
        np.testing.assert_array_equal(np.sort(tested), np.arange(200))
    assert not np.array_equal(runs[0].test[0], runs[10].test[0])
    for one in runs:
        whole = np.concatenate([one.train[0], one.dev[0], one.test[0]])
        np.testing.assert_array_equal(np.sort(whole), np.arange(200))
        assert len(one.dev[0]) == 18
    again = split(corpus, pairs, "naive", 4, 3)
    np.testing.assert_array_equal(again.train[0], runs[4].train[0])


def test_a_part_of_one_class_is_refused():
    rows = [(int(n == 0), f"text {n}") for n in range(40)]
    corpus = Corpus.from_sentences([sentences("mr", "all", rows)])
    pairs = Duplicates.of(corpus)
    with pytest.raises(ValueError, match=r"mr: the \w+ part of run 1 has the class 0"):
        split(corpus, pairs, "naive", 1, 0)


@pytest.mark.long
def test_the_manifests_counts_of_shared_sentences_are_right(data_folder: Path):
    corpus = load_corpus(data_folder)
    pairs = Duplicates.of(corpus)
    found = overlap_report(corpus, pairs.exact, pairs.near)
    exact = found["exact"].sel(other="mr all").to_pandas()
    wanted = {"subj all": 4167, "sst train": 5045, "sst dev": 656, "sst test": 1369}
    assert {name: exact[name] for name in wanted} == wanted
    same = found["same_label"].sel(other="mr all", part=list(wanted)[1:])
    assert int(same.sum()) == 6746


@pytest.mark.long
def test_no_training_row_of_the_real_sets_is_near_one_that_is_held(data_folder: Path):
    """All pairs of rows, with counts and products of their own."""
    corpus = load_corpus(data_folder)
    parts = split(corpus, Duplicates.of(corpus), "near", 0, 0)
    train, dev, test = map(np.concatenate, (parts.train, parts.dev, parts.test))
    column: dict[str, int] = {}
    rows = [Counter(row) for row in corpus.tokens]
    places = [column.setdefault(token, len(column)) for row in rows for token in row]
    ends = np.cumsum([0, *map(len, rows)])
    values = np.array([float(n) for row in rows for n in row.values()])
    size = np.sqrt(np.add.reduceat(np.append(values**2, 0), ends[:-1]))
    lengths = np.repeat(np.maximum(size, 1), np.diff(ends))
    unit = sp.csr_array((values / lengths, places, ends))
    for known, held in ((train, np.concatenate([test, dev])), (dev, test)):
        for some in np.array_split(held, 20):
            assert (unit[known] @ unit[some].T).data.max() < 0.8
    texts = np.array(["".join(text.lower().split()) for text in corpus.texts])
    assert not set(texts[train]) & set(texts[np.concatenate([test, dev])])
    assert not set(texts[dev]) & set(texts[test])
