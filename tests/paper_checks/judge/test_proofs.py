"""Optima behind a claim: proven, counted where they are not, and never wrong."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from paper_checks.judge import proofs
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.proofs import Optima, proven
from tests.strategies import join, statistics
from theory.certificates import certificate_of_statistics
from theory.linear import wide_optimum


@pytest.fixture(scope="module")
def optima() -> Optima:
    tasks = join(*(statistics(seed, 2, 2) for seed in range(3)))
    weights = jnp.ones((3, 2))
    found = jax.vmap(lambda one, alpha: wide_optimum(one, 2, alpha))(tasks, weights)
    return Optima(found, tasks, weights)


def test_every_certificate_is_written_and_accepted(optima, tmp_path):
    rate = proven([optima, optima], tmp_path)
    assert (rate.count, rate.n) == (0, 6)
    assert sorted(path.stem for path in tmp_path.iterdir()) == list("012345")


def test_a_bound_that_is_too_high_is_counted_as_unproven(optima, tmp_path):
    higher = optima.found.lower_bound * jnp.array([1, 1.01, 1])
    found = eqx.tree_at(lambda one: one.lower_bound, optima.found, higher)
    rate = proven([optima._replace(found=found)], tmp_path)
    assert (rate.count, rate.n) == (1, 3)
    assert rate.rest == 2


def test_a_certificate_that_is_rejected_is_an_error(optima, tmp_path, monkeypatch):
    def wrong(*arguments) -> str:
        data = json.loads(certificate_of_statistics(*arguments))
        data["claim"]["loss_at_least"] = "10000000"
        return json.dumps(data)

    monkeypatch.setattr(proofs, "certificate_of_statistics", wrong)
    with pytest.raises(CheckError, match=r"0\.json is rejected: .*loss_at_least"):
        proven([optima], tmp_path)
