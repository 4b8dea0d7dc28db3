"""Five tasks of GLUE from a data folder, checked against its manifest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Int
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from paper_checks.data.manifest import Entry, listed_entry

OFFICIAL = "https://gluebenchmark.com/tasks"


@dataclass(frozen=True, kw_only=True)
class GlueTask:
    """What is known of a task: its splits in the folder, and how it is scored."""

    name: str
    title: str
    texts: int  # a row
    metrics: tuple[str, ...]
    train: str = "train"
    dev: str = "dev"
    note: str = ""


TASKS: Mapping[str, GlueTask] = {
    task.name: task
    for task in (
        GlueTask(name="cola", title="CoLA", texts=1, metrics=("matthews",)),
        GlueTask(name="mrpc", title="MRPC", texts=2, metrics=("f1", "accuracy")),
        GlueTask(
            name="qnli",
            title="QNLI",
            texts=2,
            metrics=("accuracy",),
            train="train-sample",
            note="QNLI: 2,000 of its 104,743 training rows and its full dev split "
            "are at hand",
        ),
        GlueTask(name="rte", title="RTE", texts=2, metrics=("accuracy",)),
        GlueTask(name="sst2", title="SST-2", texts=1, metrics=("accuracy",)),
    )
}


def _matthews(true: np.ndarray, answers: np.ndarray) -> float:
    """0 if all labels and answers are one class; scikit-learn says that and warns."""
    one_class = np.ptp(np.concatenate([true, answers])) == 0
    return 0.0 if one_class else matthews_corrcoef(true, answers)


METRICS: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": accuracy_score,
    "f1": partial(f1_score, zero_division=0.0),  # pyright: ignore[reportArgumentType]
    "matthews": _matthews,
}


def scores(
    task: str, true: Int[np.ndarray, " n"], answers: Int[np.ndarray, " n"]
) -> dict[str, float]:
    """The metrics of a task, and `score`, their mean in percent: GLUE's entry."""
    found = {one: float(METRICS[one](true, answers)) for one in TASKS[task].metrics}
    return found | {"score": 100 * float(np.mean(list(found.values())))}


@dataclass(frozen=True, kw_only=True, eq=False)
class GlueSplit:
    """Rows of one split: one or two texts each, and labels 0 or 1."""

    task: GlueTask
    split: str
    texts: tuple[tuple[str, ...], ...]
    labels: Int[np.ndarray, " n"]
    checksum: str


def load_glue(folder: Path, name: str) -> tuple[GlueSplit, GlueSplit]:
    """Read the train and dev splits of a task.

    Raises:
        FileNotFoundError: No such folder, manifest or file.
        ValueError: An unknown task, one that the manifest does not list, a wrong
            checksum, or a line that is no row. The message names the file and line.
    """
    if name not in TASKS:
        raise ValueError(f"no task {name!r}: there are {', '.join(TASKS)}")
    task, hint = TASKS[name], f"; GLUE is at {OFFICIAL}"
    entries = [
        listed_entry(folder, name, split, hint) for split in (task.train, task.dev)
    ]
    train, dev = (_read(task, entry) for entry in entries)
    return train, dev


def first_rows(split: GlueSplit, most: int | None) -> GlueSplit:
    """At most so many rows, drawn once for all seeds so that every run has the same.

    Raises:
        ValueError: Fewer than two rows are asked for.
    """
    if most is None or most >= len(split.labels):
        return split
    if most < 2:
        raise ValueError(f"rows must be >= 2, got {most}")
    kept = np.sort(np.random.default_rng(0).permutation(len(split.labels))[:most])
    texts = tuple(split.texts[place] for place in kept)
    return replace(split, texts=texts, labels=split.labels[kept])


def _read(task: GlueTask, entry: Entry) -> GlueSplit:
    rows = entry.read_rows(partial(_row, task))
    return GlueSplit(
        task=task,
        split=entry.split,
        texts=tuple(texts for _, texts in rows),
        labels=np.array([label for label, _ in rows], dtype=np.int64),
        checksum=f"sha256:{entry.sha256}",
    )


def _row(task: GlueTask, line: str, where: str) -> tuple[int, tuple[str, ...]]:
    label, *texts = line.split("\t")
    if len(texts) != task.texts:
        wanted = "<TAB>".join(["label", *["text"] * task.texts])
        raise ValueError(f"{where}: not '{wanted}': {line[:60]!r}")
    if label not in ("0", "1"):
        raise ValueError(f"{where}: label {label!r} is none of 0, 1")
    if any(not text.strip() for text in texts):
        raise ValueError(f"{where}: a text is empty")
    return int(label), tuple(texts)
