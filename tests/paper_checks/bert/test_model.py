"""R_i between embeddings and blocks; padding, precision and what is computed anew."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.bert.compute import Compute
from paper_checks.bert.encoder import Tokens
from paper_checks.bert.model import MultiTask, new_model
from tests.paper_checks.bert.small import CONFIG, small_encoder

EPS = float(np.finfo(np.float32).eps)
# Some tens of sums of d entries of order 1, in each of two blocks.
TOLERANCE = 64 * EPS * CONFIG.width


def tokens(rows: int = 3, length: int = 12, padded: int = 12) -> Tokens:
    rng = np.random.default_rng(0)
    piece = np.zeros((rows, padded), np.int32)
    piece[:, :length] = rng.integers(5, CONFIG.vocabulary, (rows, length))
    mask = np.arange(padded) < rng.integers(3, length + 1, (rows, 1))
    kind = (np.arange(padded) > 4).astype(np.int32) * np.ones((rows, 1), np.int32)
    return Tokens(*map(jnp.asarray, (piece, kind, mask)))


ONE = jnp.int32(1)


@eqx.filter_jit
def logits(model: MultiTask, batch: Tokens, task: jax.Array, compute: Compute):
    return model.logits(batch, task, compute)


@eqx.filter_jit
def embedded(model: MultiTask, batch: Tokens) -> tuple[jax.Array, jax.Array]:
    return model.embed(batch, ONE), model.encoder.embed(batch)


@pytest.fixture(scope="module")
def model() -> MultiTask:
    found = new_model(small_encoder(), 1, tasks=2, aligned=True)
    shape = (2, CONFIG.width, CONFIG.width)
    turned = np.random.default_rng(2).normal(0, 0.3, shape)
    return eqx.tree_at(lambda m: m.turns, found, jnp.asarray(turned, jnp.float32))


def test_the_map_of_a_task_turns_its_embeddings_and_no_others(model: MultiTask):
    batch = tokens()
    found, plain = (np.asarray(x, np.float64) for x in embedded(model, batch))
    assert model.maps is not None
    wanted = plain @ np.asarray(model.maps[1], np.float64)
    assert np.abs(found - wanted).max() < TOLERANCE
    assert np.abs(found - plain).max() > 0.1


def test_identity_maps_change_nothing(model: MultiTask):
    straight = new_model(small_encoder(), 1, tasks=2, aligned=True)
    without = new_model(small_encoder(), 1, tasks=2, aligned=False)
    assert straight.maps is not None
    assert np.array_equal(straight.maps, np.stack([np.eye(32)] * 2))
    assert without.maps is None
    batch = tokens()
    found, plain = embedded(straight, batch)
    assert np.array_equal(found, plain)


def test_padding_changes_no_logit(model: MultiTask):
    short = logits(model, tokens(), ONE, Compute())
    long = logits(model, tokens(padded=16), ONE, Compute())
    assert np.abs(np.asarray(short) - np.asarray(long)).max() < TOLERANCE
    assert short.dtype == jnp.float32


@pytest.mark.long
def test_half_precision_is_near_and_its_logits_are_32_bit(model: MultiTask):
    wide = np.asarray(logits(model, tokens(), ONE, Compute()))
    short = logits(model, tokens(), ONE, Compute(dtype="bfloat16"))
    assert short.dtype == jnp.float32
    # bfloat16 has 8 bits: some 2⁻⁸ of the logits' size, a few times over.
    assert np.abs(np.asarray(short) - wide).max() < 0.05 * np.abs(wide).max()
    assert not np.array_equal(short, wide)


def test_longer_sequences_than_positions_are_refused(model: MultiTask):
    with pytest.raises(ValueError, match=r"sequences of 40 tokens: .* for 32"):
        model.encoder.embed(tokens(padded=40))


@pytest.mark.parametrize("field", ["dtype", "attention", "remat"])
def test_unknown_words_are_refused(field: str):
    # The types of tests refuse it before the field's own check does.
    with pytest.raises((ValueError, TypeError), match=field):
        replace(Compute(), **{field: "other"})


OTHERS = {
    "layer": Compute(remat="layer"),
    "dots": Compute(remat="dots"),
    "unrolled": Compute(unroll=True),
}


@pytest.mark.long
@pytest.mark.parametrize("how", OTHERS)
def test_what_is_computed_anew_changes_no_gradient(model: MultiTask, how: str):
    def slope(compute: Compute) -> MultiTask:
        def total(model: MultiTask) -> jax.Array:
            key = jax.random.key(3)
            return jnp.sum(model.logits(tokens(), ONE, compute, key) ** 2)

        return jax.jit(jax.grad(total))(model)

    other = OTHERS[how]
    for a, b in zip(
        jax.tree.leaves(slope(Compute())), jax.tree.leaves(slope(other)), strict=True
    ):
        size = float(np.abs(np.asarray(a)).max())
        assert np.abs(np.asarray(a) - np.asarray(b)).max() <= TOLERANCE * max(size, 1)
