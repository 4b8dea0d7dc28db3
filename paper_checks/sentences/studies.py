"""What the paper did with six sentence sets: transfer, capacity, pairs; as Datasets."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from paper_checks.sentences.cells import Bench, Cell
from paper_checks.sentences.single_and_pairs import (
    LATE,
    PAIRS,
    SETS,
    late_share,
    pairs_trained,
    result_of,
    sets_alone,
)
from paper_checks.sentences.spec import TextStudy
from paper_checks.sentences.splits import PROTOCOLS, Protocol, split
from simulations.store import Entry, dataset

SOURCE = "sst"
MODELS = ("alone", "together", "aligned")


def transfer(
    bench: Bench, spec: TextStudy, protocols: Sequence[Protocol] = PROTOCOLS
) -> xr.Dataset:
    """SST with each other set, with and without alignment (W-F5b).

    Returns:
        Test accuracy of the target: `alone`, `together`, `aligned` (protocol, target,
        run), in per cent; `late` (protocol, model) as in `pairs`.
    """
    targets = [name for name in SETS if name != SOURCE]
    pairs = [(SOURCE, target) for target in targets]
    found, late = {name: [] for name in MODELS}, []
    for protocol in protocols:
        alone = sets_alone(bench, spec, protocol)
        found["alone"].append([alone[name].test[:, 0] for name in targets])
        ends = [late_share(spec, [alone[name].best_pass for name in targets])]
        for name, aligned in (("together", False), ("aligned", True)):
            by_pair = pairs_trained(bench, spec, protocol, pairs, aligned)
            found[name].append([by_pair[pair].test[:, 1] for pair in pairs])
            best = [by_pair[pair].best_pass[:, 1] for pair in pairs]
            ends.append(late_share(spec, best))
        late.append(ends)
    axes = ("protocol", "target", "run")
    said = {
        "alone": "test accuracy, target alone",
        "together": "test accuracy, with SST",
        "aligned": "test accuracy, with SST, aligned",
    }
    variables = _per_cent(axes, found, said) | _ends(spec, late)
    names = {"target": targets, "model": MODELS}
    return _dataset(bench, spec, protocols, variables, names)


def pairs(
    bench: Bench, spec: TextStudy, protocols: Sequence[Protocol] = PROTOCOLS
) -> xr.Dataset:
    """All 15 pairs, with and without alignment, and how alike their inputs are (W-F7).

    Returns:
        Mean test accuracy of the pair: `alone`, `together`, `aligned` (protocol, pair,
        run), in per cent; `similarity` and `aligned_similarity` of eq 5 likewise.
        `late` (protocol, model), in per cent, is the share of runs and tasks whose
        best pass is among the last three, which more passes could improve.
    """
    scores = ("similarity", "aligned_similarity")
    found: dict[str, list] = {name: [] for name in (*MODELS, *scores)}
    late = []
    for protocol in protocols:
        alone = sets_alone(bench, spec, protocol)
        together = pairs_trained(bench, spec, protocol, PAIRS, False)
        aligned = pairs_trained(bench, spec, protocol, PAIRS, True)
        found["alone"].append(
            [(alone[a].test[:, 0] + alone[b].test[:, 0]) / 2 for a, b in PAIRS]
        )
        found["together"].append([together[pair].test.mean(axis=1) for pair in PAIRS])
        found["aligned"].append([aligned[pair].test.mean(axis=1) for pair in PAIRS])
        for name in scores:
            found[name].append([getattr(aligned[pair], name) for pair in PAIRS])
        best = [
            [one.best_pass for one in model.values()]
            for model in (alone, together, aligned)
        ]
        late.append([late_share(spec, one) for one in best])
    axes = ("protocol", "pair", "run")
    said = {
        "alone": "mean test accuracy, each alone",
        "together": "mean test accuracy, together",
        "aligned": "mean test accuracy, together and aligned",
    }
    alike: dict[str, Entry] = {
        name: (axes, np.array(found[name]), what, "1")
        for name, what in (
            ("similarity", "similarity of inputs (eq 5)"),
            ("aligned_similarity", "similarity of aligned inputs (eq 5)"),
        )
    }
    variables = _per_cent(axes, found, said) | alike | _ends(spec, late)
    names = {"pair": [f"{a}, {b}" for a, b in PAIRS], "model": MODELS}
    return _dataset(bench, spec, protocols, variables, names)


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
            single = result_of(bench, spec, protocol, [(n,) for n in SETS], width)
            rows["alone"].append(single.test[:, :, 0])
            rows["alone_dev"].append(single.dev[:, :, 0])
            joint = result_of(bench, spec, protocol, [SETS], width)
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


def _ends(spec: TextStudy, late: Sequence[Sequence[float]]) -> dict[str, Entry]:
    what = f"best pass among the last {LATE} of {spec.training.epochs}"
    return _per_cent(("protocol", "model"), {"late": list(late)}, {"late": what})


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
