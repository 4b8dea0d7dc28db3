"""What the claims' statements compute, by NumPy on rows or by trying many points."""

import jax
import numpy as np
import pytest
import scipy.linalg

from paper_checks.claims import equation_4_statement as e4
from paper_checks.claims import equation_5_statement as e5
from paper_checks.claims import local_minima_statement as lm
from paper_checks.claims import noisy_copy_statement as ex
from paper_checks.claims import proposition_1_statement as p1
from paper_checks.claims import proposition_3_statement as p3
from paper_checks.claims.equation_5 import from_rows
from paper_checks.judge.matrices import FLOOR, definite, rotation
from paper_checks.judge.statement import NONE

KEYS = jax.random.split(jax.random.key(5), 3)


def drawn(statement, key, dropped=NONE):
    build = jax.jit(
        lambda key, place: statement.build(statement.draw_latent(key), place)
    )
    return build(key, dropped)


def plain(given):
    """The same in NumPy."""
    return jax.device_get(given)


def rows(gram):
    """Some `X` with `XᵀX = G`."""
    return np.linalg.cholesky(gram).T


def left(design, labels):
    """Sum of squares that least squares leaves."""
    return np.sum((labels - design @ np.linalg.lstsq(design, labels)[0]) ** 2)


def explained(gram, moment, angles):
    """`F(t)` at many ratios of the heads of two tasks."""
    heads = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    right = heads @ moment
    mixed = np.einsum("ti,ide->tde", heads**2, gram)
    return np.sum(right * np.linalg.solve(mixed, right[:, :, None])[:, :, 0], axis=1)


def test_matrices_are_definite_and_rotations():
    free = jax.random.normal(KEYS[0], (3, 3))
    value = np.linalg.eigvalsh(definite(free))
    assert FLOOR < value[0] < value[-1] < 1 + FLOOR
    turn = np.asarray(rotation(free[:2]))
    np.testing.assert_allclose(turn.T @ turn, np.eye(3), atol=1e-14)
    assert np.linalg.det(turn) == pytest.approx(1)
    # No two entries of a full rotation are the same.
    assert np.unique(np.abs(turn).round(6)).size == 9


def test_proposition_1_at_given_heads_is_least_squares_on_rows():
    given = drawn(p1.proposition_1(), KEYS[0])
    here, heads = plain(given), np.asarray(given.used)
    designs, labels, rest = [], [], 0.0
    for i in range(2):
        x = rows(here.gram[i])
        y = np.linalg.solve(x.T, here.moment[i])
        rest += here.energy[i] - y @ y
        designs.append(np.kron(heads[i], x))
        labels.append(y)
    lost = left(np.concatenate(designs), np.concatenate(labels)) + rest
    # The rest is what no parameter explains: here all there is.
    assert float(p1.reached(given)) == pytest.approx(lost, rel=1e-9)
    assert float(p1.alone(given)) == pytest.approx(lost, rel=1e-9)
    # One direction for both: the bound is below the best of many ratios.
    most = explained(here.gram, here.moment, np.linspace(0, np.pi, 2_000)).max()
    least = float(p1.least_at_width_1(given))
    assert lost < least < here.energy.sum() - most


def test_equation_4_is_least_squares_on_rows():
    for dropped, activate in ((NONE, lambda u: u), (1, lambda u: np.maximum(u, 0))):
        at = drawn(e4.equation_4(), KEYS[0], dropped)
        here = plain(at)
        lost = [
            w * left(activate(x @ here.module[:, :1]), y)
            for x, y, w in zip(here.covariates, here.labels, here.weights, strict=True)
        ]
        assert float(e4.fitted(at)) == pytest.approx(sum(lost), rel=1e-9)


def test_equation_5_is_the_score_of_turned_rows():
    turned = drawn(e5.equation_5(), KEYS[0], 0)
    gram, turn = np.asarray(turned.gram), np.asarray(turned.turn)
    x = [rows(gram[i]) @ turn[i] for i in range(2)]
    assert float(e5.score(turned)) == pytest.approx(from_rows(*x), rel=1e-9)
    values = np.linalg.eigvalsh(gram)
    shares = values / values.sum(axis=1, keepdims=True)
    for share, gap in zip(shares, np.asarray(turned.gap()), strict=True):
        lost = int(np.sum(np.cumsum(share) <= e5.LOST))
        assert gap == pytest.approx(1 - (share[lost - 1] / share[lost] if lost else 0))


def test_proposition_3_is_measured_on_rows():
    given = drawn(p3.proposition_3(), KEYS[0])
    here, best = plain(given), np.asarray(p3.printed(given))
    seen = [size[:, None] * v.T for size, v in zip(here.size, here.right, strict=True)]
    lost = [left(x @ here.other, y) for x, y in zip(seen, here.labels, strict=True)]
    assert float(p3.lost(given, given.other)) == pytest.approx(here.weights @ lost)
    # Least squares for the labels with only their top r singular vectors kept.
    u, s, vt = np.linalg.svd(here.labels.T * np.sqrt(here.weights))
    theta = np.linalg.lstsq(seen[0], (u[:, :2] * s[:2]) @ vt[:2])[0]
    angles = scipy.linalg.subspace_angles(scipy.linalg.orth(theta, rcond=1e-9), best)
    assert angles.max() < 1e-7
    apart = np.sum(np.sin(scipy.linalg.subspace_angles(here.other, best)) ** 2)
    assert float(p3.apart(given.other, p3.printed(given))) == pytest.approx(apart)


@pytest.mark.long
def test_points_of_w_lm_are_stationary_and_their_optimum_is_the_best_of_many():
    statement = lm.local_minima()
    for dropped in (NONE, 0):
        given = drawn(statement, KEYS[0], dropped)
        here = plain(given)
        slope = np.asarray(jax.grad(given.loss)(given.point))
        assert np.linalg.norm(slope) < 1e-12
        energy = here.energy.sum()
        most = explained(here.gram, here.moment, np.linspace(0, np.pi, 20_001)).max()
        found = float(lm.best(given))
        if dropped == NONE:
            # The grid is 1.6e-4 wide.
            assert 0 <= 1 - most / energy - found < 1e-6
        else:
            assert found >= 1 - most / energy - 1e-6
        parameters = np.outer(here.heads, here.module)
        lost = [
            parameters[i] @ here.gram[i] @ parameters[i]
            - 2 * parameters[i] @ here.moment[i]
            for i in range(2)
        ]
        assert float(given.loss(given.point)) == pytest.approx(1 + sum(lost) / energy)


def test_angles_of_w_ex_are_those_of_singular_vectors():
    angle = jax.jit(ex.angle)
    near = drawn(ex.noisy_copy(), KEYS[0])
    # A copy that points away from θ gets a head of the other sign.
    away = near._replace(error=near.error.at[1].set([-2.5, 0.3]))
    for given in (near, away):
        half = rows(np.asarray(given.gram[0]))
        for weight in (given.low, given.high):
            scaled = np.asarray(given.solutions) * np.sqrt([[float(weight)], [1.0]])
            u, _, vt = np.linalg.svd(half @ scaled.T)
            shared = np.linalg.solve(half, u[:, 0]) * np.sign(vt[0, 0])
            expected = np.arctan2(abs(shared[1]), shared[0])
            assert float(angle(given, weight)) == pytest.approx(expected, abs=1e-9)
