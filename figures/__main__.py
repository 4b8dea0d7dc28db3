"""Draw every saved study: `python -m figures --results results --out pictures`."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import tyro
import xarray as xr
from matplotlib.figure import Figure

from figures import findings, real_data, recorded
from figures.advice import advice
from figures.advice_on_real_data import advice_on_real_data
from figures.alignment import alignment
from figures.bert_alignment import bert_alignment
from figures.capacity import capacity
from figures.classification import classification
from figures.groups import groups
from figures.phase_map import phase_map
from figures.relu_capacity import relu_capacity
from figures.risk_curves import risk_curves
from figures.risk_map import risk_map
from figures.sentences import (
    sentence_capacity,
    sentence_gains,
    sentence_pairs,
    sentence_transfer,
)
from figures.similarity import similarity
from figures.theorem_2_regions import theorem_2_regions
from figures.theorem_2_threshold import theorem_2_threshold
from figures.theorem_2_tightness import theorem_2_tightness
from figures.trained_gap import trained_gap
from figures.transfer import transfer
from figures.weights import weights

# Name of the store and of the picture: its figure.
FIGURES: dict[str, Callable[[xr.Dataset], Figure]] = {
    "transfer": transfer,
    "capacity": capacity,
    "similarity": similarity,
    "weights": weights,
    "alignment": alignment,
    "classification": classification,
    "phase_map": phase_map,
    "trained_gap": trained_gap,
    "relu_capacity": relu_capacity,
    "risk_curves": risk_curves,
    "risk_map": risk_map,
    # One more study with the axes of Fig 3.
    "transfer_relu": transfer,
}
# Drawn where there is such a store and not missed elsewhere: it takes data of one's
# own, or a folder of real data.
OF_DATA: dict[str, Callable[[xr.Dataset], Figure]] = {
    "advice": advice,
    "advice_on_real_data": advice_on_real_data,
    "groups": groups,
    "sentence_transfer": sentence_transfer,
    "sentence_capacity": sentence_capacity,
    "sentence_pairs": sentence_pairs,
    "bert_alignment": bert_alignment,
}
# Made by the checks themselves, in minutes, and by no study of `simulations`.
OF_CHECKS: dict[str, Callable[[xr.Dataset], Figure]] = {
    "theorem_2_tightness": theorem_2_tightness,
    "theorem_2_threshold": theorem_2_threshold,
    "theorem_2_regions": theorem_2_regions,
}
# The paper's beside ours, from studies on record that need no data: the study, and the
# figure of all its encoders.
ON_RECORD: dict[str, tuple[str, Callable[..., Figure]]] = {
    "figure_5b": ("sentence_transfer", sentence_transfer),
    "figure_6": ("sentence_capacity", sentence_capacity),
    "figure_6_sets": ("sentence_capacity", sentence_gains),
    "figure_7": ("sentence_pairs", sentence_pairs),
}
# Pictures of every claim of the ledger, in a folder of their own.
CLAIMS = "claims"
# Pictures of the real data that `python -m paper_checks` studied.
REAL_DATA = "real_data"
FORMATS: dict[str, dict[str, Any]] = {"png": {"dpi": 200}, "pdf": {}}


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Draw every saved study as PNG and PDF.

    Args:
        results: Folder of the stores that `python -m simulations` writes.
        out: Folder of the pictures.
        records: Folder of the studies on record.
        only: Stores to draw, such as transfer; all by default.
    """

    results: Path = Path("results")
    out: Path = Path("pictures")
    records: Path = recorded.FOLDER
    only: tuple[str, ...] = ()


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what is there, say what is missing; 1 if nothing could be drawn."""
    asked = tyro.cli(Drawing, prog="python -m figures", args=arguments)
    known = [*FIGURES, *OF_CHECKS, *OF_DATA, *ON_RECORD, CLAIMS, REAL_DATA]
    unknown = [name for name in asked.only if name not in known]
    if unknown:
        print(f"figures: no {unknown}: there are {', '.join(known)}", file=sys.stderr)
        return 1
    drawn, failed = 0, 0
    pictures = chain(
        _pictures(asked.results, asked.only),
        _on_record(asked.records, asked.only),
        _claims(asked.results, asked.only),
    )
    for stem, draw in pictures:
        # Claims are many, and their pictures are looked at on a screen.
        formats = {"png": FORMATS["png"]} if stem.startswith(CLAIMS) else FORMATS
        try:
            for written in save(draw(), asked.out / stem, formats):
                print(written)
            drawn += 1
        except (ValueError, OSError) as error:
            print(f"figures: {error}", file=sys.stderr)
            failed += 1
    return 0 if drawn and not failed else 1


def _pictures(
    results: Path, only: Sequence[str]
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Names and drawings of what is there and asked for; what is missing is told."""
    if not only or REAL_DATA in only:
        yield from _real_data(results)
    for name, figure in (FIGURES | OF_CHECKS | OF_DATA).items():
        path = results / f"{name}.zarr"
        if only and name not in only:
            continue
        if path.exists():
            yield name, lambda path=path, figure=figure: figure(read(path))
        elif name in FIGURES:
            print(
                f"{path} is missing; make it: python -m simulations {name} "
                f"--out {results}"
            )
        elif name in OF_CHECKS:
            print(
                f"{path} is missing; make it: python -m paper_checks --all-figures "
                f"--results {results}"
            )


def _on_record(
    folder: Path, only: Sequence[str]
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Pictures of the studies on record; none of a study that is not."""
    for name, (study, figure) in ON_RECORD.items():
        paths = recorded.paths(folder, study)
        if paths and (not only or name in only):
            yield (
                name,
                lambda paths=paths, figure=figure: figure(*map(recorded.read, paths)),
            )


def _claims(
    results: Path, only: Sequence[str]
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Intervals and controls of every claim of the last run that has some."""
    path = results / "ledger.json"
    if not path.is_file() or (only and CLAIMS not in only):
        return
    for name, data in findings.read(path).items():
        if findings.drawable(data):
            yield f"{CLAIMS}/{name}", lambda data=data: findings.intervals(data)


def _real_data(results: Path) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """What to draw of the studies of real data: all errors, and own similarities."""
    folder = results / REAL_DATA
    errors = sorted(folder.glob("*/cross_validation.zarr"))
    if not errors:
        print(f"{folder} has no studies; make them: python -m paper_checks")
        return
    yield "real_data", lambda: real_data.cross_validation([read(p) for p in errors])
    for path in sorted(folder.glob("*/similarity.zarr")):
        name = path.parent.name
        # With a common X all covariances are one, and the picture is of one colour.
        if not (path.parent / "span.zarr").exists():
            yield (
                f"similarity-{name}",
                lambda path=path: real_data.similarity(read(path)),
            )


def read(path: Path) -> xr.Dataset:
    """Read a store into memory.

    Raises:
        ValueError: It cannot be read, or would have Python objects unpickled.
    """
    try:
        # The codec's name is all there is to refuse: reading it would run its code.
        if '"pickle"' in (path / ".zmetadata").read_text():
            raise ValueError("it holds pickled objects")
        return xr.load_dataset(path, engine="zarr", zarr_format=2, consolidated=True)
    except Exception as error:
        # zarr and its codecs raise many kinds of exception on damaged files.
        raise ValueError(f"{path} cannot be read: {error}") from error


def save(
    figure: Figure, stem: Path, formats: Mapping[str, Mapping[str, Any]] = FORMATS
) -> list[Path]:
    """Write `stem.png` and `stem.pdf`, or other formats, each whole or not at all.

    Raises:
        OSError: The folder cannot be written to.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory(
        prefix=f".{stem.name}.", dir=stem.parent
    ) as beside:
        for kind, options in formats.items():
            path = stem.with_name(f"{stem.name}.{kind}")
            figure.savefig(Path(beside, path.name), format=kind, **options)
            os.replace(Path(beside, path.name), path)
            written.append(path)
    return written


if __name__ == "__main__":
    sys.exit(main())
