"""Word vectors: those of a data folder, or any text file of GloVe or word2vec."""

import gzip
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from paper_checks.data.manifest import file_digest, listed_entry

NAME, SPLIT = "glove_6B_50d_trim", "-"
OFFICIAL = "https://nlp.stanford.edu/projects/glove/"


@dataclass(frozen=True, kw_only=True, eq=False)
class WordVectors:
    """A vector for each of some words.

    Raises:
        ValueError: Another number of words than of vectors, or a word twice.
    """

    words: tuple[str, ...]
    vectors: Float[np.ndarray, "n d"]
    source: str
    checksum: str

    def __post_init__(self) -> None:
        if len(self.words) != len(self.vectors):
            raise ValueError(
                f"{self.source}: {len(self.words)} words and {len(self.vectors)} "
                "vectors: every word needs one vector"
            )
        if len(self.row) != len(self.words):
            raise ValueError(f"{self.source}: a word is there more than once")

    @cached_property
    def row(self) -> Mapping[str, int]:
        """Number of each word."""
        return {word: index for index, word in enumerate(self.words)}

    @property
    def dimension(self) -> int:
        """Numbers a word."""
        return self.vectors.shape[1]


def load_vectors(folder: Path) -> WordVectors:
    """Read the GloVe vectors of a data folder; nothing is unpickled.

    Raises:
        FileNotFoundError: No such folder, manifest or file.
        ValueError: The manifest does not list them, a wrong checksum, or a file that
            is no archive of the arrays `words`, texts, and `vectors`, finite numbers.
    """
    hint = f"its authors have the whole at {OFFICIAL}, for `read_text_vectors`"
    entry = listed_entry(folder, NAME, SPLIT, f"; {hint}")
    words, vectors = entry.read_arrays("words", "vectors")
    # Bytes would become words that are in no text: b'the'.
    if words.ndim != 1 or words.dtype.kind != "U":
        raise ValueError(
            f"{entry.path}: 'words' must be a row of texts, got shape {words.shape} of "
            f"{words.dtype}"
        )
    numbers = vectors.ndim == 2 and vectors.dtype.kind in "fiu"
    if not numbers or not np.isfinite(vectors).all():
        raise ValueError(f"{entry.path}: vectors must be a matrix of finite numbers")
    return WordVectors(
        words=tuple(str(word) for word in words),
        vectors=vectors.astype(np.float32),
        source=entry.source,
        checksum=f"sha256:{entry.sha256}",
    )


def read_text_vectors(path: Path, keep: Collection[str] | None = None) -> WordVectors:
    """Read a text file of GloVe or word2vec, plain or gzipped: a word and its numbers.

    A first line of two whole numbers is word2vec's header, the number of words and
    of numbers a word. A word may hold blanks, as some of GloVe's do. Of a word that
    is there twice the first vector counts.

    Args:
        path: The file.
        keep: Words to keep; all if `None`. Others are checked for their length only.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A line with another number of values than the first, a value that
            is no finite number, bytes that are not UTF-8, fewer lines than the header
            says, or no words. The message names the file and the line.
    """
    kept = None if keep is None else frozenset(keep)
    found: dict[str, np.ndarray] = {}
    dimension, announced, count = 0, None, 0
    for number, line in enumerate(_lines(path), start=1):
        where = f"{path}, line {number}"
        fields = line.split(" ")
        if number == 1 and _is_header(fields):
            announced, dimension = int(fields[0]), int(fields[1])
            continue
        dimension = dimension or len(fields) - 1
        word = _word(fields, dimension, where)
        count += 1
        if word not in found and (kept is None or word in kept):
            found[word] = _numbers(fields[-dimension:], where)
    if announced not in (None, count):
        raise ValueError(
            f"{path} has {count} words, and its first line says {announced}: truncated?"
        )
    if not found:
        raise ValueError(f"{path} has no vector of a word that is asked for")
    return WordVectors(
        words=tuple(found),
        vectors=np.stack(list(found.values())),
        source=str(path),
        checksum=f"sha256:{file_digest(path)}",
    )


def _lines(path: Path) -> Iterator[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        number = 0
        try:
            for raw in file:
                number += 1
                yield raw.decode("utf-8").rstrip(" \r\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}, line {number}: not UTF-8: {error}") from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{path} is truncated or no gzip file, after line {number}: {error}"
            ) from error


def _is_header(fields: list[str]) -> bool:
    return len(fields) == 2 and all(field.isdecimal() for field in fields)


def _word(fields: list[str], dimension: int, where: str) -> str:
    """What stands before the last `dimension` fields: one word, or several, no number.

    A line with a number too many would else have it taken for a part of the word.
    """
    word = fields[: len(fields) - dimension]
    ragged = len(fields) < dimension + 1 or dimension < 1
    if ragged or (len(word) > 1 and _is_number(word[-1])):
        raise ValueError(
            f"{where}: {len(fields) - 1} numbers, and the first word has {dimension}: "
            "all words need as many"
        )
    return " ".join(word)


def _numbers(fields: list[str], where: str) -> Float[np.ndarray, " d"]:
    try:
        values = np.array(fields, dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if not np.isfinite(values).all():
        raise ValueError(f"{where}: a value is not finite")
    return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
