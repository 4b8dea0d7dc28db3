"""Everything that a run reads: the model's folder and the tasks' rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from paper_checks.bert.batches import Rows, bucket_lengths
from paper_checks.bert.config import BertConfig, read_config
from paper_checks.bert.encoder import Encoder, new_encoder
from paper_checks.bert.folder import find_folder
from paper_checks.bert.run import Run
from paper_checks.bert.tokens import encode, load_tokenizer
from paper_checks.bert.weights import load_encoder
from paper_checks.data.glue import TASKS, GlueSplit, first_rows, load_glue


class Tasks(NamedTuple):
    """Tasks that train together; batches are padded to the lengths `padded`."""

    names: tuple[str, ...]
    train: tuple[Rows, ...]
    dev: tuple[Rows, ...]
    padded: tuple[int, ...]


class Problem(NamedTuple):
    """What a run reads. `sources` is `None` if there are none."""

    config: BertConfig
    encoder: Encoder
    tasks: Tasks
    sources: Tasks | None
    checksums: dict[str, str]
    notes: tuple[str, ...]


def load_problem(run: Run, data: Path) -> Problem:
    """Read a run's model and rows.

    Raises:
        FileNotFoundError, ValueError: Something is missing or bad; the message names
            the file, tensor or row, and what to do.
    """
    folder = find_folder(run.encoder)
    config = read_config(folder / "config.json")
    if run.length > config.positions:
        raise ValueError(
            f"length {run.length}: the model has positions for {config.positions}"
        )
    tokenizer = load_tokenizer(folder, config)
    splits = {name: load_glue(data, name) for name in (*run.sources, *run.tasks)}

    def rows(split: GlueSplit) -> Rows:
        return Rows(encode(tokenizer, split.texts, run.length), split.labels)

    def joined(names: Sequence[str]) -> Tasks:
        train = [rows(first_rows(splits[name][0], run.rows)) for name in names]
        dev = [rows(first_rows(splits[name][1], run.dev_rows)) for name in names]
        padded = bucket_lengths([*train, *dev], run.buckets)
        return Tasks(tuple(names), tuple(train), tuple(dev), padded)

    encoder = (
        new_encoder(config, run.seed) if run.drawn else load_encoder(folder, config)
    )
    listed = [split for pair in splits.values() for split in pair]
    return Problem(
        config=config,
        encoder=encoder,
        tasks=joined(run.tasks),
        sources=joined(run.sources) if run.sources else None,
        checksums={f"{one.task.name} {one.split}": one.checksum for one in listed},
        notes=_notes(run, splits),
    )


def _notes(run: Run, splits: dict) -> tuple[str, ...]:
    """What must be said beside a number."""
    said = [TASKS[name].note for name in splits if TASKS[name].note]
    if run.rows is not None:
        said.append(f"at most {run.rows} training rows a task")
    if run.dev_rows is not None:
        said.append(f"at most {run.dev_rows} dev rows a task")
    if run.drawn:
        said.append("weights drawn at random")
    return tuple(said)
