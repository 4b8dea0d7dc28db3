"""FLOPs and memory against the programs themselves; plans, speed and refusals."""

import math
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from paper_checks.bert.compute import Compute
from paper_checks.bert.config import SHAPES
from paper_checks.bert.encoder import Tokens, block_output, lowered, new_encoder
from paper_checks.bert.layers import Block
from paper_checks.bert.memory import (
    Setting,
    block_bytes,
    check_memory,
    forward_flops,
    largest_batch,
    peak_flops,
    training_flops,
    training_memory,
)
from paper_checks.bert.model import MultiTask, new_model
from paper_checks.bert.optimiser import Rates
from paper_checks.bert.plan import Command, plan
from paper_checks.bert.sharding import new_layout
from paper_checks.bert.speed import made_up_batch
from paper_checks.bert.trainer import Meter, Trainer
from tests.paper_checks.bert.small import CONFIG, small_encoder

LARGE = SHAPES["bert-large-uncased"]
ROWS, LENGTH = 4, 24


def product_flops(jaxpr: Any) -> int:
    """Operations of all products of matrices in a program, loops unrolled."""
    total = 0
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            shape = eqn.invars[0].aval.shape
            inner = math.prod(shape[axis] for axis in contracted)
            total += 2 * inner * math.prod(eqn.outvars[0].aval.shape)
        times = eqn.params.get("length", 1) if eqn.primitive.name == "scan" else 1
        for value in eqn.params.values():
            inside = getattr(value, "jaxpr", value)
            if hasattr(inside, "eqns"):
                total += times * product_flops(inside)
    return total


def test_operations_are_those_of_all_products_in_the_program():
    model = new_model(small_encoder(), 0, tasks=2, aligned=True)
    piece = jnp.zeros((ROWS, LENGTH), jnp.int32)
    tokens = Tokens(piece, piece, jnp.ones(piece.shape, bool))

    def run(model: MultiTask) -> jax.Array:
        return jnp.sum(model.logits(tokens, jnp.int32(1)))

    # The head itself, two classes, is not counted.
    head = 2 * ROWS * CONFIG.width * 2
    forward = product_flops(jax.make_jaxpr(run)(model).jaxpr)
    assert forward == forward_flops(CONFIG, ROWS, LENGTH, aligned=True) + head
    both = product_flops(jax.make_jaxpr(jax.grad(run))(model).jaxpr)
    assert both == training_flops(CONFIG, ROWS, LENGTH, aligned=True) + 3 * head


def test_bert_large_takes_six_operations_a_weight_and_token():
    tables = (LARGE.vocabulary + LARGE.positions + LARGE.kinds) * LARGE.width
    used = LARGE.parameters - tables
    found = training_flops(LARGE, 1, 128) / 128
    # Attention adds 12 l d a block, 2 % at length 128.
    assert found == pytest.approx(6 * used, rel=0.03)


def test_peaks_are_of_the_longest_name_that_fits():
    assert peak_flops("NVIDIA H100 80GB HBM3") == 989e12
    assert peak_flops("TPU v5 lite") == 197e12
    assert peak_flops("TPU v5p") == 459e12
    assert peak_flops("cpu") is None


def test_speed_is_of_the_steps_since_the_last_report():
    times = iter([0.0, 2.0, 3.0])
    meter = Meter(100.0, clock=lambda: next(times))
    meter.add(10, 40)
    meter.add(30, 60)
    found = meter.speed()
    assert (found.tokens, found.flops, found.utilisation) == (20, 50, 0.5)
    meter.add(7, 1)
    assert meter.speed().tokens == 7
    assert "MFU 50.0%" in str(found)


BASE = Setting(config=LARGE, rows=32, length=128, compute=Compute(dtype="bfloat16"))


def test_memory_is_in_proportion_to_what_is_kept():
    memory = training_memory(BASE)
    # Sixteen bytes a parameter, and a bfloat16 copy; all of it is cut.
    whole = memory.weights + memory.moments + memory.gradients
    assert (whole, memory.lowered) == (16 * BASE.parameters, 2 * BASE.parameters)
    cut = training_memory(replace(BASE, devices=8, pieces=8, rows=256))
    assert cut.weights == pytest.approx(memory.weights / 8, rel=1e-6)

    def activations(**changed: Any) -> int:
        return training_memory(replace(BASE, **changed)).activations

    assert cut.activations == activations(rows=64) / 2 == memory.activations
    assert activations(length=256) > 2 * memory.activations
    dots, layer = (replace(BASE.compute, remat=how) for how in ("dots", "layer"))
    assert memory.activations > activations(compute=dots) > activations(compute=layer)


@pytest.mark.parametrize("limit", [8e9, 16e9, 80e9])
def test_the_largest_batch_is_the_last_that_fits(limit: float):
    rows = largest_batch(BASE, limit)
    assert training_memory(replace(BASE, rows=rows)).total <= limit
    assert training_memory(replace(BASE, rows=rows + 1)).total > limit


def test_a_batch_that_does_not_fit_is_told_what_would():
    check_memory(BASE, None)
    check_memory(BASE, 80e9)
    wide = replace(BASE, rows=512, devices=8)
    with pytest.raises(ValueError, match="batch 512 at length 128 needs about") as said:
        check_memory(wide, 16e9)
    assert "what fits: batch " in str(said.value)
    assert "with remat layer and pieces 8" in str(said.value)
    with pytest.raises(ValueError, match="no batch fits"):
        check_memory(BASE, 1e9)


def test_a_plan_takes_pieces_where_whole_weights_do_not_fit():
    def found(limit: float, counts: tuple[int, ...]) -> list[tuple[int, str]]:
        lines = plan(Command(devices=counts, memory=limit / 1e9))
        return [(one.setting.pieces, one.setting.compute.remat) for one in lines]

    assert found(80e9, (1, 8, 64)) == [(1, "none"), (1, "none"), (1, "none")]
    assert found(10e9, (1,)) == [(1, "layer")]
    assert found(4e9, (8, 64)) == [(8, "layer"), (64, "layer")]
    with pytest.raises(ValueError, match="does not fit on 1 devices of 2 GB"):
        found(2e9, (1,))


def test_a_block_keeps_what_is_counted():
    compute = Compute(dtype="bfloat16")
    encoder = lowered(small_encoder(), compute)
    block = jax.tree.map(lambda leaf: leaf[0], encoder.blocks)
    mask = jnp.ones((ROWS, LENGTH), bool)
    key = jax.random.key(0)

    def run(block: Block, x: jax.Array) -> jax.Array:
        return block_output(block, x, mask, CONFIG, compute, key)

    x = jax.ShapeDtypeStruct((ROWS, LENGTH, CONFIG.width), compute.float)
    kept = jax.eval_shape(lambda block, x: jax.vjp(run, block, x)[1], block, x)
    # Weights are kept as well; arrays of the batch begin with its rows or its tokens.
    firsts = (ROWS, ROWS * LENGTH)
    leaves = [leaf for leaf in jax.tree.leaves(kept) if leaf.ndim]
    found = [leaf for leaf in leaves if leaf.shape[0] in firsts]
    total = sum(leaf.size * leaf.dtype.itemsize for leaf in found)
    assert total == ROWS * LENGTH * block_bytes(CONFIG, LENGTH, compute)


@pytest.mark.long
@pytest.mark.parametrize(
    "compute", [Compute(), Compute(remat="layer")], ids=["none", "layer"]
)
def test_memory_is_about_what_xla_allots(compute: Compute):
    """On a CPU in 32 bits; wide enough that activations are most of it."""
    config = replace(CONFIG, layers=4, width=64, inner=256, positions=128)
    layout = new_layout(devices=jax.devices()[:1])
    trainer = Trainer(compute, Rates(), "moving", 10, layout)
    model = new_model(new_encoder(config, 0), 0, tasks=1, aligned=True)
    state = trainer.start(model)
    batch = layout.put(made_up_batch(config, 32, 64))
    step = trainer.compiled(state).lower(state, batch, jax.random.key(0)).compile()
    found: Any = step.memory_analysis()
    said = training_memory(
        Setting(config=config, rows=32, length=64, tasks=1, compute=compute)
    )
    assert found.argument_size_in_bytes == pytest.approx(
        said.weights + said.moments, rel=0.1
    )
    measured = found.temp_size_in_bytes / (said.gradients + said.activations)
    assert 0.6 < measured < 1.5
