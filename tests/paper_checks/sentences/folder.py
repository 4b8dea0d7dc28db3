"""A data folder of made-up sentence sets, with a manifest in step."""

import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from paper_checks.data.sentences import SPLITS
from tests.paper_checks.data.test_folder import Folder

CLASSES = {"0": "negative", "1": "positive"}
WORDS = ("good", "bad", "film", "plot", "n't", "rare", "dull", "is", "the", "one")


def add_set(
    folder: Folder,
    name: str,
    split: str,
    rows: Sequence[tuple[int, str]],
    content: bytes | None = None,
    **changed: object,
) -> Path:
    text = "".join(f"{label}\t{text}\n" for label, text in rows)
    fields = {"rows": len(rows), "split": split, "label_names": CLASSES} | changed
    packed = gzip.compress(text.encode()) if content is None else content
    return folder.add(name, f"{name}.{split}.tsv.gz", packed, **fields)


def add_vectors(folder: Folder, words: Sequence[str] = WORDS, **arrays) -> Path:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(words), 4)).astype(np.float16)
    vectors[0], vectors[1] = 4, -4  # 'good' and 'bad' show in a mean
    buffer = io.BytesIO()
    np.savez(buffer, **({"words": np.array(words), "vectors": vectors} | arrays))
    file = "glove.npz"
    name = "glove_6B_50d_trim"
    return folder.add(name, file, buffer.getvalue(), split="-", rows=len(words))


def add_six_sets(folder: Folder, rows: int = 150) -> None:
    """Labels follow 'good' and 'bad'; every set has sentences of its own and of MR."""
    rng = np.random.default_rng(1)
    shared = [_sentence(rng) for _ in range(rows // 3)]
    for name, splits in SPLITS.items():
        for split in splits:
            drawn = [_sentence(rng) for _ in range(rows - len(shared))]
            add_set(folder, name, split, [*shared, *drawn])
    add_vectors(folder)


def _sentence(rng: np.random.Generator) -> tuple[int, str]:
    label = int(rng.integers(2))
    words = [str(word) for word in rng.choice(WORDS[2:], 2)]
    # Without a vector; they keep texts from being near-duplicates.
    other = [f"w{number}" for number in rng.integers(0, 5000, 5)]
    return label, " ".join([WORDS[1 - label], *words, *other])
