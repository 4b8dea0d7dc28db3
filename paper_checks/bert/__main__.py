"""Alignment on BERT and GLUE: `python -m paper_checks.bert --help`."""

import sys
from collections.abc import Sequence

import jax

from paper_checks.bert.commands import cli
from simulations.engine.process import share_cpu


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 done, 2 it could not be."""
    share_cpu(batched_lapack=False)
    jax.config.update("jax_enable_x64", True)
    try:
        cli(arguments)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"paper_checks.bert: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
