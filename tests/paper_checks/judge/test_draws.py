import jax
import jax.numpy as jnp

from paper_checks.judge import Check, Draws, Route, Settings, mean_with_interval
from paper_checks.judge.routes import measured_on_draws


def exact(problems, keys):
    del keys
    return Check(problems, problems, jnp.full(len(problems), 1e-9), "==")


def test_further_measurements_are_reported_and_named_and_decide_nothing():
    draws = Draws(
        draw=jax.vmap(jax.random.uniform),
        count=(8, 80),
        routes=(Route(exact, "largest difference"),),
        further=lambda problems, keys: {
            "mean": mean_with_interval("mean of the draws", -problems * len(keys))
        },
    )
    found = measured_on_draws((draws,), None, Settings())
    assert found.holds
    assert found.named["mean"] in found.measurements
    assert -8 < found.named["mean"].value < 0
    assert found.named["mean"].n == 8
