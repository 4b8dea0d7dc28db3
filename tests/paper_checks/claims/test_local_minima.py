import jax
import jax.numpy as jnp
import pytest

from paper_checks.claims.local_minima import Stationary, _finding, descended_points
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from tests.paper_checks.few import spared
from theory.linear import two_task_optimum
from theory.tasks import TaskStatistics

NAN = float("nan")
GLOBAL, SADDLE, TRAP = (0.0, 0.0), (0.1, -0.1), (0.1, 0.1)


def points(*each: tuple[float, float], found: bool = True) -> Stationary:
    """Points of one problem, each its excess and its least curvature."""
    excess, curvature = jnp.asarray(each).T
    return Stationary(jnp.full(len(each), found)[None], excess[None], curvature[None])


@pytest.mark.parametrize(
    ("point", "trap", "saddle"),
    [
        (GLOBAL, False, False),
        (SADDLE, False, True),
        (TRAP, True, False),
        ((-0.1, 0.1), True, False),  # below the optimum, which is then none
        ((NAN, 0.1), True, False),
        ((0.1, NAN), True, False),
    ],
)
def test_what_a_point_is(point, trap, saddle):
    found = points(point)
    assert (bool(found.trap[0, 0]), bool(found.saddle[0, 0])) == (trap, saddle)
    assert not points(point, found=False).trap.any()


def judged(met, trained, ends):
    return _finding(Settings(), spared(), met, trained, ends)


def test_verdicts():
    met, good, bad = points(GLOBAL, SADDLE), points(GLOBAL), points(GLOBAL, TRAP)
    assert judged(met, good, bad).verdict is Verdict.HOLDS
    assert judged(bad, good, bad).verdict is Verdict.FAILS
    assert judged(met, bad, bad).verdict is Verdict.FAILS
    assert judged(good, good, bad).verdict is Verdict.FAILS  # nothing was tried
    attacked = spared(refuted=True)
    assert _finding(Settings(), attacked, met, good, bad).verdict is Verdict.FAILS
    never = points(GLOBAL, found=False)
    assert judged(met, never, bad).verdict is Verdict.FAILS
    with pytest.raises(CheckError, match="common X"):
        judged(met, good, good)
    # Two traps of one problem are one problem with a trap.
    rate = judged(points(SADDLE, TRAP, TRAP), good, bad).measurements[0]
    assert (rate.value, rate.n) == (1, 1)


def crossed() -> TaskStatistics:
    """Each task's direction is its quiet one: a minimum near each of the solutions."""
    gram = jnp.stack([jnp.diag(jnp.asarray(s)) for s in ([0.05, 1.0], [1.0, 0.05])])
    theta = jnp.asarray([[1.0, 0.0], [0.0, 1.0]])
    moment = jnp.einsum("kde,ke->kd", gram, theta)
    return TaskStatistics(
        gram=gram,
        moment=moment,
        energy=jnp.sum(moment * theta, axis=1),
        samples=jnp.full(2, 10.0),
    )


@pytest.mark.long
def test_a_trap_is_found_where_there_is_one():
    tasks = crossed()
    # One label more in task 1, so that the two minima differ.
    tasks = TaskStatistics(
        gram=tasks.gram * jnp.asarray([1.3, 1.0])[:, None, None],
        moment=tasks.moment * jnp.asarray([1.3, 1.0])[:, None],
        energy=tasks.energy * jnp.asarray([1.3, 1.0]),
        samples=tasks.samples,
    )
    best = two_task_optimum(tasks, jnp.ones(2)).loss
    starts = jax.random.normal(jax.random.key(0), (12, 4))
    found = jax.jit(descended_points, static_argnums=2)(tasks, best, 1, starts)
    assert found.trap.any()
    assert (found.found & ~found.trap).any()
