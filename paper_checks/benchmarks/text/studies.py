"""What the paper did with six sentence sets: transfer, capacity, pairs; as Datasets."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import xarray as xr

from paper_checks.benchmarks.text.cells import Bench, Cell, Result
from paper_checks.benchmarks.text.encoders import Kind
from paper_checks.benchmarks.text.sentences import SPLITS
from paper_checks.benchmarks.text.splits import PROTOCOLS, Protocol, split
from paper_checks.benchmarks.text.training import Training
from simulations.labelled import Entry, dataset

SETS = tuple(SPLITS)
SOURCE = "sst"
PAIRS = tuple(combinations(SETS, 2))
# Sixteen steps a call: protocols differ in their number of steps, and need not each
# be compiled.
MLP = Training(batch=500, rate=5e-3, epochs=15, patience=4, together=16)
SEQUENCES = Training(rate=1e-3, epochs=15, patience=3, buckets=5, together=8)


@dataclass(frozen=True, kw_only=True)
class TextStudy:
    """What is trained; saved with the results.

    Args:
        training: The encoder, and how it is trained; its width is that of pairs.
        widths: Capacities of the sweep.
        runs: Of every cell.
        problems: Problems trained side by side, for the sake of memory.
        seed: Of the runs.
    """

    training: Training = field(default_factory=lambda: MLP)
    widths: tuple[int, ...] = (5, 10, 25, 50, 100, 200, 500)
    runs: int = 10
    problems: int = 15
    seed: int = 0

    @classmethod
    def quick(cls) -> "TextStudy":
        """Of minutes: the MLP, one run and three capacities."""
        return cls(widths=(5, 25, 100), runs=1)

    @classmethod
    def full(cls, encoder: Kind) -> "TextStudy":
        """Five runs of every capacity; of the MLP, all ten folds."""
        if encoder == "mlp":
            return cls(training=replace(MLP, epochs=30), problems=5)
        how = replace(SEQUENCES, encoder=encoder)
        return cls(training=how, runs=5, problems=1)

    def changed(self, runs: int | None, widths: Sequence[int]) -> "TextStudy":
        """With other runs and widths, where they are given."""
        return replace(
            self, runs=runs or self.runs, widths=tuple(widths) or self.widths
        )


def transfer(
    bench: Bench, spec: TextStudy, protocols: Sequence[Protocol] = PROTOCOLS
) -> xr.Dataset:
    """SST with each other set, with and without alignment (W-F5b).

    Returns:
        Test accuracy of the target: `alone`, `together`, `aligned` (protocol, target,
        run), in per cent.
    """
    targets = [name for name in SETS if name != SOURCE]
    pairs = [(SOURCE, target) for target in targets]
    found = {"alone": [], "together": [], "aligned": []}
    for protocol in protocols:
        alone = _alone(bench, spec, protocol, spec.training.width)
        found["alone"].append([alone[name] for name in targets])
        for name, aligned in (("together", False), ("aligned", True)):
            by_pair = _trained(bench, spec, protocol, pairs, aligned)
            found[name].append([by_pair[pair][0][:, 1] for pair in pairs])
    axes = ("protocol", "target", "run")
    said = {
        "alone": "test accuracy, target alone",
        "together": "test accuracy, with SST",
        "aligned": "test accuracy, with SST, aligned",
    }
    variables = _per_cent(axes, found, said)
    return _dataset(bench, spec, protocols, variables, {"target": targets})


def pairs(
    bench: Bench, spec: TextStudy, protocols: Sequence[Protocol] = PROTOCOLS
) -> xr.Dataset:
    """All 15 pairs, with and without alignment, and how alike their inputs are (W-F7).

    Returns:
        Mean test accuracy of the pair: `alone`, `together`, `aligned` (protocol, pair,
        run), in per cent; `similarity` and `aligned_similarity` of eq 5 likewise.
    """
    names = ("alone", "together", "aligned", "similarity", "aligned_similarity")
    found: dict[str, list] = {name: [] for name in names}
    for protocol in protocols:
        alone = _alone(bench, spec, protocol, spec.training.width)
        together = _trained(bench, spec, protocol, PAIRS, False)
        aligned = _trained(bench, spec, protocol, PAIRS, True)
        found["alone"].append([(alone[a] + alone[b]) / 2 for a, b in PAIRS])
        found["together"].append([together[pair][0].mean(axis=1) for pair in PAIRS])
        found["aligned"].append([aligned[pair][0].mean(axis=1) for pair in PAIRS])
        found["similarity"].append([aligned[pair][1] for pair in PAIRS])
        found["aligned_similarity"].append([aligned[pair][2] for pair in PAIRS])
    axes = ("protocol", "pair", "run")
    said = {
        "alone": "mean test accuracy, each alone",
        "together": "mean test accuracy, together",
        "aligned": "mean test accuracy, together and aligned",
    }
    scores: dict[str, Entry] = {
        name: (axes, np.array(found[name]), what, "1")
        for name, what in (
            ("similarity", "similarity of inputs (eq 5)"),
            ("aligned_similarity", "similarity of aligned inputs (eq 5)"),
        )
    }
    labels = [f"{a}, {b}" for a, b in PAIRS]
    variables = _per_cent(axes, found, said) | scores
    return _dataset(bench, spec, protocols, variables, {"pair": labels})


def capacity(
    bench: Bench, spec: TextStudy, protocols: Sequence[Protocol] = PROTOCOLS
) -> xr.Dataset:
    """Accuracy against the capacity, each set alone and all six together (W-F6).

    Returns:
        `alone`, `together` and the dev accuracies `alone_dev`, `together_dev`, by
        which a capacity is chosen (protocol, width, set, run), in per cent.
    """
    found: dict[str, list] = {
        name: [] for name in ("alone", "alone_dev", "together", "together_dev")
    }
    for protocol in protocols:
        rows: dict[str, list] = {name: [] for name in found}
        for width in spec.widths:
            single = _result(bench, spec, protocol, [(n,) for n in SETS], width)
            rows["alone"].append(single.test[:, :, 0])
            rows["alone_dev"].append(single.dev[:, :, 0])
            joint = _result(bench, spec, protocol, [SETS], width)
            rows["together"].append(joint.test[0].T)
            rows["together_dev"].append(joint.dev[0].T)
        for name, values in rows.items():
            found[name].append(values)
    axes = ("protocol", "width", "set", "run")
    said = {
        "alone": "test accuracy, each set alone",
        "alone_dev": "dev accuracy, each set alone",
        "together": "test accuracy, all sets together",
        "together_dev": "dev accuracy, all sets together",
    }
    variables = _per_cent(axes, found, said)
    return _dataset(bench, spec, protocols, variables, {"width": spec.widths})


def control(
    bench: Bench, spec: TextStudy, protocols: Sequence[Protocol] = PROTOCOLS
) -> xr.Dataset:
    """Every set alone, trained and tested on labels in random order.

    At the capacity of pairs, at which all encoders learn labels by heart that they are
    shown: with the least one an MLP that was shown its test rows went unnoticed.

    Returns:
        `accuracy`, `majority`, the share of the commonest class in the test part as
        it is, and `test_rows` (set).
    """
    alone = tuple((name,) for name in SETS)
    cell = Cell(
        problems=alone,
        runs=1,
        protocol="near",
        training=spec.training,
        shuffled=True,
        seed=spec.seed,
    )
    accuracy = bench.result(cell).test[:, 0, 0]
    tested = split(bench.corpus, bench.duplicates, "near", 0, spec.seed).test
    labels = [bench.corpus.labels[rows] for rows in tested]
    share = [np.bincount(own).max() / len(own) for own in labels]
    variables: dict[str, Entry] = {
        "accuracy": ("set", accuracy, "test accuracy on labels in random order", "1"),
        "majority": ("set", share, "share of the commonest class", "1"),
        "test_rows": ("set", [len(own) for own in labels], "test rows", "1"),
    }
    return _dataset(bench, spec, protocols, variables, {})


# Studies by the name of their store and figure; of all protocols, or of some.
STUDIES: dict[str, Callable[..., xr.Dataset]] = {
    "sentence_transfer": transfer,
    "sentence_capacity": capacity,
    "sentence_pairs": pairs,
    "sentence_control": control,
}


def _result(
    bench: Bench,
    spec: TextStudy,
    protocol: Protocol,
    problems: Sequence[tuple[str, ...]],
    width: int,
    aligned: bool = False,
) -> Result:
    training = replace(spec.training, width=width, aligned=aligned)
    return bench.result(
        Cell(
            problems=tuple(problems),
            runs=spec.runs,
            protocol=protocol,
            training=training,
            seed=spec.seed,
        )
    )


def _alone(
    bench: Bench, spec: TextStudy, protocol: Protocol, width: int
) -> dict[str, np.ndarray]:
    """Test accuracy of every set alone, by run."""
    found = _result(bench, spec, protocol, [(n,) for n in SETS], width)
    return {name: found.of((name,))[:, 0] for name in SETS}


def _trained(
    bench: Bench,
    spec: TextStudy,
    protocol: Protocol,
    wanted: Sequence[tuple[str, ...]],
    aligned: bool,
) -> dict[tuple[str, ...], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Accuracy (run, task) and both similarities (run) of pairs, a few a cell."""
    found = {}
    width = spec.training.width
    for start in range(0, len(PAIRS), spec.problems):
        part = PAIRS[start : start + spec.problems]
        if not set(part) & set(wanted):
            continue
        result = _result(bench, spec, protocol, part, width, aligned)
        scores = (result.similarity, result.aligned_similarity)
        for place, problem in enumerate(part):
            found[problem] = (result.test[place], scores[0][place], scores[1][place])
    return found


def _per_cent(
    axes: tuple[str, ...], found: dict[str, list], said: dict[str, str]
) -> dict[str, Entry]:
    return {
        name: (axes, 100 * np.array(found[name]), what, "per cent")
        for name, what in said.items()
    }


def _dataset(
    bench: Bench,
    spec: TextStudy,
    protocols: Sequence[Protocol],
    variables: dict[str, Entry],
    names: dict[str, Sequence],
) -> xr.Dataset:
    coordinates: dict[str, Entry] = {
        "protocol": ("protocol", list(protocols), "protocol against leaks", "1"),
        "run": ("run", np.arange(spec.runs), "run", "1"),
        "set": ("set", list(SETS), "set", "1"),
        **{axis: (axis, list(values), axis, "1") for axis, values in names.items()},
    }
    share = _test_over_train(bench, spec, protocols)
    made = dataset(spec, variables | {"test_over_train": share}, coordinates)
    about = {f"data_{name}": value for name, value in bench.checksums.items()}
    overlap = {
        f"{kind}_duplicates": json.dumps(bench.overlap[kind].to_pandas().to_dict())
        for kind in ("exact", "near")
    }
    return made.assign_attrs(about, **overlap, encoder=spec.training.encoder)


def _test_over_train(
    bench: Bench, spec: TextStudy, protocols: Sequence[Protocol]
) -> Entry:
    """How far runs share rows: test rows over training rows of a set, in run 0."""
    splits = [split(bench.corpus, bench.duplicates, p, 0, spec.seed) for p in protocols]
    rows = [
        [len(test) / len(train) for test, train in zip(s.test, s.train, strict=True)]
        for s in splits
    ]
    return ("protocol", "set"), rows, "test rows over training rows", "1"
