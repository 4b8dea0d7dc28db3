"""A thousand chest X-rays of a data folder, in parts that share no patient."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.manifest import MANIFEST, Entry, listed_entry

NAME = "chestxray14_mini64"
SPLIT = "all (600/200/200 in array split)"
SIDE = 64
PARTS = ("train", "dev", "test")
# Pixels a side of what models see: with more, 600 rows fit anything.
SMALL = 8
# Positive and negative rows that a task needs in the train and in the test part.
LEAST = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledImages:
    """Grey images, labels 0 and 1 of `k` tasks, and the rows of each part.

    Attributes:
        pixels: As the archive has them.
        labels: All that the archive has of the tasks.
        names: Of the tasks.
        part: Rows that train, choose the pass, and are tested on.
        left_out: Tasks with too few rows of one kind in the train or test part.
        dropped: Rows of an earlier part whose patient is in a later one.
        source, licence, checksum: Where the images come from.

    Raises:
        ValueError: Images that are not square and grey, labels that are not 0 or 1,
            a part that is empty, or a task with one class in the train or test part.
    """

    pixels: UInt8[np.ndarray, "n h w"]
    labels: Int[np.ndarray, "n k"]
    names: tuple[str, ...]
    part: dict[str, Int[np.ndarray, " _"]]
    left_out: tuple[str, ...] = ()
    dropped: int = 0
    source: str = "arrays in memory"
    licence: str = "not known"
    checksum: str = "none"

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3:
            raise ValueError(
                "images must be grey, of shape (n, side, side), got shape "
                f"{self.pixels.shape}"
            )
        count, *side = self.pixels.shape
        if side[0] != side[1]:
            raise ValueError(f"images must be square, got {side[0]} x {side[1]} pixels")
        if self.labels.shape != (count, len(self.names)):
            raise ValueError(
                f"{count} images of {len(self.names)} tasks need labels of shape "
                f"({count}, {len(self.names)}), got {self.labels.shape}"
            )
        for task, name in enumerate(self.names):
            strange = np.setdiff1d(self.labels[:, task], (0, 1))
            if len(strange):
                raise ValueError(f"{name}: labels must be 0 or 1, got {strange[0]}")
        for part in PARTS:
            rows = self.part[part]
            if not len(rows):
                raise ValueError(f"the {part} part has no image")
            for task in self.one_class(part) if part != "dev" else ():
                raise ValueError(
                    f"{self.names[task]}: all {len(rows)} labels of the {part} part "
                    "are equal: leave the task out"
                )

    def one_class(self, part: str) -> tuple[int, ...]:
        """Tasks whose labels in a part are all equal, so that they have no AUC."""
        mine = self.labels[self.part[part]]
        return tuple(np.flatnonzero(mine.min(axis=0) == mine.max(axis=0)).tolist())

    def inputs(self) -> Float32[np.ndarray, "n h w 1"]:
        """All images, centred and scaled by one mean and one deviation of training."""
        seen = self.pixels[self.part["train"]].astype(np.float64)
        spread = seen.std()
        scaled = (self.pixels - seen.mean()) / (spread if spread > 0 else 1)
        return scaled[..., None].astype(np.float32)

    def benchmark(self, part: str) -> LinearBenchmark:
        """Pixels of 8 x 8 and labels −1 and 1 of a part: what weights are found from.

        Raises:
            ValueError: Images that are not 64 x 64.
        """
        rows = self.part[part]
        return LinearBenchmark.on_common_covariates(
            small_pixels(self.pixels[rows]),
            2.0 * self.labels[rows] - 1,
            name=NAME,
            task_names=self.names,
            source=self.source,
            licence=self.licence,
            checksum=self.checksum,
            note=f"the {part} part; no patient is in two parts; pixels averaged to "
            f"{SMALL} x {SMALL}; labels 0 and 1 read as -1 and +1; left out as too "
            f"rare: {', '.join(self.left_out) or 'none'}",
        )


def load_labelled(folder: Path) -> LabelledImages:
    """Read the thousand images; no patient is in two parts.

    The archive's parts share patients: of its 200 test images, 63 are of patients that
    it also trains on. A row of the training part goes if its patient is in the dev or
    test part, and one of the dev part if its patient is in the test part.
    Tasks need five rows of either kind in the train and the test part.

    Raises:
        FileNotFoundError, ValueError: As `load_chest_images`.
    """
    pixels, labels, part, patients, entry = load_chest_images(folder)
    parts, later, kept = {}, np.zeros(0, patients.dtype), 0
    for name in reversed(PARTS):
        fresh = (part == name) & ~np.isin(patients, later)
        later = np.concatenate([later, patients[part == name]])
        parts[name] = np.flatnonzero(fresh)
        kept += len(parts[name])
    counted = [labels[parts[name]] for name in ("train", "test")]
    few = np.min([np.minimum(y.sum(0), len(y) - y.sum(0)) for y in counted], axis=0)
    used = np.flatnonzero(few >= LEAST)
    if not len(used):
        raise ValueError(
            f"{entry.path}: no task has {LEAST} rows of either kind in the train and "
            "the test part"
        )
    return LabelledImages(
        pixels=pixels,
        labels=labels[:, used],
        names=tuple(entry.target_names[task] for task in used),
        part={name: parts[name] for name in PARTS},
        left_out=tuple(entry.target_names[t] for t in np.flatnonzero(few < LEAST)),
        dropped=len(pixels) - kept,
        source=entry.source,
        licence=entry.licence,
        checksum=f"sha256:{entry.sha256}",
    )


def load_chest_images(
    folder: Path,
) -> tuple[
    UInt8[np.ndarray, "n side side"],
    Int[np.ndarray, "n k"],
    np.ndarray,
    np.ndarray,
    Entry,
]:
    """Read images, labels 0 and 1, and the part and the patient of each image.

    The patient is what NIH's name of an image says before the first `_`.

    Raises:
        FileNotFoundError: No such folder, manifest or file.
        ValueError: The manifest does not list them, a wrong checksum, no archive of
            the arrays, images that are not 64 x 64, labels that are not 0 or 1,
            another number of rows than the manifest says, or names that are not text.
    """
    entry = listed_entry(folder, NAME, SPLIT)
    arrays = entry.read_arrays("images", "labels", "split", "names")
    images, labels, part, names = arrays
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
    if names.shape != (entry.rows,) or names.dtype.kind != "U":
        raise ValueError(
            f"{entry.path}: 'names' must be {entry.rows} texts, got shape "
            f"{names.shape} of {names.dtype}"
        )
    patients = np.array([str(name).split("_")[0] for name in names])
    return images, labels.astype(np.int64), part, patients, entry


def small_pixels(
    images: UInt8[np.ndarray, "n side side"],
) -> Float[np.ndarray, "n pixels"]:
    """Means of blocks of pixels, in [0, 1]."""
    step = SIDE // SMALL
    blocks = images.reshape(len(images), SMALL, step, SMALL, step)
    return blocks.mean(axis=(2, 4)).reshape(len(images), -1) / 255.0
