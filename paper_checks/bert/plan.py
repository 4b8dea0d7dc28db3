"""What a full run needs: memory, operations, time and the commands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from paper_checks.bert.compute import Compute
from paper_checks.bert.config import SHAPES, BertConfig
from paper_checks.bert.memory import (
    USABLE,
    Memory,
    Setting,
    largest_batch,
    smaller_ways,
    training_flops,
    training_memory,
)

# Rows of the official training files.
OFFICIAL_ROWS = {
    "cola": 8551,
    "mrpc": 3668,
    "qnli": 104743,
    "rte": 2490,
    "sst2": 67349,
}


@dataclass(frozen=True, kw_only=True)
class Layouts:
    """One line of a plan: what is trained, and bytes and operations of a step."""

    setting: Setting
    memory: Memory  # of one device
    largest: int  # batch that fits
    step_flops: int
    study_hours: float


def study_flops(
    config: BertConfig, length: int, *, epochs: int, seeds: int, tasks: int = 5
) -> int:
    """Operations of tasks alone, all pairs and all together, with and without R_i.

    Each task's rows are trained on once alone, `2(tasks − 1)` times in pairs and twice
    with all others. Texts are taken to be as long as `length`, so this is an upper
    bound.
    """
    rows = sum(OFFICIAL_ROWS.values())
    once = training_flops(config, rows, length)
    with_maps = training_flops(config, rows, length, aligned=True)
    return seeds * epochs * (once + tasks * (once + with_maps))


def plan(asked: "Command") -> list[Layouts]:
    """The cheapest way that fits on each number of devices.

    Whole weights and nothing computed anew if that fits; then blocks computed anew;
    then pieces as well. A batch has at least one row per device.

    Raises:
        ValueError: An unknown model, or not even the last fits; the message says what
            would.
    """
    if asked.model not in SHAPES:
        raise ValueError(f"model must be one of {', '.join(SHAPES)}, got {asked.model}")
    config, limit, found = SHAPES[asked.model], 1e9 * asked.memory, []
    study = study_flops(config, asked.length, epochs=3, seeds=5)
    for devices in asked.devices:
        wanted = Setting(
            config=config,
            rows=max(asked.batch, devices),
            length=asked.length,
            devices=devices,
            compute=Compute(dtype="bfloat16"),
        )
        setting = _fitting(wanted, limit)
        rate = devices * 1e12 * asked.peak * asked.utilisation
        found.append(
            Layouts(
                setting=setting,
                memory=training_memory(setting),
                largest=largest_batch(setting, USABLE * limit),
                step_flops=training_flops(
                    config, setting.rows, asked.length, aligned=True
                ),
                study_hours=study / rate / 3600,
            )
        )
    return found


def _fitting(asked: Setting, limit: float) -> Setting:
    tried = list(smaller_ways(asked).values())
    for setting in tried:
        if training_memory(setting).total <= USABLE * limit:
            return setting
    raise ValueError(
        f"batch {asked.rows} at length {asked.length} does not fit on "
        f"{asked.devices} devices of {limit / 1e9:g} GB; the largest that does is "
        f"{largest_batch(tried[-1], USABLE * limit)}"
    )


@dataclass(frozen=True, kw_only=True)
class Command:
    """Memory, operations and hours of the whole study, and the commands for it.

    Args:
        model: bert-large-uncased, bert-base-uncased or all-MiniLM-L6-v2.
        devices: Numbers of them to plan for.
        batch: Rows a step.
        length: Of sequences.
        memory: GB of a device.
        peak: TFLOP/s of a device in bfloat16.
        utilisation: Share of the peak to reckon with.
    """

    model: str = "bert-large-uncased"
    devices: tuple[int, ...] = (1, 8, 64)
    batch: int = 32
    length: int = 128
    memory: float = 80.0
    peak: float = 989.0
    utilisation: float = 0.4

    def __call__(self) -> None:
        """Print it."""
        found = plan(self)
        Console().print(_table(self.model, found))
        for line in found:
            print(command(self.model, line.setting))


def command(model: str, setting: Setting) -> str:
    """The command of the whole study in a setting, one line a process."""
    words = [
        f"python -m paper_checks.bert study --data DATA --encoder {model}",
        f"--batch {setting.rows} --length {setting.length}",
        f"--compute.dtype {setting.compute.dtype} --compute.remat "
        f"{setting.compute.remat} --pieces {setting.pieces}",
    ]
    if setting.devices > 8:
        words.append("--coordinator HOST:1234 --processes N --process I")
    return " ".join(words)


def _table(model: str, found: Sequence[Layouts]) -> Table:
    size = SHAPES[model].parameters / 1e6
    drawn = Table(title=f"{model}: {size:.1f} million parameters")
    drawn.add_column("")
    for line in found:
        drawn.add_column(f"{line.setting.devices} devices", justify="right")
    rows: dict[str, Callable[[Layouts], str]] = {
        "batch": lambda line: str(line.setting.rows),
        "pieces of a weight": lambda line: str(line.setting.pieces),
        "computed anew": lambda line: line.setting.compute.remat,
        "weights, GB": lambda line: f"{line.memory.weights / 1e9:.2f}",
        "Adam's moments, GB": lambda line: f"{line.memory.moments / 1e9:.2f}",
        "gradients, GB": lambda line: f"{line.memory.gradients / 1e9:.2f}",
        "bfloat16 copy, GB": lambda line: f"{line.memory.lowered / 1e9:.2f}",
        "activations, GB": lambda line: f"{line.memory.activations / 1e9:.2f}",
        "in all, GB a device": lambda line: f"{line.memory.total / 1e9:.2f}",
        "largest batch": lambda line: str(line.largest),
        "TFLOP a step": lambda line: f"{line.step_flops / 1e12:.3g}",
        "hours of the study": lambda line: f"{line.study_hours:.2f}",
    }
    for name, said in rows.items():
        drawn.add_row(name, *(said(line) for line in found))
    return drawn
