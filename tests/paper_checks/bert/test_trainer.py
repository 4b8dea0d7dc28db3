"""Steps of training: what moves under each reading, rates, decay, and precision."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AbstractMesh

from paper_checks.bert.batches import HostBatch
from paper_checks.bert.compute import Compute
from paper_checks.bert.model import MultiTask, new_model
from paper_checks.bert.optimiser import Rates, _decayed, labels, schedule
from paper_checks.bert.sharding import COPIES, PIECES, Layout, new_layout
from paper_checks.bert.trainer import State, Trainer
from tests.paper_checks.bert.small import CONFIG, small_encoder

STEPS = 12
RATES = Rates(rate=2e-3, turn_rate=5e-3, turn_decay=0.0, warmup=0.25)


def host_batch(task: int, rows: int = 8, length: int = 12) -> HostBatch:
    """Labels are whether word 5 comes first."""
    rng = np.random.default_rng(task)
    piece = rng.integers(6, CONFIG.vocabulary, (rows, length), dtype=np.int32)
    labels = (np.arange(rows) % 2).astype(np.int32)
    piece[:, 1] = np.where(labels == 1, 5, 6)
    mask = np.arange(length) < rng.integers(4, length + 1, (rows, 1))
    seen = np.ones(rows, dtype=bool)
    return HostBatch(piece, 0 * piece, mask, labels, seen, task, int(mask.sum()))


def small_model(aligned: bool = True) -> MultiTask:
    return new_model(small_encoder(), 0, tasks=2, aligned=aligned)


def trained(trainer: Trainer, steps: int = STEPS) -> tuple[State, list[float]]:
    state = trainer.start(small_model(trainer.program.alignment != "none"))
    key, losses = jax.random.key(0), []
    batch = trainer.layout.put(host_batch(1))
    for _ in range(steps):
        state, loss = trainer.advance(state, batch, key)
        losses.append(float(loss))
    return state, losses


def moved(state: State, part: str) -> float:
    start = getattr(small_model(), part)
    pairs = zip(
        jax.tree.leaves(getattr(state.model, part)), jax.tree.leaves(start), strict=True
    )
    return max(float(jnp.abs(a - b).max()) for a, b in pairs)


@pytest.mark.long
def test_one_task_is_learned_and_nothing_of_the_other_moves():
    trainer = Trainer(
        Compute(), RATES, "moving", STEPS, new_layout(devices=jax.devices()[:1]),
        drop=False,
    )  # fmt: skip
    state, losses = trained(trainer)
    assert losses[-1] < 0.8 * losses[0]
    assert moved(state, "encoder") > 1e-3
    turns = np.abs(np.asarray(state.model.turns)).max(axis=(1, 2))
    assert turns[0] == 0
    assert turns[1] > 1e-3
    heads = np.abs(np.asarray(state.model.heads - small_model().heads))
    # The other task's head decays, as all matrices do, and no more.
    assert heads[0].max() < 1e-4 < heads[1].max()
    kinds = {leaf.dtype for leaf in jax.tree.leaves(state)}
    assert kinds == {jnp.dtype("float32"), jnp.dtype("int32")}


@pytest.mark.long
def test_the_fixed_reading_holds_the_encoder():
    trainer = Trainer(
        Compute(), RATES, "fixed", STEPS, new_layout(devices=jax.devices()[:1])
    )
    state, losses = trained(trainer)
    assert moved(state, "encoder") == 0
    assert moved(state, "turns") > 1e-3
    assert moved(state, "heads") > 1e-3
    assert losses[-1] < losses[0]


@pytest.mark.long
def test_runs_of_other_lengths_share_a_program_and_not_their_rates():
    layout = new_layout(devices=jax.devices()[:1])
    reached = []
    for steps in (8, 80):
        trainer = Trainer(Compute(), RATES, "moving", steps, layout, drop=False)
        state = trainer.start(small_model())
        program: Any = trainer.compiled(state)
        state, _ = trainer.advance(state, layout.put(host_batch(1)), jax.random.key(0))
        assert program is trainer.compiled(state)
        assert program._cache_size() == 1
        reached.append(moved(state, "turns"))
    # Adam's first step is as long as the rate: an eighth or eightieth of the way up,
    # over a quarter of the steps.
    assert reached[0] / reached[1] == pytest.approx(20 / 2, rel=1e-3)


def test_no_64_bit_number_is_in_a_step():
    for dtype in ("float32", "bfloat16"):
        compute = Compute(dtype=dtype, remat="layer")
        layout = new_layout(devices=jax.devices()[:1])
        trainer = Trainer(compute, RATES, "moving", STEPS, layout)
        state, batch = trainer.shapes(small_model()), layout.put(host_batch(1))
        said = trainer.compiled(state).lower(state, batch, jax.random.key(0)).as_text()
        # Scalars alone: optax takes powers of Adam's decay so.
        assert not re.search(r"\dxf64", said)
        assert ("bf16" in said) == (dtype == "bfloat16")


def test_rates_rise_and_fall_linearly():
    at = schedule(2.0, 0.25, 8)
    found = [float(np.asarray(at(step))) for step in range(9)]
    assert found == pytest.approx([1, 2, 2, 5 / 3, 4 / 3, 1, 2 / 3, 1 / 3, 0])
    assert np.asarray(schedule(2.0, 0.0, 8)(0)) == 2.0


def test_matrices_decay_and_norms_and_offsets_do_not():
    found = _decayed(small_model())
    for part in (found.encoder.pieces, found.encoder.blocks.mixed.weight, found.heads):
        assert part is True
    for part in (
        found.encoder.norm.scale,
        found.encoder.norm.offset,
        found.encoder.blocks.norm.scale,
        found.encoder.blocks.attention_norm.offset,
        found.encoder.blocks.mixed.bias,
        found.encoder.pooler.bias,
        found.bias,
    ):
        assert part is False


def test_each_part_has_its_rule():
    model = small_model()
    assert set(jax.tree.leaves(labels(model, "moving").encoder)) == {"own"}
    assert set(jax.tree.leaves(labels(model, "fixed").encoder)) == {"held"}
    assert labels(model, "fixed").turns == "turns"
    assert labels(small_model(aligned=False), "none").turns is None


def test_weights_are_cut_along_their_longest_axis_and_small_ones_copied():
    layout = Layout(AbstractMesh((1, 8), (COPIES, PIECES)))
    cut = {
        shape: tuple(layout.of_weight(shape).spec)
        for shape in ((30522, 384), (512, 384), (6, 384, 1152), (6, 384), (5, 384, 384))
    }
    assert cut == {
        (30522, 384): (None, "pieces"),
        (512, 384): ("pieces", None),
        (6, 384, 1152): (None, None, "pieces"),
        (6, 384): (),
        (5, 384, 384): (None, "pieces", None),
    }
