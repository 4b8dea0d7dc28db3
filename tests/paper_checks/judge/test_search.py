import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.judge.instance_file import reproduce, save
from paper_checks.judge.search import BATCH, look, normal_latents
from paper_checks.judge.statement import StatementError
from tests.paper_checks.judge.toy_statements import MUTANTS, cauchy_schwarz

KEY = jax.random.key(0)


def test_all_outcomes_are_kept_in_order_and_the_worst_reloads(tmp_path):
    count = BATCH + 7
    false = cauchy_schwarz("looked at", rhs=MUTANTS["wrong constant"])
    latent = normal_latents(false, 0, count)
    found = look(false, latent, KEY)
    u, v = latent["u"], latent["v"]
    left = np.sum(u * v, axis=1) ** 2
    right = 0.9 * np.sum(u**2, axis=1) * np.sum(v**2, axis=1)
    np.testing.assert_allclose(found.outcome.ratio, left / right, rtol=1e-9)
    feasible = np.sum(u**2, axis=1) >= 0.5
    np.testing.assert_array_equal(found.feasible, feasible)
    rate = found.rate("failures")
    assert rate.n == feasible.sum()
    assert rate.value == pytest.approx((left > right)[feasible].mean())
    worst = found.worst()
    assert worst.broken
    assert worst.ratio == pytest.approx((left / right)[feasible].max())
    assert reproduce(save(tmp_path / "worst.npz", false, worst), false).same


def test_without_a_hypothesis_only_the_others_are_asked():
    statement = cauchy_schwarz("without one")
    found = look(
        statement, normal_latents(statement, 0, 64), KEY, dropped="u not short"
    )
    assert found.feasible.all()
    assert found.worst().dropped == "u not short"


def test_what_cannot_be_looked_at_is_said():
    base = cauchy_schwarz("looked at")
    never = dataclasses.replace(base, margins=lambda pair: (jnp.asarray(-1.0),))
    with pytest.raises(StatementError, match="none of 8 instances meets"):
        look(never, normal_latents(never, 0, 8), KEY)
    odd = dataclasses.replace(base, margins=lambda pair: (jnp.log(pair[0][0]),))
    with pytest.raises(StatementError, match="the margin of 'u not short' is NaN"):
        look(odd, normal_latents(odd, 0, 8), KEY)
    with pytest.raises(ValueError, match="no hypothesis 'x'"):
        look(base, normal_latents(base, 0, 8), KEY, dropped="x")
