"""A data folder of made-up GLUE tasks, whose labels follow 'good' and 'bad'."""

import gzip
from collections.abc import Sequence

import numpy as np

from paper_checks.data.glue import TASKS
from tests.paper_checks.bert.small import WORDS
from tests.paper_checks.data.test_folder import Folder

CLASSES = {"0": "no", "1": "yes"}


def add_task(
    folder: Folder, name: str, rows: int = 40, lines: Sequence[str] | None = None
) -> None:
    """Splits of a task, or `lines` in both."""
    rng = np.random.default_rng(len(name))
    task = TASKS[name]
    for split in (task.train, task.dev):
        own = [_line(rng, task.texts) for _ in range(rows)] if lines is None else lines
        text = "".join(f"{line}\n" for line in own)
        folder.add(
            name,
            f"{name}.{split}.tsv.gz",
            gzip.compress(text.encode(), mtime=0),
            rows=len(own),
            split=split,
            label_names=CLASSES,
        )


def _line(rng: np.random.Generator, texts: int) -> str:
    label = int(rng.integers(2))
    filler = [" ".join(rng.choice(WORDS[2:], rng.integers(2, 9))) for _ in range(texts)]
    filler[-1] = f"{WORDS[1 - label]} {filler[-1]}"
    return "\t".join([str(label), *filler])
