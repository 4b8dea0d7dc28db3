"""Gains of pairs where labels are classes: log loss, accuracy and AUC."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped
from sklearn.metrics import roc_auc_score

from simulations.advice.folds import assign_folds
from simulations.advice.found import Found, measured_answer
from simulations.advice.least_squares import fold_count
from simulations.advice.loaded import LoadedTasks
from simulations.advice.measured import Measured, Progress, overlap, ratio_gain
from simulations.advice.rows import Rows
from theory.classes import Logistic, logistic, logistic_left_out

# Strengths that are tried, in units of the mean square of the rows' singular values
# times 1/4, the most that a row weighs in the Hessian of two classes.
STRENGTHS = np.logspace(-2, 2, 7)
# A task with fewer rows, or a class with fewer rows in it, is left out.
LEAST, LEAST_OF_CLASS = 8, 2
# More classes, or unknowns, than this are refused.
CLASSES, UNKNOWNS = 20, 2000
# So many whole numbers or fewer may be grades or counts as well as classes.
GRADES = 10
FOLDS = 10


def as_classes(tasks: LoadedTasks, model: str) -> LoadedTasks:
    """Return the tasks with labels numbered by class, or as they are if numbers.

    Labels are classes if they are text, if they have two values, or if the model is
    logistic. Rows of a class that a task has once are left out of it, and said so.

    Args:
        tasks: What was read.
        model: The model that was asked for.

    Raises:
        ValueError: More than 20 classes, or text for a model of numbers.
    """
    values = np.unique(np.concatenate(tasks.labels))
    two = len(values) == 2
    if model in ("least-squares", "ridge") or not (
        tasks.classes or two or model == "logistic"
    ):
        if len(tasks.classes) > 2:
            raise ValueError(
                f"{tasks.where}: {tasks.label} has the classes "
                f"{', '.join(tasks.classes[:6])}, which are no numbers: use --model "
                "logistic"
            )
        return replace(tasks, classes=(), notes=(*tasks.notes, *_graded(tasks, values)))
    if len(values) > CLASSES:
        raise ValueError(
            f"{tasks.where}: {tasks.label} has {len(values)} values, and classes are "
            f"at most {CLASSES}: merge some, or leave out --model logistic"
        )
    names = tasks.classes or tuple(f"{value:g}" for value in values)
    numbered = [np.searchsorted(values, y) for y in tasks.labels]
    if tasks.classes:
        numbered = [y.astype(int) for y in tasks.labels]
    return _without_single(tasks, names, numbered)


def _graded(tasks: LoadedTasks, values: np.ndarray) -> list[str]:
    whole = np.all(values == np.round(values))
    if not (2 <= len(values) <= GRADES and whole):
        return []
    return [
        f"{tasks.label} has {len(values)} whole values, like classes or grades: they "
        "are taken as numbers (--model logistic takes them as classes)"
    ]


def _without_single(
    tasks: LoadedTasks, names: Sequence[str], numbered: list[Int[np.ndarray, " _"]]
) -> LoadedTasks:
    notes = [f"the labels are {len(names)} classes: {', '.join(names)}"]
    kept = []
    for task, y in zip(tasks.names, numbered, strict=True):
        count = np.bincount(y, minlength=len(names))
        rare = (count > 0) & (count < LEAST_OF_CLASS)
        kept.append(~rare[y])
        if rare.any() and (~rare[y]).any():
            told = ", ".join(names[c] for c in np.flatnonzero(rare).tolist())
            notes.append(f"classes with one row are left out of task {task}: {told}")

    def some(parts: tuple | None) -> tuple | None:
        if parts is None:
            return None
        return tuple(p[own] for p, own in zip(parts, kept, strict=True))

    return replace(
        tasks,
        labels=tuple(
            y[own].astype(float) for y, own in zip(numbered, kept, strict=True)
        ),
        covariates=some(tasks.covariates),
        groups=some(tasks.groups),
        rows=some(tasks.places()),
        classes=tuple(names),
        notes=(*tasks.notes, *notes),
    )


def withheld_classes(rows: Rows, names: Sequence[str]) -> Shaped[np.ndarray, " k"]:
    """Return why no advice is given on a task; empty where it is."""
    reasons = []
    for y in rows.labels:
        if len(y) < LEAST:
            reasons.append(f"{len(y)} rows: needs at least {LEAST}")
        elif len(np.unique(y)) < 2:
            reasons.append(
                f"all its {len(y)} labels are {names[int(y[0])]}: there is nothing to "
                "learn"
            )
        else:
            reasons.append("")
    return np.array(reasons, dtype=str)


def classes_answer(
    rows: Rows,
    spec: Any,
    kept: np.ndarray,
    progress: Progress | None,
    names: Sequence[str] = (),
) -> Found:
    """Return gains in log loss, with accuracy and for two classes AUC.

    Args:
        rows: Tasks of two or more classes; labels are numbers of classes.
        spec: `Advice`.
        kept: Numbers of these tasks among all.
        progress: Told what is done.
        names: Of the classes.

    Raises:
        ValueError: Too many columns for so many classes.
    """
    size = len(names) * (rows.covariates[0].shape[1] + 2)
    if size > UNKNOWNS:
        raise ValueError(
            f"{spec.data}: {len(names)} classes and {rows.covariates[0].shape[1]} "
            f"columns make {size} unknowns, and at most {UNKNOWNS} are fitted: drop "
            "columns, or merge classes"
        )
    fold_of = class_folds(rows, fold_count(rows, spec, FOLDS), spec.seed)
    found, scores = class_gains(rows, fold_of, len(names), progress)
    note = (
        "gains are of the log loss of logistic models with a ridge of the best "
        "strength, measured on folds left out; weights and a width are not "
        "answered, and groups are tasks whose pooling gains on average"
    )
    return measured_answer(found, kept, spec.confidence, "logistic", [note], scores)


class _Left(NamedTuple):
    """Log loss, success and, for two classes, score of every row left out."""

    loss: Float[np.ndarray, " m"]
    right: Float[np.ndarray, " m"]
    score: Float[np.ndarray, " m"]


def class_gains(
    rows: Rows,
    fold_of: list[np.ndarray],
    number: int,
    progress: Progress | None = None,
) -> tuple[Measured, dict[str, Float[np.ndarray, "..."]]]:
    """Measure what pooling two tasks saves of the target's log loss.

    One slope for both tasks with intercepts of their own, against one for each
    (`theory.classes.logistic`). Each fold is predicted by fits to the other folds of
    both tasks, at the strength of least log loss on the target's rows of those, left
    out by one Newton step (`theory.classes.logistic_left_out`). That step is good for
    a choice, but no measure: where classes are nearly separable it finds a third of
    the loss too little, which refits show. A class that the other folds of a task lack
    counts with probability `1/2m`. Standard errors are as in
    `simulations.advice.ridge.ridge_gains`.

    Args:
        rows: Tasks; labels are numbers of classes.
        fold_of: The fold of every row; clusters are not split.
        number: Number of classes.
        progress: Told the pairs that are done.

    Returns:
        Gains in log loss; `accuracy_alone` (target), `accuracy_pooled` (source,
        target), shares of rows whose likeliest class is right; and for two classes
        `auc_alone` and `auc_pooled`.
    """
    k = len(rows.labels)
    alone = [_left_out(rows, fold_of, number, [i])[0] for i in range(k)]
    gain, error = np.zeros((2, k, k))
    accuracy, auc = np.full((2, k, k), np.nan)
    pairs = [(i, j) for i in range(k) for j in range(i)]
    for done, (i, j) in enumerate(pairs):
        pooled = _left_out(rows, fold_of, number, [i, j])
        for target, source, found in ((i, j, pooled[0]), (j, i, pooled[1])):
            at = (source, target)
            gain[at], error[at] = ratio_gain(
                alone[target].loss, found.loss, rows.cluster(target)
            )
            accuracy[at] = found.right.mean()
            auc[at] = _auc(rows.labels[target], found.score)
        if progress:
            progress("pairs of classes", done + 1, len(pairs))
    scores = {
        "accuracy_alone": np.array([one.right.mean() for one in alone]),
        "accuracy_pooled": accuracy,
    }
    if number == 2:
        own = [_auc(y, a.score) for y, a in zip(rows.labels, alone, strict=True)]
        scores |= {"auc_alone": np.array(own), "auc_pooled": auc}
    counts = np.array([len(np.unique(rows.cluster(i))) for i in range(k)])
    mean = np.array([one.loss.mean() for one in alone])
    return Measured(gain, overlap(fold_of) * error, mean, counts), scores


def _auc(label: Float[np.ndarray, " m"], score: Float[np.ndarray, " m"]) -> float:
    return float(roc_auc_score(label == label.max(), score))


def class_folds(rows: Rows, folds: int, seed: int) -> list[np.ndarray]:
    """Return folds that share out the rows of each class; clusters are not split.

    Args:
        rows: Tasks; labels are numbers of classes, whose order does not matter.
        folds: Number of folds.
        seed: Of the folds.
    """
    if rows.clusters is not None:
        blank = [np.zeros_like(y) for y in rows.labels]
        return assign_folds(rows._replace(labels=blank), folds, seed)
    found = []
    for x, y in zip(rows.covariates, rows.labels, strict=True):
        fold, start = np.empty(len(y), int), 0
        names, counts = np.unique(y, return_counts=True)
        for name in names[np.argsort(counts, kind="stable")]:
            own = np.flatnonzero(y == name)
            part = Rows([x[own]], [np.zeros(len(own))], rows.intercept)
            fold[own] = (assign_folds(part, folds, seed)[0] + start) % folds
            start += len(own)
        found.append(fold)
    return found


def _left_out(
    rows: Rows, fold_of: list[np.ndarray], number: int, tasks: list[int]
) -> list[_Left]:
    """Rows of each of the tasks left out by folds, trained together."""
    sizes = [len(rows.labels[i]) for i in tasks]
    x = np.concatenate([rows.covariates[i] for i in tasks])
    y = np.concatenate([rows.labels[i] for i in tasks]).astype(int)
    own = np.repeat(np.arange(len(tasks)), sizes)
    cluster = np.arange(len(y))
    if rows.clusters is not None:
        cluster = np.concatenate([rows.clusters[i] for i in tasks])
    fold = np.concatenate([fold_of[i] for i in tasks])
    log = np.empty((len(y), number))
    for part in np.unique(fold):
        kept = fold != part
        fits = _fits(x[kept], y[kept], own[kept], number)
        told = [logistic_left_out(fit, cluster[kept]) for fit in fits]
        loss = -np.stack(told)[:, np.arange(kept.sum()), y[kept]]
        for task in range(len(tasks)):
            best = fits[np.argmin(loss[:, own[kept] == task].mean(axis=1))]
            test = ~kept & (own == task)
            log[test] = best.log_probability(x[test], task)
    log = np.maximum(log, -np.log(2 * np.array(sizes))[own, None])
    ends = np.cumsum(sizes)[:-1]
    each = zip(np.split(log, ends), np.split(y, ends), strict=True)
    return [_of_rows(part, label) for part, label in each]


def _fits(x: np.ndarray, y: np.ndarray, own: np.ndarray, number: int) -> list[Logistic]:
    """Fits at every strength; from the strongest on, each starts at the last."""
    unit = max(np.sum(x**2) / min(x.shape) / 4, np.finfo(float).tiny)
    fits: list[Logistic] = []
    for strength in STRENGTHS[::-1] * unit:
        start = fits[-1] if fits else None
        fits.append(logistic(x, y, own, strength, classes=number, start=start))
    return fits


def _of_rows(log: Float[np.ndarray, "m c"], label: Int[np.ndarray, " m"]) -> _Left:
    right = (np.argmax(log, axis=1) == label).astype(float)
    return _Left(-log[np.arange(len(label)), label], right, log[:, -1] - log[:, 0])
