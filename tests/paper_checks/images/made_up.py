"""Images with labels that can be seen in them, in memory and as a data folder."""

import io
from pathlib import Path

import numpy as np

from paper_checks.data.chest_images import NAME, SPLIT, LabelledImages
from tests.paper_checks.data.test_folder import Folder

PARTS = {"train": 60, "dev": 30, "test": 30}
ROWS = sum(PARTS.values())


def seen(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright left half (first label) or top (second); the third is chance.

    The fourth label is too rare for a task.
    """
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (ROWS, 4))
    labels[:, 3] = np.arange(ROWS) == 0
    images = rng.integers(0, 100, (ROWS, side, side))
    images[:, :, : side // 2] += 75 * labels[:, 0, None, None]
    images[:, : side // 2] += 75 * labels[:, 1, None, None]
    return images.astype(np.uint8), labels


def labelled(side: int = 16) -> LabelledImages:
    images, labels = seen(side)
    ends = np.cumsum(list(PARTS.values()))[:-1]
    part = dict(zip(PARTS, np.split(np.arange(ROWS), ends), strict=True))
    return LabelledImages(
        pixels=images, labels=labels[:, :3], names=("left", "top", "chance"), part=part
    )


def add_images(path: Path, **changed: np.ndarray) -> Path:
    """A folder of such images; patients 2 and 70 are in two parts."""
    images, labels = seen(64)
    patients = np.arange(ROWS)
    patients[[65, 100, 101]] = 2, 70, 70
    names = np.array([f"{patient:08}_{n:03}" for n, patient in enumerate(patients)])
    split = np.repeat(list(PARTS), list(PARTS.values()))
    arrays = {"images": images, "labels": labels, "split": split, "names": names}
    buffer = io.BytesIO()
    np.savez(buffer, **(arrays | changed))  # pyright: ignore[reportArgumentType]
    titles = ["left", "top", "chance", "rare"]
    fields = {"split": SPLIT, "rows": ROWS, "label_names": titles}
    return Folder(path).add(NAME, "chest.npz", buffer.getvalue(), **fields)
