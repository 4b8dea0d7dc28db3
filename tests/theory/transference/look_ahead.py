"""Look-ahead by autograd on rows: what the closed forms are compared with."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from tests.strategies import Kind, rows
from theory.tasks import TaskStatistics
from theory.transference import SGD, Adam, Momentum

K, D, R = 3, 4, 2
RULES = ("sgd", "momentum", "adam")
KINDS: tuple[Kind, ...] = ("plain", "split", "condition", "few rows", "repeated")


def instance(seed: int, kind: Kind = "plain"):
    """Rows, statistics, a module and heads."""
    x, y = rows(seed, K, D, kind)
    rng = np.random.default_rng([seed, 2])
    shared, heads = rng.normal(size=(D, R)), rng.normal(size=(K, R))
    statistics = TaskStatistics.from_data(x, y)
    return (x, y), statistics, jnp.asarray(shared), jnp.asarray(heads)


def rule_of(name: str, seed: int, rate: float = 0.05):
    """A rule in the middle of a run."""
    state = np.random.default_rng([seed, 3]).normal(size=(2, D, R))
    if name == "sgd":
        return SGD(rate)
    if name == "momentum":
        return Momentum(rate, decay=0.9, velocity=jnp.asarray(state[0]))
    first, second = jnp.asarray(state[0]), jnp.asarray(state[1] ** 2)
    return Adam(rate, first=first, second=second, count=7)


def displaced(name: str, rule, gradient: np.ndarray) -> np.ndarray:
    """The step, written out a second time."""
    if name == "sgd":
        return rule.rate * gradient
    if name == "momentum":
        return rule.rate * (0.9 * rule.velocity + gradient)
    first = (0.9 * rule.first + 0.1 * gradient) / (1 - 0.9**8)
    second = (0.999 * rule.second + 0.001 * gradient**2) / (1 - 0.999**8)
    return rule.rate * first / (np.sqrt(second) + 1e-8)


@jax.jit
def loss_and_slopes(shared, head, x, y):
    """The mean loss of one task on its rows, with its gradients, by autograd."""
    return jax.value_and_grad(_mean_loss, (0, 1))(shared, head, x, y)


def _mean_loss(shared, head, x, y):
    return jnp.mean((x @ (shared @ head) - y) ** 2)


def losses_and_slopes(data, shared, heads) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses of all tasks, and gradients of the module and of the own head."""
    found = [
        loss_and_slopes(np.asarray(shared), np.asarray(a), x, y)
        for a, x, y in zip(heads, *data, strict=True)
    ]
    losses, slopes = zip(*found, strict=True)
    modules, own = zip(*slopes, strict=True)
    return np.array(losses), np.array(modules), np.array(own)


def look_ahead(data, shared, heads, step: Callable, heads_rate=None) -> np.ndarray:
    """`1 − L_j(B − Δ_i, a_j)/L_j(B, a_j)` of a step of each source."""
    shared, heads = np.asarray(shared), np.asarray(heads)
    before, slopes, own = losses_and_slopes(data, shared, heads)
    new = heads if heads_rate is None else heads - heads_rate * own
    after = [
        losses_and_slopes(data, shared - step(gradient), new)[0] for gradient in slopes
    ]
    return 1 - np.array(after) / before
