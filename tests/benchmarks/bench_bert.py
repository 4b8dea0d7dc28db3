"""A step of BERT against PyTorch: one shape, and texts of many lengths in buckets."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import jax
import numpy as np
import pytest

from paper_checks.bert.batches import (
    HostBatch,
    Rows,
    assemble,
    bucket_lengths,
    epoch,
)
from paper_checks.bert.compute import Compute
from paper_checks.bert.config import SHAPES, BertConfig
from paper_checks.bert.encoder import new_encoder
from paper_checks.bert.model import new_model
from paper_checks.bert.optimiser import Rates
from paper_checks.bert.sharding import new_layout
from paper_checks.bert.speed import made_up_batch
from paper_checks.bert.tokens import Encoded
from paper_checks.bert.trainer import Trainer
from tests.benchmarks.paired import interleave, quartiles
from tests.paper_checks.bert.small import as_json

ROWS, LENGTH = 32, 64
SMOKE = BertConfig(vocabulary=100, width=32, layers=2, heads=4, inner=64, positions=64)


def _ours(config: BertConfig) -> Callable[[Sequence[HostBatch]], None]:
    """Steps of AdamW with dropout, weights and moments kept between calls."""
    layout = new_layout(devices=jax.devices()[:1])
    trainer = Trainer(Compute(), Rates(), "none", 10_000, layout)
    model = new_model(new_encoder(config, 0), 0, tasks=1, aligned=False)
    state: Any = trainer.start(model)
    key = jax.random.key(0)

    def steps(batches: Sequence[HostBatch]) -> None:
        nonlocal state
        for batch in batches:
            state, _ = trainer.advance(state, layout.put(batch), key)
        jax.block_until_ready(state)

    return steps


def _theirs(config: BertConfig) -> Callable[[Sequence[HostBatch]], None]:
    """The same model and optimiser in eager PyTorch, attention by its fused kernel."""
    why = "install the extra `oracle`"
    torch: ModuleType = pytest.importorskip("torch", reason=why)
    transformers: ModuleType = pytest.importorskip("transformers", reason=why)
    about = transformers.BertConfig(**as_json(config), num_labels=2)
    about._attn_implementation = "sdpa"
    model = transformers.BertForSequenceClassification(about).train()
    rule = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01, fused=True)

    def steps(batches: Sequence[HostBatch]) -> None:
        for batch in batches:
            rule.zero_grad()
            # Without padding no mask is given: that is PyTorch's fastest way.
            mask = None if batch.mask.all() else torch.tensor(batch.mask).long()
            found = model(
                input_ids=torch.tensor(batch.piece).long(),
                attention_mask=mask,
                token_type_ids=torch.tensor(batch.kind).long(),
                labels=torch.tensor(batch.labels).long(),
            )
            found.loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            rule.step()

    return steps


def _texts(config: BertConfig, rows: int) -> Rows:
    """Lengths like RTE's: a median of some 45 word pieces, and a long tail."""
    rng = np.random.default_rng(0)
    lengths = np.clip(np.exp(rng.normal(3.8, 0.6, rows)), 8, LENGTH).astype(int)
    pieces = tuple(
        rng.integers(0, config.vocabulary, n, dtype=np.int32) for n in lengths
    )
    kinds = tuple(np.zeros(n, dtype=np.int32) for n in lengths)
    labels = rng.integers(0, 2, rows)
    return Rows(Encoded(pieces, kinds, 0), labels)


def test_a_step_and_buckets_against_pytorch(report, smoke):
    config, rounds = (SMOKE, 2) if smoke else (SHAPES["all-MiniLM-L6-v2"], 5)
    theirs, ours = _theirs(config), _ours(config)
    one = [made_up_batch(config, ROWS, LENGTH)] * (1 if smoke else 2)
    task = [_texts(config, 8 * ROWS)]
    batches = {
        count: [
            assemble(task[0], chosen, ROWS)
            for chosen in epoch(task, bucket_lengths(task, count), ROWS, 0, 0)
        ]
        for count in (1, 4)
    }
    works = {
        "PyTorch": lambda: theirs(one),
        "ours": lambda: ours(one),
        "PyTorch, padded": lambda: theirs(batches[1]),
        "ours, buckets": lambda: ours(batches[4]),
    }
    times = interleave(works, rounds)
    tokens = len(one) * ROWS * LENGTH
    about = f"n={rounds} rounds, batch {ROWS}, length {LENGTH}, 32-bit"
    report(f"bert tokens/s, PyTorch: {quartiles(tokens / times['PyTorch'])} ({about})")
    report(
        f"bert tokens/s, ours: {quartiles(tokens / times['ours'])}; ratio "
        f"{quartiles(times['PyTorch'] / times['ours'])} (target >= 0.9)"
    )
    report(
        "bert, texts of many lengths: ours in 4 buckets against PyTorch padded, ratio "
        f"{quartiles(times['PyTorch, padded'] / times['ours, buckets'])} (target > 1)"
    )
