"""What a run is, how a machine does it, and the runs of the paper's study."""

import dataclasses
from dataclasses import dataclass, field
from itertools import combinations
from typing import Annotated, Literal, get_args

import tyro

from paper_checks.bert.compute import Compute
from paper_checks.bert.model import ALIGNMENTS, Alignment
from paper_checks.bert.optimiser import Rates
from paper_checks.data.glue import TASKS

Generator = Literal["threefry2x32", "unsafe_rbg"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What runs that are compared with one another share.

    Everything that a score depends on besides tasks, alignment and seed, but for
    rounding. Scores are of the last step: nothing is chosen on the dev splits.

    Args:
        encoder: A folder, `all-MiniLM-L6-v2`, or a name on Hugging Face.
        drawn: Draw the weights at random; only the folder's config and tokenizer count.
        epochs: Passes over all tasks' rows.
        batch: Rows a step, of one task.
        length: Longer texts are cut.
        buckets: Lengths that batches are padded to.
        rows: Most training rows of a task; all if not given.
        dev_rows: Most dev rows of a task; all if not given.
        rates: Of the optimiser.
        generator: Of the bits that say what is dropped. `unsafe_rbg` is the quicker
            one; its bits depend on the devices as well.
    """

    encoder: str = "all-MiniLM-L6-v2"
    drawn: bool = False
    epochs: int = 3
    batch: int = 32
    length: int = 128
    buckets: int = 4
    rows: int | None = None
    dev_rows: int | None = None
    rates: Rates = field(default_factory=Rates)
    generator: Generator = "threefry2x32"

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            ValueError: The message names the field.
        """
        for name in ("epochs", "batch", "buckets"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.generator not in get_args(Generator):
            raise ValueError(
                f"generator must be one of {get_args(Generator)}, got "
                f"{self.generator!r}"
            )
        if not 8 <= self.length <= 512:
            raise ValueError(
                "length must be in 8 to 512, the most that BERT has positions for, got "
                f"{self.length}"
            )
        for name in ("rows", "dev_rows"):
            value = getattr(self, name)
            if value is not None and value < 2:
                raise ValueError(f"{name} must be >= 2, got {value}")


@dataclass(frozen=True, kw_only=True)
class Run(Recipe):
    """One model that is trained on some tasks and scored on their dev splits.

    Args:
        tasks: Of GLUE that train together: cola, mrpc, qnli, rte, sst2.
        sources: Tasks that the encoder is trained on before, without alignment
            (transfer; with `fixed` alignment these may be the tasks themselves).
        alignment: `none`, or `R_i` after the embeddings with the encoder held
            (`fixed`) or trained along (`moving`): the readings of Algorithm 1.
        seed: Of heads, of the order of rows, and of what is dropped.
    """

    tasks: tuple[str, ...] = ("rte",)
    sources: tuple[str, ...] = ()
    alignment: Alignment = "none"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            ValueError: The message names the field.
        """
        super().__post_init__()
        for name in ("tasks", "sources"):
            listed = getattr(self, name)
            unknown = [task for task in listed if task not in TASKS]
            if unknown:
                raise ValueError(
                    f"{name}: no task {unknown[0]!r}; there are {', '.join(TASKS)}"
                )
            if len(set(listed)) != len(listed):
                raise ValueError(f"{name}: a task is named twice: {', '.join(listed)}")
        if not self.tasks:
            raise ValueError("tasks: name at least one")
        if self.alignment not in ALIGNMENTS:
            raise ValueError(
                f"alignment must be one of {ALIGNMENTS}, got {self.alignment!r}"
            )

    @property
    def name(self) -> str:
        """A file name that tells runs of one protocol apart."""
        parts = ["+".join(self.tasks)]
        if self.sources:
            parts.append("from-" + "+".join(self.sources))
        return "-".join([*parts, self.alignment, f"seed{self.seed}"])

    def as_json(self) -> dict:
        """Plain values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """How it is done; changes a score by rounding alone.

    Args:
        compute: Precision, attention, and what is computed anew.
        pieces: Into how many each weight is cut; it divides the number of devices.
        save_every: Steps between checkpoints.
        report_every: Steps between reports.
        memory: GB of a device, where jax does not know; a batch that does not fit is
            refused.
        peak: TFLOP/s of a device, where its kind is not listed.
    """

    compute: Compute = field(default_factory=Compute)
    pieces: int = 1
    save_every: int = 500
    report_every: int = 20
    memory: float | None = None
    peak: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done.

        Raises:
            ValueError: The message names the field.
        """
        for name in ("pieces", "save_every", "report_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")
        for name in ("memory", "peak"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be finite and above 0, got {value}")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Which runs there are.

    Args:
        recipe: What all runs share.
        tasks: That are combined.
        seeds: So many, from `first_seed`.
        first_seed: Two processes with seeds of their own share a folder of results.
        alone: Whether each task is trained alone.
        pairs: Whether every pair is trained.
        together: Whether all tasks are trained together.
        alignments: With which each of the pairs and of the whole is trained.
    """

    recipe: Annotated[Recipe, tyro.conf.arg(name="")] = field(default_factory=Recipe)
    tasks: tuple[str, ...] = tuple(TASKS)
    seeds: int = 5
    first_seed: int = 0
    alone: bool = True
    pairs: bool = True
    together: bool = True
    alignments: tuple[Alignment, ...] = ("none", "moving")


def runs(protocol: Protocol) -> list[Run]:
    """All of them, a seed at a time: what is done first is a study of fewer seeds.

    Raises:
        ValueError: No seed, a seed below 0, or no run.
    """
    first, count = protocol.first_seed, protocol.seeds
    if count < 1:
        raise ValueError(f"seeds must be >= 1, got {count}")
    if first < 0:
        raise ValueError(f"first_seed must be >= 0, got {first}")
    alone = [(task,) for task in protocol.tasks] if protocol.alone else []
    shared: list[tuple[str, ...]] = []
    if protocol.pairs:
        shared += combinations(protocol.tasks, 2)
    if protocol.together and len(protocol.tasks) > 2:
        shared.append(protocol.tasks)
    groups: list[tuple[tuple[str, ...], Alignment]] = [
        *((group, "none") for group in alone),
        *((group, how) for group in shared for how in protocol.alignments),
    ]
    if not groups:
        raise ValueError("no run: ask for alone, pairs or together")
    return [
        Run(**vars(protocol.recipe), tasks=group, alignment=how, seed=seed)
        for seed in range(first, first + count)
        for group, how in groups
    ]
