"""The stress test of Theorem 2 against one instance at a time in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np

from paper_checks.claims.theorem_2 import bound
from paper_checks.judge import ascent, search
from paper_checks.judge.statement import NONE, examine
from tests.benchmarks.paired import interleave, quartiles
from tests.benchmarks.plain_theorem_2 import PlainDesign, left_side, plain_ratio

KEY, STATEMENT = jax.random.key(0), bound.MENDED.attacked
D = bound.DIMENSION
# Rows of a source drawn row by row: less than a thousandth of what Theorem 2 asks for.
ROWS = 100_000


def test_the_plain_way_finds_the_same_optimum():
    for key in jax.random.split(KEY, 5):
        given = STATEMENT.build(STATEMENT.draw_latent(key), jnp.asarray(NONE))
        tasks = given.draw(key)
        plain = PlainDesign(
            parameter=np.asarray(given.parameter),
            root=np.asarray(given.root),
            target=np.asarray(given.singular),
            noise_source=float(given.noise_source),
            noise_target=np.asarray(given.noise_target),
            unseen=float(given.unseen),
            samples=float(given.samples),
            c=float(given.c),
            condition=float(given.condition_target),
        )
        found = left_side(plain, np.asarray(tasks.gram[0]), np.asarray(tasks.moment[0]))
        ours = float(STATEMENT.conclude(given, key).lhs)
        # The plain way's polish stops at 1e-9 of a quadratic, the root of that.
        assert abs(found / ours - 1) < 1e-3


def test_instances_of_theorem_2(report, smoke):
    count, looped, few, rounds = (2_048, 5, 1, 2) if smoke else (32_768, 200, 10, 5)
    rng = np.random.default_rng(0)

    def one_by_one() -> list[float]:
        return [plain_ratio(rng, D) for _ in range(looped)]

    def row_by_row() -> list[float]:
        return [plain_ratio(rng, D, ROWS) for _ in range(few)]

    # The same laws: medians of the ratio agree to a few standard errors.
    keys = jax.random.split(KEY, 1_000)
    batched = jax.jit(
        jax.vmap(lambda k: examine(STATEMENT, NONE, STATEMENT.draw_latent(k), k).ratio)
    )
    apart = np.median(np.asarray(batched(keys))) / np.median(one_by_one()) - 1
    assert smoke or abs(apart) < 0.25
    times = interleave(
        {
            "ours": lambda: search.at_random(STATEMENT, KEY, count).broken,
            "exact": one_by_one,
            "rows": row_by_row,
        },
        rounds,
    )
    each = times["ours"] / count
    report(
        f"stress, Theorem 2 at d = {D}: {quartiles(60 / each)} instances a minute "
        f"(target >= 1e5), {quartiles(times['exact'] / looped / each)} times NumPy one "
        f"at a time with exact draws, {quartiles(times['rows'] / few / each)} times "
        f"with {ROWS} rows (target >= 100; n={rounds} rounds)"
    )


def test_ascent_from_256_starts(report, smoke):
    starts, steps, rounds = (16, 2, 2) if smoke else (256, 20, 3)

    def climb() -> search.Search:
        return ascent.by_ascent(STATEMENT, KEY, starts=starts, steps=steps)

    programs = ascent._climbed._cache_size  # pyright: ignore
    before = programs()
    times = interleave({"ascent": climb}, rounds)
    assert programs() == before + 1
    report(
        f"ascent of Theorem 2 from {starts} starts, {steps} steps of 8 draws, in one "
        f"program: {quartiles(times['ascent'])} s, "
        f"{quartiles(1e6 * times['ascent'] / starts / steps / 8)} µs a gradient"
    )
