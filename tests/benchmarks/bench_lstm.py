"""One SST-like epoch of an LSTM against PyTorch's own, and runs side by side."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import ModuleType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from paper_checks.networks.encoders import Lstm, new_encoder
from tests.benchmarks.paired import interleave, quartiles

D, R, BATCH, SEEDS, RATE = 50, 100, 50, 5, 1e-3
# Lengths that batches are padded to, and batches of each: those of SST's 6,920 texts.
EPOCH = ((11, 28), (16, 28), (21, 28), (27, 28), (53, 27))
SMOKE = ((5, 2), (8, 2))
Batches = list[tuple[np.ndarray, np.ndarray]]


def _torch() -> ModuleType:
    return pytest.importorskip(
        "torch",
        reason="PyTorch is no dependency: install the extra `peers`, or put its "
        "folder on PYTHONPATH",
    )


def _batches(shape: tuple[tuple[int, int], ...]) -> Batches:
    """For each length: embedded texts (batches x 50 x length x d), and labels."""
    rng = np.random.default_rng(0)
    return [
        (
            rng.normal(size=(count, BATCH, length, D)).astype(np.float32),
            rng.integers(0, 2, (count, BATCH)).astype(np.int32),
        )
        for length, count in shape
    ]


class Classifier(eqx.Module):
    """The encoder and a head of two classes."""

    encoder: Lstm
    head: jax.Array


def _start(key: jax.Array) -> Classifier:
    encoder = new_encoder("lstm", D, R, key)
    assert isinstance(encoder, Lstm)
    head = jax.random.normal(key, (R, 2), jnp.float32) / R**0.5
    return Classifier(encoder, head)


def _moments(model: Classifier) -> optax.OptState:
    return optax.adam(RATE).init(eqx.filter(model, eqx.is_array))


def _steps(state: Any, x: jax.Array, labels: jax.Array) -> Any:
    rule = optax.adam(RATE)

    def loss(model: Classifier, x: jax.Array, labels: jax.Array) -> jax.Array:
        out = model.encoder(x, jnp.ones(x.shape[:2], bool)) @ model.head
        each = optax.softmax_cross_entropy_with_integer_labels(out, labels)
        return jnp.mean(each)

    def step(state: Any, batch: Any) -> tuple[Any, None]:
        model, moments = state
        change, moments = rule.update(jax.grad(loss)(model, *batch), moments)
        return (eqx.apply_updates(model, change), moments), None

    return lax.scan(step, state, (x, labels))[0]


def _ours(batches: Batches, seeds: int | None) -> Any:
    """An epoch; of several models side by side if `seeds` is given."""
    steps = _steps if seeds is None else jax.vmap(_steps, in_axes=(0, None, None))
    advance = jax.jit(steps)
    key = jax.random.key(0)
    keys = key if seeds is None else jax.random.split(key, seeds)
    draw = _start if seeds is None else jax.vmap(_start)
    model = draw(keys)
    moments = (_moments if seeds is None else jax.vmap(_moments))(model)
    on_device = [tuple(map(jnp.asarray, pair)) for pair in batches]

    def epoch() -> Any:
        state = (model, moments)
        for x, labels in on_device:
            state = advance(state, x, labels)
        return jax.block_until_ready(state)

    return epoch


def _theirs(torch: ModuleType, batches: Batches) -> float:
    lstm = torch.nn.LSTM(D, R, batch_first=True)
    head = torch.nn.Linear(R, 2)
    rule = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=RATE)
    loss = torch.nn.CrossEntropyLoss()
    value = torch.zeros(())
    for x, labels in batches:
        for text, label in zip(x, labels, strict=True):
            rule.zero_grad()
            _, (last, _) = lstm(torch.from_numpy(text))
            value = loss(head(last[0]), torch.from_numpy(label).long())
            value.backward()
            rule.step()
    return float(value.detach())


def _in_threads(batches: Batches) -> Callable[[], list[Any]]:
    """An epoch of as many models, each by a program of its own, two at a time."""
    epoch = _ours(batches, None)

    def epochs() -> list[Any]:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda _: epoch(), range(SEEDS)))

    return epochs


def test_runs_side_by_side_against_one(report, smoke):
    batches = _batches(SMOKE if smoke else EPOCH)
    works = {
        "one": _ours(batches, None),
        "in one program": _ours(batches, SEEDS),
        "two at a time": _in_threads(batches),
    }
    times = interleave(works, 1 if smoke else 5)
    texts = sum(labels.size for _, labels in batches)
    report(
        f"LSTM r={R}, one epoch of {texts} texts, batch {BATCH}, 32-bit, s: "
        f"{quartiles(times['one'])}; texts/s {quartiles(texts / times['one'])}"
    )
    for how in ("in one program", "two at a time"):
        gain = SEEDS * times["one"] / times[how]
        report(f"speed a run of {SEEDS} {how}: {quartiles(gain)} times (target 2)")


def test_an_epoch_against_pytorch(report, smoke):
    torch = _torch()
    torch.set_num_threads(2)
    batches = _batches(SMOKE if smoke else EPOCH)
    works = {
        "ours": _ours(batches, None),
        "two at a time": _in_threads(batches),
        "theirs": partial(_theirs, torch, batches),
    }
    times = interleave(works, 1 if smoke else 5)
    report(
        f"LSTM epoch, s, ours {quartiles(times['ours'])}, PyTorch, 2 threads "
        f"{quartiles(times['theirs'])}; ratio "
        f"{quartiles(times['theirs'] / times['ours'])} (target >= 1)"
    )
    each = times["two at a time"] / SEEDS
    report(
        f"LSTM, {SEEDS} runs, two at a time: PyTorch's seconds of a run over ours of "
        f"one of them {quartiles(times['theirs'] / each)} (target 2)"
    )
