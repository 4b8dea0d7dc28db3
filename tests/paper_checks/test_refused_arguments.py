"""Arguments that are refused: the message names the field and the value."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from jax.sharding import AbstractMesh

from paper_checks.benchmarks.cross_validation import cross_validate
from paper_checks.benchmarks.label_noise import LabelNoise, label_noise
from paper_checks.benchmarks.label_pairs import LabelPairs, noisy_pair
from paper_checks.benchmarks.study import span
from paper_checks.bert.batches import bucket_lengths
from paper_checks.bert.compute import Compute
from paper_checks.bert.model import new_model
from paper_checks.bert.optimiser import Rates, new_rule
from paper_checks.bert.run import Machine, Protocol, Run, runs
from paper_checks.bert.sharding import (
    COPIES,
    PIECES,
    Hosts,
    Layout,
    check_batch,
    new_layout,
)
from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.bundled import diabetes, linnerud
from paper_checks.images.studies import ImageStudy
from paper_checks.images.training import Training as ImageTraining
from paper_checks.networks.densenet import DenseNetConfig, new_densenet
from paper_checks.networks.encoders import new_encoder
from paper_checks.sentences.overlap import near_duplicates
from paper_checks.sentences.training import Training
from tests.paper_checks.bert.small import small_encoder

NETWORK = new_densenet(
    DenseNetConfig(growth=3, blocks=(2, 1), channels=2), np.random.default_rng(0)
)
EIGHT = Layout(AbstractMesh((1, 8), (COPIES, PIECES)))
X, Y = np.ones((4, 1)), np.array([1.0, 1, 1, -1])


def protocol(**changed: Any) -> list[Run]:
    return runs(Protocol(**changed))


def features(*shape: int) -> jax.Array:
    return NETWORK(jnp.zeros(shape, "f4"), training=True)[0]


def hosts(number: int) -> int:
    return Hosts(coordinator="here:1", processes=2, process=number).join()


def pair(*covariates: np.ndarray) -> object:
    tasks = LinearBenchmark.from_arrays(covariates, [Y] * len(covariates))
    return noisy_pair(LabelPairs(), tasks, 0, 0, 0)


def duplicates(threshold: float) -> object:
    return near_duplicates(sp.csr_array(np.eye(2)), threshold)


# What is called, with what, and what is said.
REFUSED: list[tuple[Callable[[], Any], str]] = [
    (partial(Run, tasks=("wnli",)), "tasks: no task 'wnli'; there are cola"),
    (partial(Run, tasks=("rte", "rte")), "tasks: a task is named twice: rte, rte"),
    (partial(Run, tasks=()), "tasks: name at least one"),
    (partial(Run, sources=("x",)), "sources: no task 'x'"),
    (partial(Run, length=513), "length must be in 8 to 512, .* got 513"),
    (partial(Run, epochs=0), "epochs must be >= 1, got 0"),
    (partial(Run, rows=1), "^rows must be >= 2, got 1"),
    (partial(Run, dev_rows=1), "dev_rows must be >= 2, got 1"),
    (partial(Machine, pieces=0), "pieces must be >= 1, got 0"),
    (partial(Machine, memory=-1.0), "memory must be finite and above 0, got -1"),
    (partial(protocol, seeds=0), "seeds must be >= 1, got 0"),
    (partial(protocol, first_seed=-1), "first_seed must be >= 0, got -1"),
    (partial(protocol, alone=False, pairs=False, together=False), "no run: ask for"),
    (Hosts(processes=2).join, "processes and process need coordinator"),
    (Hosts(coordinator="here").join, "must be host:port, .* got 'here', None and None"),
    (partial(hosts, 2), "process must be in 0 to 1, got 2"),
    (partial(Rates, rate=float("nan")), "rate must be finite and >= 0, got nan"),
    (partial(Rates, turn_rate=0.0), "rate and turn_rate must be above 0"),
    (partial(Rates, warmup=1.0), "warmup must be a share below 1, got 1.0"),
    (partial(new_rule, Rates(), "none", 0), "steps >= 1, got 0"),
    (partial(check_batch, EIGHT, 20), "batch 20 .* over 8 devices; 16 or 24 can"),
    (partial(new_layout, 2, jax.devices()[:1]), "divide the 1 devices, got 2"),
    (partial(Compute, attention="cudnn"), "'cudnn' needs dtype 'bfloat16'"),
    (
        partial(new_model, small_encoder(), 0, tasks=0, aligned=False),
        "tasks >= 1 and classes >= 2, got 0 and 2",
    ),
    (partial(bucket_lengths, [], 0), "buckets must be >= 1, got 0"),
    (partial(Training, batch=0), "batch must be >= 1, got 0"),
    (partial(Training, rate=float("nan")), "rate must be finite and above 0, got nan"),
    (partial(new_encoder, "cnn", 4, 2, jax.random.key(0)), "width >= 3, got 2"),
    (partial(new_encoder, "mlp", 4, 0, jax.random.key(0)), "width >= 1, got 0"),
    (partial(duplicates, 0.0), r"is in \(0, 1\], got 0"),
    (partial(ImageTraining, batch=0), "batch must be >= 1, got 0"),
    (partial(ImageTraining, passes=0), "passes must be >= 1, got 0"),
    (partial(ImageTraining, width=0), "width must be >= 1, got 0"),
    (partial(ImageTraining, rate=float("nan")), "rate must be finite .* got nan"),
    (
        partial(ImageStudy, study="clean", numbers=0, training=ImageTraining()),
        "clean needs runs >= 1, got 0",
    ),
    (partial(DenseNetConfig, growth=0), "growth must be >= 1, got 0"),
    (partial(DenseNetConfig, channels=0), "channels must be >= 1, got 0"),
    (partial(DenseNetConfig, stem=-1), "stem must be >= 1, got -1"),
    (partial(DenseNetConfig, blocks=()), r"blocks need layers .* got \(\)"),
    (partial(DenseNetConfig, blocks=(2, 0)), r"layers >= 1 each, got \(2, 0\)"),
    (partial(DenseNetConfig, compression=1.5), r"compression .* \(0, 1\], got 1.5"),
    (partial(features, 1, 12, 12, 3), r"must have 2 channels, got .*12, 3\)"),
    (partial(features, 1, 12, 6, 2), "images of 8 x 8 pixels or more, got 12 x 6"),
    (partial(LabelNoise, share=1.5), r"share of labels .* \[0, 1\], got 1.5"),
    (partial(LabelNoise, training=1.0), r"training share .* \(0, 1\), got 1.0"),
    (partial(LabelNoise, repeats=0), "repeats must be >= 1, got 0"),
    (
        partial(label_noise, linnerud(), LabelNoise(training=0.99)),
        "Weight has 20 rows, and a training share of 0.99",
    ),
    (partial(pair, X), "two tasks on one X, got 1 with one X"),
    (partial(pair, X, 2 * X), "two tasks on one X, got 2 with an X each"),
    (partial(cross_validate, linnerud(), folds=1), "folds >= 2, got 1"),
    (partial(cross_validate, linnerud(), folds=21), "Weight.* 20 rows, too few for 21"),
    (partial(span, diabetes(), [1]), "diabetes: Proposition 3 needs one X"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_bad_arguments_are_refused(call: Callable[[], Any], message: str):
    with pytest.raises(ValueError, match=message):
        call()
