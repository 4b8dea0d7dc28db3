"""What attacked instances of Propositions 1 and 3 compute, by NumPy on rows."""

import jax
import numpy as np
import pytest
import scipy.linalg

from paper_checks.claims import proposition_1, proposition_3
from paper_checks.judge.matrices import FLOOR, definite, rotation
from paper_checks.judge.statement import NONE
from paper_checks.studies.svd_tasks import squared_sines

KEY = jax.random.split(jax.random.key(5), 3)[0]


def drawn(claim):
    statement = claim.attacked
    return jax.jit(statement.build)(statement.draw_latent(KEY), NONE)


def left(design, labels):
    """Sum of squares that least squares leaves."""
    return np.sum((labels - design @ np.linalg.lstsq(design, labels)[0]) ** 2)


def explained(gram, moment, angles):
    """What the best module explains at many ratios of the heads of two tasks."""
    heads = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    right = heads @ moment
    mixed = np.einsum("ti,ide->tde", heads**2, gram)
    return np.sum(right * np.linalg.solve(mixed, right[:, :, None])[:, :, 0], axis=1)


def test_matrices_are_definite_and_rotations():
    free = jax.random.normal(KEY, (3, 3))
    value = np.linalg.eigvalsh(definite(free))
    assert FLOOR < value[0] < value[-1] < 1 + FLOOR
    turn = np.asarray(rotation(free[:2]))
    np.testing.assert_allclose(turn.T @ turn, np.eye(3), atol=1e-14)
    assert np.linalg.det(turn) == pytest.approx(1)
    # No two entries of a full rotation are the same.
    assert np.unique(np.abs(turn).round(6)).size == 9


def test_proposition_1_at_given_heads_is_least_squares_on_rows():
    given = drawn(proposition_1.CLAIM)
    here, heads = jax.device_get(given), np.asarray(given.used)
    designs, labels, rest = [], [], 0.0
    for i in range(2):
        x = np.linalg.cholesky(here.gram[i]).T
        y = np.linalg.solve(x.T, here.moment[i])
        rest += here.energy[i] - y @ y
        designs.append(np.kron(heads[i], x))
        labels.append(y)
    lost = left(np.concatenate(designs), np.concatenate(labels)) + rest
    # The rest is what no parameter explains: here all there is.
    assert float(given.reached) == pytest.approx(lost, rel=1e-9)
    assert float(given.alone) == pytest.approx(lost, rel=1e-9)
    # One direction for both: the bound is below the best of many ratios.
    most = explained(here.gram, here.moment, np.linspace(0, np.pi, 2_000)).max()
    least = float(given.least_at_width_1)
    assert lost < least < here.energy.sum() - most


def test_proposition_3_is_measured_on_rows():
    given = drawn(proposition_3.CLAIM)
    here, best = jax.device_get(given), np.asarray(proposition_3.span(given))
    seen = [size[:, None] * v.T for size, v in zip(here.size, here.right, strict=True)]
    lost = [left(x @ here.other, y) for x, y in zip(seen, here.labels, strict=True)]
    assert float(given.loss(given.other)) == pytest.approx(here.weights @ lost)
    # Least squares for the labels with only their top r singular vectors kept.
    u, s, vt = np.linalg.svd(here.labels.T * np.sqrt(here.weights))
    theta = np.linalg.lstsq(seen[0], (u[:, :2] * s[:2]) @ vt[:2])[0]
    angles = scipy.linalg.subspace_angles(scipy.linalg.orth(theta, rcond=1e-9), best)
    assert angles.max() < 1e-7
    apart = np.sum(np.sin(scipy.linalg.subspace_angles(here.other, best)) ** 2)
    assert float(
        squared_sines(given.other, proposition_3.span(given))
    ) == pytest.approx(apart)
