"""Each combiner against its optimality conditions, special cases and invariances."""

from collections.abc import Callable
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize, nnls

from theory import combiners

K, N = 4, 6
ORDER = np.array([[j for j in range(K) if j != i] for i in range(K)])
TARGETS = np.full((K, K), 0.1)
PAIR_ORDER = np.array([[1], [0]])
# Of what floats of 64 bits leave of a relative accuracy: κ of the draws is below 1e3.
CLOSE = 1e-9


def gradients(seed: int, kind: str = "plain") -> np.ndarray:
    """Gradients in general position, spoiled in the way `kind` names."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(K, N))
    if kind == "conflict":  # a common direction that half of them oppose
        rows += np.outer([3, -3, 3, -3], rng.normal(size=N))
    if kind == "units":
        rows *= np.logspace(-6, 6, K)[:, None]
    if kind == "flat":  # more tasks than directions
        rows[:, 2:] = 0
    if kind == "equal":
        rows[1] = rows[0]
    if kind == "zero":
        rows[2] = 0
    return rows


KINDS = ("plain", "conflict", "units", "flat", "equal", "zero")
every = pytest.mark.parametrize("kind", KINDS)
JIT: dict[str, Callable] = {
    "pcgrad": jax.jit(lambda g: combiners.pcgrad(g, order=ORDER)),
    "gradvac": jax.jit(
        lambda g, targets=TARGETS: combiners.gradvac(g, order=ORDER, targets=targets)
    ),
    "min_norm": jax.jit(combiners.min_norm_weights),
    "cagrad": jax.jit(combiners.cagrad),
    "upgrad": jax.jit(combiners.upgrad),
    "imtl_g": jax.jit(combiners.imtl_g_weights),
    "aligned": jax.jit(combiners.aligned_mtl_weights),
    "nash": jax.jit(combiners.nash_weights),
}
JIT_PCGRAD = jax.jit(lambda g, order: combiners.pcgrad(g, order=order))


def combined(name: str, rows: np.ndarray) -> np.ndarray:
    """The combined gradient of any of the combiners."""
    found = JIT[name](rows, 0.4) if name == "cagrad" else JIT[name](rows)
    if name == "gradvac":
        return np.asarray(found.gradient)
    return np.asarray(found if len(found) == N else found @ rows)


@every
@pytest.mark.parametrize("seed", range(3))
def test_min_norm_weights_meet_their_optimality_conditions(seed, kind):
    rows = gradients(seed, kind)
    weights = np.asarray(JIT["min_norm"](rows))
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-12)
    shortest = weights @ rows
    # ⟨g_i, g_w⟩ ≥ ‖g_w‖² for all i, up to rounding of the inner product.
    slack = CLOSE * np.linalg.norm(rows, axis=1) * max(np.linalg.norm(shortest), 1e-6)
    assert (rows @ shortest >= shortest @ shortest - slack).all()


@pytest.mark.parametrize("seed", range(3))
def test_min_norm_weights_of_two_tasks_are_the_closed_form(seed):
    one, other = np.random.default_rng(seed).normal(size=(2, N))
    one = (1 + seed) * one
    gap = one - other
    share = np.clip(-(gap @ other) / (gap @ gap), 0, 1)
    found = JIT["min_norm"](np.stack([one, other, other, other]))
    np.testing.assert_allclose(found[0], share, atol=1e-12)


def test_min_norm_weights_see_a_gradient_that_is_shorter_by_twelve_decades():
    found = np.asarray(JIT["min_norm"](gradients(0, "units")))
    rows = np.array([[1e-6, 0], [-1e6, 1e6]])
    pair = np.asarray(combiners.min_norm_weights(rows))
    assert found[0] > 0.99
    gap = rows[0] - rows[1]
    np.testing.assert_allclose(pair[1], rows[0] @ gap / (gap @ gap), rtol=1e-9)


@every
@pytest.mark.parametrize("seed", range(3))
def test_upgrad_is_the_mean_of_projections_that_nnls_finds(seed, kind):
    rows = gradients(seed, kind)
    size = np.linalg.norm(rows, axis=1)
    unit = rows / np.where(size > 0, size, 1)[:, None]
    expected = np.zeros(N)
    for row in rows:
        dual = nnls(unit.T, -row / max(np.linalg.norm(row), 1e-300))[0]
        expected += (row + np.linalg.norm(row) * dual @ unit) / K
    found = combined("upgrad", rows)
    np.testing.assert_allclose(found, expected, atol=CLOSE * size.max())
    assert (unit @ found >= -CLOSE * size.max()).all()


@every
@pytest.mark.parametrize("c", [0.3, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_cagrad_has_no_duality_gap(seed, kind, c):
    rows = gradients(seed, kind)
    mean = rows.mean(0)
    found = np.asarray(JIT["cagrad"](rows, c))
    size = np.linalg.norm(mean)
    assert np.linalg.norm(found - mean) <= c * size * (1 + 1e-12)
    worst = (rows @ found).min()

    def dual(weights):
        w = np.abs(weights) / np.abs(weights).sum()
        return w @ rows @ mean + c * size * np.linalg.norm(w @ rows)

    # Weak duality: any w of the simplex is an upper bound of the worst improvement.
    corners = min(dual(w) for w in np.eye(K))
    free = {"method": "Nelder-Mead", "options": {"xatol": 1e-10, "fatol": 1e-14}}
    bound = min(corners, minimize(dual, np.ones(K) / K, **free).fun)
    scale = size * np.linalg.norm(rows, axis=1).max()
    assert worst <= bound + 1e-9 * scale
    if kind in ("plain", "conflict"):
        assert worst >= bound - 1e-4 * scale


def filled(rows: list[list[float]]) -> np.ndarray:
    """The rows, again and again, with zeros, in the shape that is compiled."""
    few = np.asarray(rows, float)
    whole = np.zeros((K, N))
    whole[:, : few.shape[1]] = few[np.arange(K) % len(few)]
    return whole


def test_cagrad_of_known_cases():
    # g_0 = (1/4, 0): the second task is worst, and the ball is left towards it.
    opposite = JIT["cagrad"](filled([[1, 0], [-0.5, 0]]), 0.4)
    np.testing.assert_allclose(opposite[:2], [0.15, 0], atol=1e-12)
    stationary = JIT["cagrad"](filled([[1, 0], [-1, 0], [0, 3], [0, 3]]), 0.4)
    np.testing.assert_allclose(stationary[:2], [0, 1.5], atol=1e-9)
    rows = gradients(0)
    np.testing.assert_allclose(JIT["cagrad"](rows, 0.0), rows.mean(0), rtol=1e-12)


@pytest.mark.parametrize("kind", ["plain", "conflict", "units"])
@pytest.mark.parametrize("seed", range(3))
def test_imtl_g_projects_equally_on_all_directions(seed, kind):
    rows = gradients(seed, kind)
    weights = np.asarray(JIT["imtl_g"](rows))
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-9)
    size = np.linalg.norm(rows, axis=1)
    direction = rows / size[:, None]
    projected = direction @ (weights * size @ direction)
    np.testing.assert_allclose(
        projected, projected[0], atol=CLOSE * np.abs(weights * size).max()
    )


def test_imtl_g_where_cosines_are_singular():
    opposite = JIT["imtl_g"](filled([[1, 2], [-3, -6]]))
    np.testing.assert_allclose(2 * opposite, [0.75, 0.25, 0.75, 0.25], rtol=1e-12)
    equal = JIT["imtl_g"](filled([[1, 2]]))
    np.testing.assert_allclose(equal, 1 / K, rtol=1e-12)
    # In the plane, only zero has equal projections on these four directions.
    lone = filled([[1, 0], [0, 1], [-1, 0], [0, -1]])
    np.testing.assert_allclose(JIT["imtl_g"](lone) @ lone, 0, atol=1e-12)


@pytest.mark.parametrize("kind", ["plain", "conflict", "flat", "equal", "zero"])
@pytest.mark.parametrize("seed", range(3))
def test_aligned_mtl_takes_the_orthogonal_factor(seed, kind):
    rows = gradients(seed, kind)
    left, size, right = np.linalg.svd(rows, full_matrices=False)
    rank = np.linalg.matrix_rank(rows)
    near = size[rank - 1] * left[:, :rank] @ right[:rank]
    np.testing.assert_allclose(
        combined("aligned", rows), near.sum(0) / K, atol=CLOSE * size[0]
    )


def test_aligned_mtl_counts_a_task_of_a_small_unit():
    rows = np.diag([1.0, 1e-20])
    np.testing.assert_allclose(
        combiners.aligned_mtl_weights(rows), [0.5e-20, 0.5], rtol=1e-12
    )


@pytest.mark.parametrize("kind", ["plain", "conflict", "units", "equal"])
@pytest.mark.parametrize("seed", range(3))
def test_nash_weights_solve_the_bargaining_equation(seed, kind):
    rows = gradients(seed, kind)
    weights = np.asarray(JIT["nash"](rows))
    assert (weights > 0).all()
    size = np.linalg.norm(rows, axis=1)
    scaled, unit = weights * size, rows / size[:, None]
    np.testing.assert_allclose(unit @ unit.T @ scaled * scaled, 1, rtol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(scaled @ unit), K**0.5, rtol=1e-9)


@pytest.mark.parametrize("angle", [1e-3, 1.0, 3.0, np.pi - 1e-5])
def test_nash_weights_of_two_tasks_are_the_closed_form(angle):
    # β = 1/√(1 + cos) for both, and 1 + cos = 2cos²(angle/2).
    rows = np.array([[2.0, 0], [np.cos(angle), np.sin(angle)]])
    beta = 1 / (np.sqrt(2) * np.cos(angle / 2))
    rounding = 1e-14 * beta**2  # cosines know 1 + cos to ε
    found = combiners.nash_weights(rows)
    np.testing.assert_allclose(found, [beta / 2, beta], rtol=1e-12 + rounding)


@pytest.mark.parametrize("seed", range(20))
def test_nash_weights_do_not_exist_where_zero_is_a_convex_combination(seed):
    rows = gradients(seed)
    rows[3] = (
        -(10.0 ** (seed - 10))
        * np.random.default_rng(seed).uniform(size=3)
        @ (rows[:3])
    )
    assert np.isnan(JIT["nash"](rows)).all()


def test_nash_weights_do_not_exist_where_a_gradient_is_zero():
    assert np.isnan(JIT["nash"](gradients(0, "zero"))).all()


@every
@pytest.mark.parametrize("seed", range(3))
def test_pcgrad_is_its_algorithm(seed, kind):
    rows, expected = gradients(seed, kind), np.zeros(N)
    for i, row in enumerate(rows):
        for j in ORDER[i]:
            inner = row @ rows[j]
            if inner < 0:
                row = row - inner / (rows[j] @ rows[j]) * rows[j]
        expected += row
    size = np.abs(rows).max()
    np.testing.assert_allclose(combined("pcgrad", rows), expected, atol=CLOSE * size)


def test_the_order_of_projections_counts():
    rows = gradients(0, "conflict")
    found = {
        float(np.round(JIT_PCGRAD(rows, ORDER[:, list(turn)])[0], 6))
        for turn in permutations(range(K - 1))
    }
    assert len(found) > 1


@pytest.mark.parametrize("target", [-0.5, 0.0, 0.7])
def test_gradvac_turns_two_gradients_to_the_target(target):
    rows = np.array([[1.0, 0, 0], [-2.0, 1, 0]])
    targets = np.full((2, 2), target)
    found = combiners.gradvac(rows, order=PAIR_ORDER, targets=targets)
    cosine = -2 / 5**0.5
    np.testing.assert_allclose(found.cosine, [[1, cosine], [cosine, 1]], rtol=1e-12)
    turned = []
    for row, other in zip(rows, rows[::-1], strict=True):
        size, far = np.linalg.norm(row), np.linalg.norm(other)
        sine = np.sqrt(1 - cosine**2)
        more = target * sine - cosine * np.sqrt(1 - target**2)
        turned.append(row + size * more / (far * np.sqrt(1 - target**2)) * other)
        reached = turned[-1] @ other / np.linalg.norm(turned[-1]) / far
        np.testing.assert_allclose(reached, target, atol=1e-12)
    np.testing.assert_allclose(found.gradient, sum(turned), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_gradvac_with_targets_of_zero_is_pcgrad(seed):
    rows = gradients(seed, "conflict")
    found = JIT["gradvac"](rows, np.zeros((K, K)))
    expected = JIT["pcgrad"](rows)
    np.testing.assert_allclose(found.gradient, expected, atol=CLOSE)


@pytest.mark.parametrize("name", JIT)
def test_equal_gradients_are_combined_into_a_multiple_of_themselves(name):
    row = np.array([1.0, -2, 3, 0, 1, 2])
    multiple = combined(name, np.stack([row] * K)) / np.where(row, row, 1)
    factor = {"pcgrad": K, "gradvac": K, "nash": K**0.5 / np.linalg.norm(row)}
    factor["cagrad"] = 1.4
    np.testing.assert_allclose(multiple[row != 0], factor.get(name, 1.0), rtol=1e-9)


@pytest.mark.parametrize("name", JIT)
@pytest.mark.parametrize("kind", ["plain", "conflict"])
def test_combiners_turn_and_scale_with_their_gradients(name, kind):
    rows = gradients(3, kind)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(N, N)))[0]
    plain = combined(name, rows)
    scale = 1e150  # squares of it leave the range of floats
    power = 0 if name == "nash" else 1
    size = np.abs(plain).max()
    np.testing.assert_allclose(
        combined(name, scale * rows @ turn) / scale**power,
        plain @ turn,
        atol=CLOSE * size,
    )


@pytest.mark.parametrize("name", JIT)
def test_combiners_do_not_know_the_order_of_tasks(name):
    rows = gradients(5)
    if name in ("pcgrad", "gradvac"):
        return  # the order is an argument
    np.testing.assert_allclose(
        combined(name, rows[::-1]), combined(name, rows), rtol=1e-9
    )


@pytest.mark.parametrize("name", JIT)
def test_many_problems_at_once_are_the_same_as_one_by_one(name):
    batch = np.stack([gradients(s, k) for s, k in enumerate(("plain", "conflict"))])
    options = (0.4,) if name == "cagrad" else ()
    many = jax.vmap(lambda g: JIT[name](g, *options))(batch)
    for index, rows in enumerate(batch):
        one = JIT[name](rows, *options)
        for a, b in zip(jax.tree.leaves(many), jax.tree.leaves(one), strict=True):
            np.testing.assert_allclose(a[index], b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in JIT if n != "cagrad"])
def test_derivatives_are_those_of_differences(name):
    rows, step = gradients(7, "conflict"), 1e-6
    direction = np.random.default_rng(1).normal(size=(K, N))
    probe = np.arange(1.0, N + 1)

    def value(g):
        found = JIT[name](g)
        found = found.gradient if name == "gradvac" else found
        return probe @ (found if found.shape == (N,) else found @ g)

    slope = np.sum(np.asarray(jax.grad(value)(jnp.asarray(rows))) * direction)
    ahead, behind = (float(value(rows + t * direction)) for t in (step, -step))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: combiners.upgrad(np.ones(3)),
            r"gradients must be k x n, got .*\(3,\)",
        ),
        (lambda: combiners.nash_weights([[1, np.nan]]), r"gradients\[0, 1\] .* nan"),
        (
            lambda: combiners.cagrad(np.eye(2), -0.1),
            "c must be finite and >= 0, got -0",
        ),
        (
            lambda: combiners.pcgrad(np.eye(2), order=[[1], [1]]),
            r"order\[1\] must list the tasks other than 1, got \[1\]",
        ),
        (
            lambda: combiners.pcgrad(np.eye(3), order=PAIR_ORDER),
            r"order must be 3 x 2, got shape \(2, 1\)",
        ),
        (
            lambda: combiners.gradvac(
                np.eye(2), order=PAIR_ORDER, targets=np.ones((2, 2))
            ),
            r"targets must be in \(-1, 1\), got 1",
        ),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
