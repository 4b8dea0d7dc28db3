"""Word vectors: of a folder, and of text files as GloVe and word2vec write them."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from paper_checks.data.vectors import load_vectors, read_text_vectors
from tests.paper_checks.data.test_folder import Folder
from tests.paper_checks.sentences.folder import WORDS, add_vectors

GLOVE = "the 0.5 -1 2e-1\nat home 1 2 3\nthe 9 9 9\n"


def written(path: Path, text: str, name: str = "vectors.txt") -> Path:
    found = path / name
    content = text.encode()
    found.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return found


def test_the_folders_vectors_are_read(tmp_path: Path):
    add_vectors(Folder(tmp_path))
    read = load_vectors(tmp_path)
    assert (read.words, read.dimension) == (WORDS, 4)
    assert read.vectors.dtype == np.float32


def test_vectors_that_are_no_matrix_of_numbers_are_refused(tmp_path: Path):
    folder = Folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="has no manifest"):
        load_vectors(tmp_path)
    folder.write()
    with pytest.raises(ValueError, match=r"does not list glove.*https://nlp"):
        load_vectors(tmp_path)
    numbers = "a matrix of finite numbers"
    words = np.array([word.encode() for word in WORDS])
    for bad, message in (
        ({"vectors": np.ones(3)}, numbers),
        ({"vectors": np.full((10, 2), np.nan)}, numbers),
        ({"vectors": np.full((10, 2), "1")}, numbers),
        ({"vectors": np.ones((3, 2))}, "10 words and 3 vectors"),
        ({"words": words}, r"a row of texts, got shape \(10,\) of \|S4"),
        ({"vectors": np.array([{"a": 1}, None])}, r"glove\.npz .*allow_pickle"),
    ):
        folder.entries.clear()
        add_vectors(folder, **bad)  # pyright: ignore[reportArgumentType]
        with pytest.raises(ValueError, match=message):
            load_vectors(tmp_path)


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz"])
@pytest.mark.parametrize("header", ["", "3 3\n"])
def test_text_is_read_with_and_without_header(tmp_path: Path, name: str, header: str):
    path = written(tmp_path, header + GLOVE, name)
    read = read_text_vectors(path)
    assert read.words == ("the", "at home")
    np.testing.assert_allclose(read.vectors, [[0.5, -1, 0.2], [1, 2, 3]], rtol=1e-6)
    assert read_text_vectors(path, keep=["at home"]).words == ("at home",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("the 1 2 3\na 1 2\n", "line 2: 2 numbers, and the first word has 3"),
        ("the 1 2 3\na 1 2 3 4\n", "line 2: 4 numbers, and the first word has 3"),
        ("2 3\nthe 1 2\n", "line 2: 2 numbers, and the first word has 3"),
        ("the 1 2 3\na 1 2 x\n", "line 2: could not convert"),
        ("the 1 2 3\na 1 nan 3\n", "line 2: a value is not finite"),
        ("3 3\nthe 1 2 3\n", "has 1 words, and its first line says 3"),
        ("", "has no vector"),
        ("the\n", "line 1: 0 numbers"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, message: str):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=message) as caught:
        read_text_vectors(path)
    assert "vectors.txt" in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(b"the 1 2\nna\xefve 1 2\n")
    with pytest.raises(ValueError, match="line 2: not UTF-8"):
        read_text_vectors(path)
    path = written(tmp_path, GLOVE, "vectors.gz")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"vectors\.gz is truncated"):
        read_text_vectors(path)
    whole = gzip.compress(GLOVE.encode())
    path.write_bytes(whole[:10] + bytes(8) + whole[18:])
    with pytest.raises(ValueError, match=r"vectors\.gz is truncated or no gzip file"):
        read_text_vectors(path)
