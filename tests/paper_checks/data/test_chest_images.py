"""Chest X-rays: what is read, and what a bad archive is told."""

import io
from pathlib import Path

import numpy as np
import pytest

from paper_checks.data.chest_images import (
    NAME,
    SPLIT,
    load_chest_images,
    load_labelled,
    small_pixels,
)
from tests.paper_checks.data.test_folder import Folder

ROWS = 60
RNG = np.random.default_rng(0)


def arrays() -> dict[str, np.ndarray]:
    """Sixty images, each of its own patient; the third label is too rare."""
    labels = RNG.integers(0, 2, (ROWS, 3)).astype(np.uint8)
    labels[:, 2] = 0
    labels[:7, 2] = 1
    images = RNG.integers(0, 256, (ROWS, 64, 64)).astype(np.uint8)
    images[:, :32, :32] = 120 * labels[:, 0, None, None]
    split = np.repeat(["train", "dev", "test"], [26, 8, 26])
    names = np.array([f"{patient:08}_000.png" for patient in range(ROWS)])
    return {"images": images, "labels": labels, "split": split, "names": names}


def add(path: Path, **changed: np.ndarray) -> Path:
    buffer = io.BytesIO()
    np.savez(buffer, **(arrays() | changed))  # pyright: ignore[reportArgumentType]
    fields = {"split": SPLIT, "rows": ROWS, "label_names": ["a", "b", "c"]}
    return Folder(path).add(NAME, "chest.npz", buffer.getvalue(), **fields)


def test_parts_and_labels_are_those_of_the_archive(tmp_path: Path):
    add(tmp_path)
    images = load_labelled(tmp_path)
    train, test = (images.benchmark(part) for part in ("train", "test"))
    assert train.task_names == test.task_names == ("a", "b")
    assert (train.rows, test.rows, train.dimension) == (26, 26, 64)
    assert "no patient is in two parts" in train.note
    assert "left out as too rare: c" in train.note
    # The first label is written into the upper left quarter.
    quarter = test.covariates[0][:, 0] * 255
    np.testing.assert_allclose(quarter, np.where(test.labels[0] > 0, 120, 0))


def test_pixels_are_means_of_blocks():
    image = np.zeros((1, 64, 64), np.uint8)
    image[0, 8:16, 0:8] = 255
    image[0, 0:4, 8:16] = 255
    small = small_pixels(image).reshape(8, 8)
    assert (small[1, 0], small[0, 1], small.sum()) == (1, 0.5, 1.5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": np.zeros((ROWS, 32, 64), np.uint8)}, r"64 x 64 .* \(60, 32, 64\)"),
        ({"images": np.zeros((ROWS, 64, 64))}, "of 8 bits, got .*float64"),
        ({"labels": np.full((ROWS, 3), 2)}, "labels must be 0 or 1"),
        ({"labels": np.zeros((ROWS, 2), int)}, "says 60 rows and 3 labels"),
        ({"split": np.repeat("train", 59)}, "59 parts"),
        ({"split": np.repeat("fold 1", ROWS)}, "parts must be of train, dev, test"),
        ({"labels": np.array([None] * ROWS)}, "no archive of 'images'"),
        ({"names": np.arange(ROWS)}, "'names' must be 60 texts"),
        ({"names": np.repeat("1_0", 5)}, r"60 texts, got shape \(5,\)"),
        ({"labels": np.zeros((ROWS, 3), int)}, "no task has 5 rows of either kind"),
    ],
)
def test_a_bad_archive_is_named(tmp_path: Path, changed: dict, message: str):
    add(tmp_path, **changed)
    with pytest.raises(ValueError, match=message) as caught:
        load_labelled(tmp_path)
    assert "chest.npz" in str(caught.value)


def test_a_damaged_archive_is_named(tmp_path: Path):
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))  # one array alone: numpy raises a TypeError
    fields = {"split": SPLIT, "rows": ROWS, "label_names": ["a", "b", "c"]}
    for content in (add(tmp_path).read_bytes()[:-40], buffer.getvalue()):
        Folder(tmp_path).add(NAME, "chest.npz", content, **fields)
        message = r"chest\.npz is no archive of 'images' .*or is damaged: \w+: "
        with pytest.raises(ValueError, match=message):
            load_chest_images(tmp_path)


def test_a_manifest_without_images_is_told(tmp_path: Path):
    Folder(tmp_path).write()
    with pytest.raises(ValueError, match="does not list chestxray14_mini64"):
        load_chest_images(tmp_path)
