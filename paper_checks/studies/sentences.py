"""The studies of sentence sets that W-F5b, W-F6 and W-F7 rest on, kept in stores."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray as xr

from paper_checks.data import vectors
from paper_checks.data.corpus import load_corpus
from paper_checks.data.manifest import read_manifest
from paper_checks.data.sentences import SPLITS, missing_sets
from paper_checks.judge.verdict import Control
from paper_checks.networks.encoders import Kind
from paper_checks.sentences.cells import Bench
from paper_checks.sentences.spec import TextStudy
from paper_checks.sentences.splits import PROTOCOLS
from paper_checks.sentences.studies import STUDIES
from paper_checks.settings import Settings
from paper_checks.studies.stores import anew
from simulations import store
from simulations.provenance import our_version, spec_json

DATA = "SST, MR, CR, SUBJ, MPQA, TREC"
# What protocols do, as sentences say it.
WITHOUT = {
    "naive": "sets as they are",
    "exact": "without exact duplicates",
    "near": "without near-duplicates",
}


def missing(settings: Settings) -> tuple[str, ...]:
    """What a run lacks, a sentence each; none if all is there.

    Raises:
        FileNotFoundError, ValueError: The folder or its manifest is missing or bad.
    """
    if settings.data is None:
        return ("no folder of data is given: make verify DATA=/path/to/folder",)
    lacking = missing_sets(settings.data)
    entry = read_manifest(settings.data).get((vectors.NAME, vectors.SPLIT))
    if entry is None:
        lacking += (f"{vectors.NAME}: not in the manifest; {vectors.OFFICIAL}",)
    elif not entry.path.is_file():
        lacking += (f"{vectors.NAME}: no {entry.file}; {vectors.OFFICIAL}",)
    return lacking


def encoder_of(settings: Settings) -> Kind:
    """The encoder of a profile: the paper's takes hours on two cores."""
    return "mlp" if settings.profile == "quick" else "lstm"


def study(settings: Settings, name: str, encoder: Kind | None = None) -> xr.Dataset:
    """One study: from its store, or from its cells, of which those done are kept.

    Args:
        settings: With a folder of data.
        name: In `STUDIES`.
        encoder: That of the profile if not given; others have stores of their own.
    """
    kind = encoder_of(settings) if encoder is None else encoder
    spec = TextStudy.quick() if settings.profile == "quick" else TextStudy.full(kind)
    spec = replace(spec, seed=settings.seed)
    other = kind != encoder_of(settings)
    path = settings.results / (f"{name}-{kind}.zarr" if other else f"{name}.zarr")
    found = None if anew(settings, path) else _stored(path, spec, settings)
    if found is None:
        found = STUDIES[name](_bench(settings), spec)
        store.save(found, path)
    return found


def control(settings: Settings) -> Control:
    """That of the profile's encoder: labels in random order."""
    return control_of(study(settings, "sentence_control"))


def control_of(found: xr.Dataset) -> Control:
    """Labels in random order: whether every set is then no better than one class.

    A model that had seen its test rows, or reached their labels by another way than
    the text, would show here.
    """
    above = (found["accuracy"] - found["majority"]).to_numpy()
    # Five standard errors of a share of the test rows.
    no_better = above < 5 * np.sqrt(0.25 / found["test_rows"].to_numpy())
    # One set that is better is one too many, and `judge` would do with half of them.
    noticed = len(no_better) if np.all(no_better) else 0
    return Control(
        dropped="labels that have to do with the text (in random order instead; "
        "accuracy must fall to that of the commonest class of a set)",
        noticed=noticed,
        instances=len(above),
    )


def control_on_record(data: xr.Dataset) -> Control:
    """That of an encoder whose control is on record; it names the encoder."""
    checked = control_of(data)
    encoder = data.attrs["encoder"]
    return replace(checked, dropped=f"{checked.dropped[:-1]}; the {encoder})")


def seed_of(data: Sequence[xr.Dataset]) -> int | None:
    """The seed of the first of some studies; `None` if there is none."""
    return int(data[0].attrs["seed"]) if data else None


def runs_of(data: xr.Dataset) -> str:
    """The encoder and its runs, as in `mlp, 10 runs`."""
    runs = data.sizes["run"]
    return f"{data.attrs['encoder']}, {runs} run{'s' * (runs > 1)}"


def encoder_in_words(data: xr.Dataset, protocol: str) -> str:
    """As in "the LSTM (5 runs, without near-duplicates)"."""
    kind, runs = runs_of(data).split(", ")
    return f"the {kind.upper()} ({runs}, {WITHOUT[protocol]})"


def _bench(settings: Settings) -> Bench:
    if settings.data is None:
        raise ValueError("a study of sentences needs a folder of data")
    return _bench_of(settings.data, settings.results, _listed(settings.data))


# Studies come one after the other, and near-duplicates take seconds to find.
@lru_cache(maxsize=1)
def _bench_of(data: Path, results: Path, _: tuple[tuple[str, str], ...]) -> Bench:
    corpus, words = load_corpus(data), vectors.load_vectors(data)
    return Bench(corpus, words, results / "sentences")


def _listed(data: Path) -> tuple[tuple[str, str], ...]:
    """Attribute and checksum of each file, as the manifest of the folder has them."""
    listed = read_manifest(data)
    names = [(name, part) for name, parts in SPLITS.items() for part in parts]
    found = {f"data_{n} {part}": listed[n, part].sha256 for n, part in names}
    found["data_vectors"] = listed[vectors.NAME, vectors.SPLIT].sha256
    return tuple((name, f"sha256:{value}") for name, value in found.items())


def _stored(path: Path, spec: TextStudy, settings: Settings) -> xr.Dataset | None:
    """What a store holds, if it is whole and of this spec, these files, our version."""
    try:
        found = store.load(path)
    except (ValueError, OSError):
        return None
    assert settings.data is not None
    now = _listed(settings.data)
    same = (
        "test_over_train" in found
        and ("late" in found or "aligned" not in found)
        and found["protocol"].to_numpy().tolist() == list(PROTOCOLS)
        and json.loads(found.attrs["spec"]) == json.loads(spec_json(spec))
        and found.attrs.get("version") == our_version()
        and all(found.attrs.get(name) == value for name, value in now)
    )
    return found if same else None
