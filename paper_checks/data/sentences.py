"""Sentence sets of a data folder, checked against its manifest, and their tokens."""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Int

from paper_checks.data.manifest import MANIFEST, Entry, read_manifest

# The six sets of the paper, their splits, and where their authors put them.
SPLITS: dict[str, tuple[str, ...]] = {
    "sst": ("train", "dev", "test"),
    "mr": ("all",),
    "cr": ("all",),
    "subj": ("all",),
    "mpqa": ("all",),
    "trec": ("train", "test"),
}
OFFICIAL = {
    "sst": "https://nlp.stanford.edu/sentiment/",
    "mr": "https://www.cs.cornell.edu/people/pabo/movie-review-data/",
    "cr": "https://www.cs.uic.edu/~liub/FBS/sentiment-analysis.html",
    "subj": "https://www.cs.cornell.edu/people/pabo/movie-review-data/",
    "mpqa": "https://mpqa.cs.pitt.edu/",
    "trec": "https://cogcomp.seas.upenn.edu/Data/QA/QC/",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Sentences:
    """One split of a set; a text may be empty, its label is 0, 1, ..."""

    name: str
    split: str
    texts: tuple[str, ...]
    labels: Int[np.ndarray, " n"]
    class_names: tuple[str, ...]
    source: str
    licence: str
    checksum: str


def missing_sets(folder: Path) -> tuple[str, ...]:
    """Sentences on what the folder lacks of the six sets; none if all are there.

    Raises:
        FileNotFoundError: No such folder, or no manifest.
        ValueError: The manifest cannot be read.
    """
    listed = read_manifest(folder)
    said = []
    for name, splits in SPLITS.items():
        for split in splits:
            entry = listed.get((name, split))
            if entry is None:
                said.append(f"{name} ({split}): not in {MANIFEST}; {_official(name)}")
            elif not entry.path.is_file():
                said.append(f"{name} ({split}): no {entry.file}; {_official(name)}")
    return tuple(said)


def load_sentences(folder: Path, name: str) -> tuple[Sentences, ...]:
    """Read all splits of one set.

    Empty texts are kept: CR has 4 and MPQA 3, with labels that were given to them.

    Raises:
        FileNotFoundError: No such folder, manifest or file; for a file the message
            says where it comes from.
        ValueError: A set that is none of the six or that the manifest does not list,
            splits that name classes differently, a wrong checksum, bytes that are not
            UTF-8, a line without a tab, a label that is not declared, or another number
            of rows than the manifest says. The message names the file and the line.
    """
    if name not in SPLITS:
        raise ValueError(f"no set '{name}': there are {', '.join(SPLITS)}")
    listed = read_manifest(folder)
    absent = [split for split in SPLITS[name] if (name, split) not in listed]
    if absent:
        raise ValueError(
            f"{folder / MANIFEST} does not list {name} ({', '.join(absent)}); "
            + _official(name)
        )
    entries = [listed[name, split] for split in SPLITS[name]]
    if any(entry.class_names != entries[0].class_names for entry in entries):
        said = "; ".join(f"{e.split}: {', '.join(e.class_names)}" for e in entries)
        raise ValueError(
            f"{folder / MANIFEST}: label_names of {name} differ between its splits "
            f"({said}): a label must mean one class in all of them"
        )
    for entry in entries:
        if not entry.path.is_file():
            raise FileNotFoundError(
                f"{entry.path} is missing: it holds '{name}' ({entry.split}), is a "
                f"copy of {entry.source}, and {_official(name)}"
            )
    return tuple(_read(entry) for entry in entries)


def _official(name: str) -> str:
    return f"its authors have it at {OFFICIAL[name]}"


def _read(entry: Entry) -> Sentences:
    declared = [str(one) for one in range(len(entry.class_names))]
    rows = entry.read_rows(partial(_row, declared))
    return Sentences(
        name=entry.name,
        split=entry.split,
        texts=tuple(text for _, text in rows),
        labels=np.array([label for label, _ in rows], dtype=np.int64),
        class_names=entry.class_names,
        source=entry.source,
        licence=entry.licence,
        checksum=f"sha256:{entry.sha256}",
    )


def _row(declared: list[str], line: str, where: str) -> tuple[int, str]:
    label, tab, text = line.partition("\t")
    if not tab or "\t" in text:
        raise ValueError(f"{where}: not 'label<TAB>text': {line[:60]!r}")
    if label not in declared:
        raise ValueError(
            f"{where}: label {label!r} is none of {', '.join(declared) or '(none)'} "
            f"that {MANIFEST} declares"
        )
    return int(label), text


# Negations and clitics apart, as the Penn Treebank does and as GloVe has them: what
# is "doesn't" in one set and "does n't" in another has the same tokens.
_TOKEN = re.compile(r"\w+?(?=n't\b)|n't\b|'\w+|\w+|[^\w\s]")


def tokens(text: str) -> tuple[str, ...]:
    """Words, clitics and single punctuation marks of a text, lower-case.

    An empty text has no tokens.
    """
    return tuple(_TOKEN.findall(text.lower().replace("’", "'")))


def key(text: str) -> str:
    """What exact duplicates have in common: the text lower-case, without blanks."""
    return "".join(text.lower().split())
