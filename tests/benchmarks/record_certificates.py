"""Record how many certificates are accepted, and how many false ones are rejected.

    python tests/benchmarks/record_certificates.py --count 10000 --output counts.json

For every route: instances, how many the solver calls certified, how many have an exact
certificate, how many are called certified and have none, and how many certificates the
checker accepts; then the same certificates with a claim above the loss of their own
module, alone and with one number of the evidence changed, and with one number of the
rows changed. Each of these must be rejected.
"""

import argparse
import json
import time
from pathlib import Path

import jax

from tests.theory.certificate_instances import (
    SHAPES,
    accepted,
    draw,
    raised,
    with_other_data,
    with_other_evidence,
)


def record(route: str, count: int, first: int = 0) -> dict[str, float]:
    """Counts for one route."""
    started = time.perf_counter()
    names = "instances certified proven certified_unproven accepted false_accepted"
    found = dict.fromkeys([*names.split(), "largest"], 0)
    for seed in range(first, first + count):
        result, text = draw(route, seed).certificate()
        found["instances"] += 1
        found["certified"] += bool(result.certified)
        if text is None:
            found["certified_unproven"] += bool(result.certified)
            continue
        found["proven"] += 1
        found["accepted"] += accepted(text)
        false = raised(text)
        others = [false, with_other_evidence(false, seed), with_other_data(text, seed)]
        found["false_accepted"] += sum(accepted(other) for other in others)
        found["largest"] = max(found["largest"], len(text))
    return {**found, "seconds": round(time.perf_counter() - started, 1)}


def main() -> None:
    """Write the counts."""
    parser = argparse.ArgumentParser(
        description="Count certificates that are accepted."
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--output", type=Path, default=Path("certificates.json"))
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    counts = {}
    for route in SHAPES:
        counts[route] = record(route, options.count)
        print(route, counts[route], flush=True)
        options.output.write_text(json.dumps(counts, indent=1) + "\n")


if __name__ == "__main__":
    main()
