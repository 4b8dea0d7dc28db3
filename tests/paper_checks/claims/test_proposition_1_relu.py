import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.claims.proposition_1_relu import compared
from paper_checks.studies import relu_pairs
from paper_checks.studies.relu_pairs import NOISE, PLANE, WEIGHTS, Measured

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def plane() -> Measured:
    return relu_pairs.measure(KEY, 3, *PLANE, 0.0)


@pytest.fixture(scope="module")
def noisy() -> Measured:
    return relu_pairs.measure(KEY, 3, *PLANE, NOISE)


def test_labels_are_those_of_one_unit():
    tasks = relu_pairs.problem(KEY, jnp.asarray(0.0), *PLANE)
    for x, y in zip(
        np.asarray(tasks.covariates), np.asarray(tasks.labels), strict=True
    ):
        active = y != 0
        theta = np.linalg.lstsq(x[active], y[active])[0]
        assert np.linalg.norm(theta) == pytest.approx(1)
        # One sign, on one side of a line.
        assert len(set(np.sign(y[active]))) == 1
        sign = np.sign(y[active][0])
        np.testing.assert_allclose(
            sign * np.maximum(sign * x @ theta, 0), y, atol=1e-12
        )


@pytest.mark.long
def test_holds_when_the_module_has_a_unit_a_task(plane):
    single, narrow = relu_pairs.exact(plane.tasks)
    assert compared(plane.joint(2), single, plane.energy).holds.all()
    np.testing.assert_allclose(plane.single(1), single, atol=1e-12)
    # One unit less is noticed, by the exact search and by training.
    for loss in (narrow, plane.joint(1)):
        assert not compared(loss, single, plane.energy).holds.any()
    for planted in (1e-6, -1e-6, np.nan):
        wrong = plane.joint(2) + planted * plane.energy
        assert not compared(wrong, single, plane.energy).holds.any()


@pytest.mark.long
def test_training_reaches_the_exact_optimum_of_one_unit(noisy):
    single, shared = relu_pairs.exact(noisy.tasks)
    # A minimum at a kink is smoothed over 5e-7 of a row's size.
    np.testing.assert_allclose(noisy.single(1), single, rtol=1e-6)
    np.testing.assert_allclose(noisy.joint(1), shared, rtol=1e-6)


@pytest.mark.long
def test_losses_are_those_of_the_returned_parameters(noisy):
    x, y = np.asarray(noisy.tasks.covariates), np.asarray(noisy.tasks.labels)
    shared = np.asarray(noisy.trained.shared)[:, :, :, 0]
    heads = np.asarray(noisy.trained.heads)[:, :, :, 0]
    for width in range(2):
        for index, weights in enumerate(WEIGHTS):
            for draw in range(3):
                hidden = np.maximum(x[draw] @ shared[draw, width, index], 0)
                found = np.einsum("kmr,kr->km", hidden, heads[draw, width, index])
                total = weights @ np.sum((found - y[draw]) ** 2, axis=1)
                assert noisy.loss[draw, width, index] == pytest.approx(total, rel=1e-9)


@pytest.mark.long
def test_with_noise_together_is_between_one_unit_and_two_units_a_task(noisy):
    assert (noisy.joint(2) < noisy.single(1)).all()
    assert (noisy.joint(2) > noisy.single(2)).all()
    single, _ = relu_pairs.exact(noisy.tasks)
    assert not compared(noisy.joint(2), single, noisy.energy).holds.any()


@pytest.mark.long
@pytest.mark.parametrize("name", ["plane", "noisy"])
def test_excess_risks_are_those_on_many_new_rows(name, request):
    part = request.getfixturevalue(name)
    rows = np.random.default_rng(0).normal(size=(200_000, 2))
    shared = np.asarray(part.trained.shared)[:, :, :, 0]
    heads = np.asarray(part.trained.heads)[:, :, :, 0]
    for (draw, task), risk in np.ndenumerate(relu_pairs.excess_risks(part)):
        alone = shared[draw, 0, task], heads[draw, 0, task, task]
        both = shared[draw, 1, 2], heads[draw, 1, 2, task]
        teacher, learned = (np.maximum(rows @ b, 0) @ a for b, a in (alone, both))
        terms = (learned - teacher) ** 2 / np.mean(teacher**2)
        error = np.std(terms) / len(rows) ** 0.5
        # Five standard errors, and the rounding of the closed form.
        assert np.mean(terms) == pytest.approx(risk, abs=5 * error + 1e-14)
