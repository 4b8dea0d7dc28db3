"""Fig 3's sweep at d = 100 against plain NumPy, and its time against m_source."""

import os
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import threadpool_limits

from simulations.draws.figure_3_tasks import SOURCES, figure_3_tasks
from simulations.experiments.transfer import TransferSweep
from tests.benchmarks.paired import interleave, quartiles, slope
from tests.benchmarks.plain_numpy import PlainPoint, plain_point
from theory.linear.two_tasks import two_task_optimum
from theory.tasks import TaskStatistics


def _sweep(count: int, copies: int, repeats: int) -> TransferSweep:
    """Fig 3's own grid of 21 sizes, every size the same `m_source`."""
    return replace(TransferSweep(), samples_source=(count,) * copies, repeats=repeats)


def _plain(samples: int, threads: int | None) -> PlainPoint:
    spec = TransferSweep()
    tasks = jax.device_get(figure_3_tasks(jax.random.key(0), spec.dimension))
    roots = np.stack([tasks.target_root, tasks.source_roots[1]])
    parameters = np.stack([tasks.target_parameter, tasks.source_parameter])
    sizes = (spec.samples_target, samples)
    rng = np.random.default_rng(0)
    # Our programs keep BLAS to one thread; the plain way gets what it has elsewhere,
    # and one thread too, since more of them slow its last step.
    with threadpool_limits(threads, user_api="blas"):
        return plain_point(rng, roots, parameters, sizes, spec.noise)


def test_points_per_second(report, smoke):
    samples, repeats, rounds = (1_000, 1, 2) if smoke else (100_000, 4, 7)
    copies = len(TransferSweep().samples_source)
    spec = _sweep(samples, copies, repeats)
    points = len(SOURCES) * copies * repeats
    seen: list[PlainPoint] = []
    alone: list[PlainPoint] = []
    matrices = jnp.stack([jnp.cov(x) for x in _normals(64)])
    eigh = jax.jit(jnp.linalg.eigh)
    times = interleave(
        {
            "ours": lambda: np.asarray(spec.run()["risk_joint"]),
            "plain": lambda: seen.append(_plain(samples, os.cpu_count())),
            "plain, one thread": lambda: alone.append(_plain(samples, 1)),
            "eigh": lambda: eigh(matrices),
        },
        rounds,
    )
    _agree(seen[-1], samples)
    ours, plain, floor = times["ours"] / points, times["plain"], times["eigh"] / 64
    steps = {
        name: np.median([point.seconds[name] for point in seen[1:]])
        for name in seen[-1].seconds
    }
    # The three sources could share their normals, as in our sweep.
    shared = plain - 2 / 3 * np.array([p.seconds["draw"] for p in seen[1:]])
    n = f"n={rounds} rounds x {points} points"
    report(f"sweep points/s, ours: {quartiles(1 / ours)} ({n}, m_source={samples})")
    report(f"sweep points/s, plain NumPy: {quartiles(1 / plain)} ({n[:10]} x 1 point)")
    parts = ", ".join(f"{name} {1e3 * s:.3g}" for name, s in steps.items())
    report(f"sweep plain point, ms: {parts}")
    report(f"sweep ratio ours/plain: {quartiles(plain / ours)} (target >= 200)")
    single = times["plain, one thread"]
    report(f"sweep ratio ours/plain with one BLAS thread: {quartiles(single / ours)}")
    report(f"sweep ratio, normals shared by 3 sources: {quartiles(shared / ours)}")
    report(
        f"sweep floor, one batched eigh a point: {quartiles(1e6 * floor)} µs; ours is "
        f"{quartiles(ours / floor)} times it"
    )


def test_time_is_flat_in_m_source(report, smoke):
    copies, repeats, rounds = (4, 1, 2) if smoke else (21, 2, 10)
    counts = np.array([10**e for e in range(3, 8)])
    specs = {str(m): _sweep(int(m), copies, repeats) for m in counts}
    times = interleave(
        {
            name: lambda spec=spec: np.asarray(spec.run()["risk_joint"])
            for name, spec in specs.items()
        },
        rounds,
    )
    points = len(SOURCES) * copies * repeats
    for name in specs:
        report(
            f"sweep ms/point at m_source={int(name):.0e}: "
            f"{quartiles(1e3 * times[name] / points)} (n={rounds} x {points} points)"
        )
    rows = np.log(np.stack([times[name] for name in specs], axis=1))
    found, error = slope(np.log(counts.astype(float)), rows)
    report(
        f"sweep log-log slope of time in m_source: {found:+.4f} ± {error:.4f} "
        f"standard error (n={rounds} rounds; target within ±0.05)"
    )


def _normals(count: int):
    shape = (count, TransferSweep().dimension, 2 * TransferSweep().dimension)
    return jax.random.normal(jax.random.key(0), shape)


def _agree(point: PlainPoint, samples: int) -> None:
    """Both ways solve one problem."""
    sizes = jnp.asarray([TransferSweep().samples_target, samples], float)
    gram, moment, energy = map(jnp.asarray, (point.gram, point.moment, point.energy))
    both = TaskStatistics(gram, moment, energy, sizes)
    optimum = two_task_optimum(both, jnp.ones(2), full_rank=True)
    assert optimum.certified
    # The plain search stops at 1e-9 in log x, where the loss is flat.
    assert abs(point.loss - optimum.loss) <= 1e-9 * np.sum(point.energy)
