"""Tokens a second and model FLOP utilisation of real shapes, on made-up text."""

import time
from dataclasses import dataclass, field
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from paper_checks.bert.batches import HostBatch
from paper_checks.bert.config import SHAPES, BertConfig
from paper_checks.bert.encoder import new_encoder
from paper_checks.bert.memory import (
    Setting,
    check_memory,
    device_limit,
    peak_flops,
    training_flops,
)
from paper_checks.bert.model import Alignment, new_model
from paper_checks.bert.optimiser import Rates
from paper_checks.bert.run import Machine
from paper_checks.bert.sharding import check_batch, new_layout
from paper_checks.bert.trainer import Meter, Speed, Trainer


def made_up_batch(config: BertConfig, rows: int, length: int) -> HostBatch:
    """A batch of random word pieces, without padding."""
    rng = np.random.default_rng(0)
    piece = rng.integers(0, config.vocabulary, (rows, length), dtype=np.int32)
    labels = rng.integers(0, 2, rows, dtype=np.int32)
    mask, seen = np.ones(piece.shape, dtype=bool), np.ones(rows, dtype=bool)
    return HostBatch(piece, 0 * piece, mask, labels, seen, 0, piece.size)


def measured_peak(size: int = 2048, repeats: int = 3) -> float:
    """32-bit operations a second of products of matrices, where no sheet says."""
    one = jnp.ones((size, size), jnp.float32)
    product = jax.jit(lambda x: x @ x)
    product(one).block_until_ready()
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        product(one).block_until_ready()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def measure(asked: "Command") -> Speed:
    """Speed of the steps of a command, compiled before.

    Raises:
        ValueError: An unknown model, or a batch that does not fit or cannot be shared
            out.
    """
    if asked.model not in SHAPES:
        raise ValueError(f"model must be one of {', '.join(SHAPES)}, got {asked.model}")
    config, machine = SHAPES[asked.model], asked.machine
    rows, length, aligned = asked.batch, asked.length, asked.alignment != "none"
    layout = new_layout(machine.pieces)
    check_batch(layout, rows)
    setting = Setting(
        config=config,
        rows=rows,
        length=length,
        devices=layout.devices,
        pieces=layout.pieces,
        tasks=1,
        aligned=aligned,
        compute=machine.compute,
    )
    known = device_limit() if machine.memory is None else machine.memory * 1e9
    check_memory(setting, known)
    trainer = Trainer(machine.compute, Rates(), asked.alignment, 1000, layout)
    model = new_model(new_encoder(config, 0), 0, tasks=1, aligned=aligned)
    state: Any = trainer.start(model)
    batch = layout.put(made_up_batch(config, rows, length))
    key = jax.random.key(2)
    state, loss = trainer.advance(state, batch, key)
    jax.block_until_ready(loss)
    meter = Meter(_peak(machine) * layout.devices)
    for _ in range(asked.steps):
        state, loss = trainer.advance(state, batch, key)
        meter.add(rows * length, training_flops(config, rows, length, aligned=aligned))
    jax.block_until_ready(state)
    return meter.speed()


def _peak(machine: Machine) -> float:
    if machine.peak is not None:
        return machine.peak * 1e12
    listed = peak_flops(jax.devices()[0].device_kind)
    return measured_peak() if listed is None else listed


@dataclass(frozen=True, kw_only=True)
class Command:
    """Speed of training a model of real shape with weights drawn at random.

    Args:
        model: bert-large-uncased, bert-base-uncased or all-MiniLM-L6-v2.
        machine: How.
        batch: Rows a step.
        length: Of sequences.
        steps: That are timed.
        alignment: `none`, `fixed` or `moving`.
    """

    model: str = "all-MiniLM-L6-v2"
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)
    batch: int = 32
    length: int = 64
    steps: int = 5
    alignment: Alignment = "none"

    def __call__(self) -> None:
        """Measure and print it."""
        found = measure(self)
        kind = jax.devices()[0].device_kind
        print(
            f"{self.model}, batch {self.batch}, length {self.length}, "
            f"{self.machine.compute.dtype}, {jax.device_count()} x {kind}: {found}"
        )
