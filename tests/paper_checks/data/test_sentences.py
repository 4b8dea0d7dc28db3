"""Sentence sets: what is read, and what a bad file is told."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from paper_checks.data.corpus import load_corpus
from paper_checks.data.sentences import (
    SPLITS,
    key,
    load_sentences,
    missing_sets,
    tokens,
)
from tests.paper_checks.data.test_folder import Folder
from tests.paper_checks.sentences.folder import add_set

ROWS = [(1, "a good film ."), (0, ""), (0, "does n't work")]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_tokens_and_keys_do_not_depend_on_how_a_text_is_typed():
    wanted = "it does n't work , ca n't ."
    for text in ("It doesn't WORK, can't.", wanted):
        assert tokens(text) == tuple(wanted.split())
    assert tokens("the film’s plot") == ("the", "film", "'s", "plot")
    assert tokens("  ") == ()
    assert key("A film 's  plot .") == key("a Film's plot.")
    assert key("a film's plot") != key("a film's plot.")


def test_empty_texts_are_kept(folder: Folder):
    add_set(folder, "mr", "all", ROWS)
    (read,) = load_sentences(folder.path, "mr")
    assert read.texts == tuple(text for _, text in ROWS)
    np.testing.assert_array_equal(read.labels, [1, 0, 0])
    assert read.class_names == ("negative", "positive")
    assert read.checksum.startswith("sha256:")


def test_splits_of_a_set_are_one_task_of_the_corpus(folder: Folder):
    for split in SPLITS["sst"]:
        add_set(folder, "sst", split, ROWS)
    add_set(folder, "mr", "all", ROWS[:2])
    corpus = load_corpus(folder.path, ["sst", "mr"])
    assert corpus.names == ("sst", "mr")
    assert corpus.parts == (*(("sst", split) for split in SPLITS["sst"]), ("mr", "all"))
    np.testing.assert_array_equal(corpus.part("sst", "dev"), [3, 4, 5])
    np.testing.assert_array_equal(corpus.task, [0] * 9 + [1] * 2)
    # Row 1 of each part is the empty text: one group.
    assert len(set(corpus.exact_group[[1, 4, 7, 10]].tolist())) == 1
    assert corpus.counts[1].sum() == 0


def test_what_is_missing_is_named_with_where_its_authors_have_it(folder: Folder):
    add_set(folder, "mr", "all", ROWS).unlink()
    said = missing_sets(folder.path)
    assert len(said) == sum(map(len, SPLITS.values()))
    assert any("mr (all): no mr.all.tsv.gz; " in one for one in said)
    assert all("https://" in one for one in said)
    with pytest.raises(FileNotFoundError, match=r"mr\.all.*example\.org.*cornell\.edu"):
        load_sentences(folder.path, "mr")
    with pytest.raises(ValueError, match=r"does not list sst \(train, dev, test\)"):
        load_sentences(folder.path, "sst")
    with pytest.raises(ValueError, match="no set 'imdb': there are sst, mr"):
        load_sentences(folder.path, "imdb")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1\tgood\n0 bad\n", "line 2: not 'label<TAB>text': '0 bad'"),
        (b"1\tgood\n0\tbad\ttwice\n", "line 2: not 'label<TAB>text'"),
        (b"1\tgood\n2\tbad\n", "line 2: label '2' is none of 0, 1"),
        (b"1\tgood\n0\tbr\xe9f\n", "line 2: not UTF-8"),
        (b"1\tgood\n", "has 1 rows, and manifest.json says 2"),
    ],
)
def test_a_bad_line_is_named(folder: Folder, text: bytes, message: str):
    add_set(folder, "cr", "all", ROWS[:2], content=gzip.compress(text))
    with pytest.raises(ValueError, match=message) as caught:
        load_sentences(folder.path, "cr")
    assert "cr.all.tsv.gz" in str(caught.value)


def test_a_last_line_needs_no_line_feed(folder: Folder):
    whole = gzip.compress(b"1\tgood\n0\tbad")
    add_set(folder, "cr", "all", ROWS[:2], content=whole)
    assert load_sentences(folder.path, "cr")[0].texts == ("good", "bad")


def test_classes_must_be_numbered_from_zero(folder: Folder):
    add_set(folder, "cr", "all", ROWS, label_names={"1": "bad", "2": "good"})
    with pytest.raises(ValueError, match="label_names must name 0, 1"):
        load_sentences(folder.path, "cr")


def test_a_label_means_one_class_in_all_splits(folder: Folder):
    for split in SPLITS["sst"]:
        add_set(folder, "sst", split, ROWS)
    folder.entries[-1]["label_names"] = {"0": "positive", "1": "negative"}
    folder.write()
    message = r"sst differ .*dev: negative, positive; test: positive, negative"
    with pytest.raises(ValueError, match=message):
        load_sentences(folder.path, "sst")


@pytest.mark.long
def test_real_sets_have_the_manifests_counts(data_folder: Path):
    assert missing_sets(data_folder) == ()
    corpus = load_corpus(data_folder)
    assert len(corpus.texts) == 50608
    empty = {
        name: sum(not text.strip() for part in parts for text in part.texts)
        for name in SPLITS
        for parts in [load_sentences(data_folder, name)]
    }
    assert empty == {"sst": 0, "mr": 0, "cr": 4, "subj": 0, "mpqa": 3, "trec": 0}
