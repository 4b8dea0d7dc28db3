"""Run the studies of sentence sets in full: `python -m paper_checks.sentences`.

Hours on two cores for `lstm`, and resumable: cells that are done are read. With
`record` as the first word, what is done is written to small files of the project.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import tyro

from paper_checks.data.corpus import load_corpus
from paper_checks.data.vectors import load_vectors, read_text_vectors
from paper_checks.networks.encoders import Kind
from paper_checks.sentences import record
from paper_checks.sentences.cells import Bench
from paper_checks.sentences.recording import PROGRAM, Finished, finished
from paper_checks.sentences.spec import TextStudy
from paper_checks.sentences.splits import PROTOCOLS, Protocol
from paper_checks.sentences.studies import STUDIES
from simulations import store
from simulations.engine.process import share_cpu


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train an encoder on the sentence sets of a folder, alone, in pairs and together.

    Args:
        data: Folder with a manifest.
        encoder: The encoder.
        results: Folder of the stores, and of a JSON file a cell in `sentences`.
        runs: Of every cell; the profile's if not given.
        widths: Of the capacity sweep; the profile's if not given.
        protocols: Against leaks; all if there is none.
        only: Studies to run; all if there is none.
        vectors: A text file of GloVe or word2vec, instead of the folder's vectors.
            Give it results of its own: cells of other vectors are trained anew, in
            the place of those that are there, and are not put on record.
    """

    data: Path
    encoder: Kind = "lstm"
    results: Path = Path("results")
    runs: int | None = None
    widths: tuple[int, ...] = ()
    protocols: tuple[Protocol, ...] = ()
    only: tuple[str, ...] = ()
    vectors: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Put on record what has been trained, and say what has not; trains nothing.

    Args:
        data: Folder with a manifest, that of training.
        results: Folder of the results of training.
        out: Folder of the records; that of the project by default.
        encoders: All if there is none.
        runs: Of every cell; if not given, those of which most is done.
        widths: Of the capacity sweep; the profile's if not given.
        only: Studies; all if there is none.
    """

    data: Path
    results: Path = Path("results")
    out: Path = record.FOLDER
    encoders: tuple[Kind, ...] = ()
    runs: int | None = None
    widths: tuple[int, ...] = ()
    only: tuple[str, ...] = ()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    share_cpu(batched_lapack=False)
    jax.config.update("jax_enable_x64", True)
    words = sys.argv[1:] if arguments is None else list(arguments)
    recording = words[:1] == ["record"]
    if recording:
        asked = tyro.cli(Recording, prog=f"{PROGRAM} record", args=words[1:])
    else:
        asked = tyro.cli(Arguments, prog=PROGRAM, args=words)
    unknown = [name for name in asked.only if name not in STUDIES]
    if unknown:
        print(f"no study {unknown}: there are {', '.join(STUDIES)}", file=sys.stderr)
        return 2
    if asked.runs is not None and asked.runs < 1:
        print(f"runs must be >= 1, got {asked.runs}", file=sys.stderr)
        return 2
    try:
        bench = _bench(asked)
        if isinstance(asked, Recording):
            return _record(asked, bench)
        _train(asked, bench)
    except (ValueError, OSError) as error:
        print(f"text: {error}", file=sys.stderr)
        return 2
    return 0


def _bench(asked: Arguments | Recording) -> Bench:
    corpus = load_corpus(asked.data)
    if isinstance(asked, Arguments) and asked.vectors is not None:
        known = {token for text in corpus.tokens for token in text}
        words = read_text_vectors(asked.vectors, known)
    else:
        words = load_vectors(asked.data)
    return Bench(corpus, words, asked.results / "sentences", print)


def _train(asked: Arguments, bench: Bench) -> None:
    spec = TextStudy.full(asked.encoder).changed(asked.runs, asked.widths)
    asked.results.mkdir(parents=True, exist_ok=True)
    table = asked.results / "sentence_overlap.json"
    table.write_text(json.dumps(bench.overlap.to_dict()), encoding="utf-8")
    # In the order that all of them have.
    protocols = [
        one for one in PROTOCOLS if not asked.protocols or one in asked.protocols
    ]
    for name in asked.only or STUDIES:
        found = STUDIES[name](bench, spec, protocols)
        print(store.save(found, asked.results / f"{name}-{asked.encoder}.zarr"))


def _record(asked: Recording, bench: Bench) -> int:
    """Write what is done; 1 if nothing is."""
    done, written = Finished(bench), 0
    for encoder in asked.encoders or record.KINDS:
        for name in asked.only or STUDIES:
            found, said = finished(done, name, encoder, asked.runs, asked.widths)
            print(said)
            if found is not None:
                print(record.write(found, record.path_of(name, encoder, asked.out)))
                written += 1
    return 0 if written else 1


if __name__ == "__main__":
    sys.exit(main())
