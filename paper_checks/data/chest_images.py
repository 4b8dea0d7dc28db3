"""A thousand chest X-rays of a data folder: images, labels, parts and patients."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8

from paper_checks.data.manifest import MANIFEST, Entry, read_manifest

NAME = "chestxray14_mini64"
SPLIT = "all (600/200/200 in array split)"
SIDE = 64
PARTS = ("train", "dev", "test")
# Pixels a side of what models see: with more, 600 rows fit anything.
SMALL = 8


def load_chest_images(
    folder: Path,
) -> tuple[UInt8[np.ndarray, "n side side"], Int[np.ndarray, "n k"], np.ndarray, Entry]:
    """Read images, labels 0 and 1, and the part of each image.

    Raises:
        FileNotFoundError: No such folder, manifest or file.
        ValueError: The manifest does not list them, a wrong checksum, no archive of
            the arrays, images that are not 64 x 64, labels that are not 0 or 1, or
            another number of rows than the manifest says.
    """
    entry = _listed(folder)
    images, labels, part = entry.read_arrays("images", "labels", "split")
    if images.shape[1:] != (SIDE, SIDE) or images.dtype != np.uint8:
        raise ValueError(
            f"{entry.path}: images must be {SIDE} x {SIDE} of 8 bits, got shape "
            f"{images.shape} of {images.dtype}"
        )
    lengths = {len(images), len(labels), len(part), entry.rows}
    if len(lengths) > 1 or labels.shape[1:] != (len(entry.target_names),):
        raise ValueError(
            f"{entry.path}: {len(images)} images, labels of shape {labels.shape} and "
            f"{len(part)} parts; {MANIFEST} says {entry.rows} rows and "
            f"{len(entry.target_names)} labels"
        )
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"{entry.path}: labels must be 0 or 1")
    if not np.isin(part, PARTS).all():
        raise ValueError(f"{entry.path}: parts must be of {', '.join(PARTS)}")
    return images, labels.astype(np.int64), part, entry


def load_patients(folder: Path) -> np.ndarray:
    """The patient of each image: what its name of NIH says before the first `_`.

    Raises:
        FileNotFoundError: No such folder, manifest or file.
        ValueError: The manifest does not list the images, a wrong checksum, or names
            that are not text, one an image.
    """
    entry = _listed(folder)
    (names,) = entry.read_arrays("names")
    if names.shape != (entry.rows,) or names.dtype.kind != "U":
        raise ValueError(
            f"{entry.path}: 'names' must be {entry.rows} texts, got shape "
            f"{names.shape} of {names.dtype}"
        )
    return np.array([str(name).split("_")[0] for name in names])


def small_pixels(
    images: UInt8[np.ndarray, "n side side"],
) -> Float[np.ndarray, "n pixels"]:
    """Means of blocks of pixels, in [0, 1]."""
    step = SIDE // SMALL
    blocks = images.reshape(len(images), SMALL, step, SMALL, step)
    return blocks.mean(axis=(2, 4)).reshape(len(images), -1) / 255.0


def _listed(folder: Path) -> Entry:
    entry = read_manifest(folder).get((NAME, SPLIT))
    if entry is None:
        raise ValueError(f"{folder / MANIFEST} does not list {NAME}")
    return entry
