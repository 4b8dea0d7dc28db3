"""Run the studies of sentence sets in full: `python -m paper_checks.benchmarks.text`.

Hours on two cores for `lstm`, and resumable: cells that are done are read.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import tyro

from paper_checks.benchmarks.text.cells import Bench
from paper_checks.benchmarks.text.corpus import load_corpus
from paper_checks.benchmarks.text.encoders import Kind
from paper_checks.benchmarks.text.overlap import overlap_report
from paper_checks.benchmarks.text.studies import STUDIES, TextStudy
from paper_checks.benchmarks.text.vectors import load_vectors
from simulations import store
from simulations.cpu_threads import share_cpu


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train an encoder on the sentence sets of a folder, alone, in pairs and together.

    Args:
        data: Folder with a manifest.
        encoder: The encoder.
        results: Folder of the stores, and of a JSON file a cell in `sentences`.
        runs: Of every cell; the profile's if not given.
        widths: Of the capacity sweep; the profile's if not given.
        only: Studies to run; all if there is none.
    """

    data: Path
    encoder: Kind = "lstm"
    results: Path = Path("results")
    runs: int | None = None
    widths: tuple[int, ...] = ()
    only: tuple[str, ...] = ()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    share_cpu()
    jax.config.update("jax_enable_x64", True)
    program = "python -m paper_checks.benchmarks.text"
    asked = tyro.cli(Arguments, prog=program, args=arguments)
    unknown = [name for name in asked.only if name not in STUDIES]
    if unknown:
        print(f"no study {unknown}: there are {', '.join(STUDIES)}", file=sys.stderr)
        return 2
    spec = TextStudy.full(asked.encoder).changed(asked.runs, asked.widths)
    try:
        corpus = load_corpus(asked.data)
        folder = asked.results / "sentences"
        bench = Bench(corpus, load_vectors(asked.data), folder, print)
        pairs = bench.duplicates
        shared = overlap_report(corpus, pairs.exact, pairs.near)
        asked.results.mkdir(parents=True, exist_ok=True)
        table = asked.results / "sentence_overlap.json"
        table.write_text(json.dumps(shared.to_dict()), encoding="utf-8")
        for name in asked.only or STUDIES:
            found = STUDIES[name](bench, spec)
            print(store.save(found, asked.results / f"{name}-{asked.encoder}.zarr"))
    except (ValueError, OSError) as error:
        print(f"text: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
