"""What studies of sentence sets train: encoder, capacities and runs, by profile."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from paper_checks.networks.encoders import Kind
from paper_checks.sentences.training import Training

# Sixteen steps a call: protocols differ in their number of steps, and need not each
# be compiled.
MLP = Training(batch=500, rate=5e-3, epochs=15, patience=4, together=16)
SEQUENCES = Training(rate=1e-3, epochs=15, patience=3, buckets=5, together=8)


@dataclass(frozen=True, kw_only=True)
class TextStudy:
    """What is trained; saved with the results.

    Args:
        training: The encoder, and how it is trained; its width is that of pairs.
        widths: Capacities of the sweep.
        runs: Of every cell.
        problems: Problems trained side by side, for the sake of memory.
        seed: Of the runs.
    """

    training: Training = field(default_factory=lambda: MLP)
    widths: tuple[int, ...] = (5, 10, 25, 50, 100, 200, 500)
    runs: int = 10
    problems: int = 15
    seed: int = 0

    @classmethod
    def quick(cls) -> "TextStudy":
        """Of minutes: the MLP, one run and three capacities."""
        return cls(widths=(5, 25, 100), runs=1)

    @classmethod
    def full(cls, encoder: Kind) -> "TextStudy":
        """Five runs of every capacity; of the MLP, all ten folds."""
        if encoder == "mlp":
            return cls(training=replace(MLP, epochs=30), problems=5)
        how = replace(SEQUENCES, encoder=encoder)
        return cls(training=how, runs=5, problems=1)

    def changed(self, runs: int | None, widths: Sequence[int]) -> "TextStudy":
        """With other runs and widths, where they are given."""
        return replace(
            self, runs=runs or self.runs, widths=tuple(widths) or self.widths
        )
