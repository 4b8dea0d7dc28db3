import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.claims import proposition_1_relu as claim
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.verdict import Verdict
from tests.paper_checks.few import Few

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def plane() -> claim.Measured:
    return claim.measure(KEY, 3, *claim.PLANE, 0.0)


@pytest.fixture(scope="module")
def noisy() -> claim.Measured:
    return claim.measure(KEY, 3, *claim.PLANE, claim.NOISE)


def test_labels_are_those_of_one_unit():
    tasks = claim.problem(KEY, jnp.asarray(0.0), *claim.PLANE)
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
    apart, shared = claim.exact(plane.tasks)
    assert claim.check(plane.joint, apart, plane.energy).holds.all()
    np.testing.assert_allclose(plane.apart, apart, atol=1e-12)
    # One unit less is noticed, by the exact search and by training.
    assert not claim.check(shared, apart, plane.energy).holds.any()
    assert not claim.check(plane.loss[:, 0, -1], apart, plane.energy).holds.any()


@pytest.mark.long
@pytest.mark.parametrize("planted", [1e-6, -1e-6, np.nan])
def test_notices_a_planted_wrong_loss(plane, planted):
    joint = plane.joint + planted * plane.energy
    apart = np.zeros(len(joint))
    assert not claim.check(joint, apart, plane.energy).holds.any()


@pytest.mark.long
def test_training_reaches_the_exact_optimum_of_one_unit(noisy):
    apart, shared = claim.exact(noisy.tasks)
    # A minimum at a kink is smoothed over 5e-7 of a row's size.
    np.testing.assert_allclose(noisy.apart, apart, rtol=1e-6)
    np.testing.assert_allclose(noisy.loss[:, 0, -1], shared, rtol=1e-6)


@pytest.mark.long
def test_losses_are_those_of_the_returned_parameters(noisy):
    x, y = np.asarray(noisy.tasks.covariates), np.asarray(noisy.tasks.labels)
    shared = np.asarray(noisy.trained.shared)[:, :, :, 0]
    heads = np.asarray(noisy.trained.heads)[:, :, :, 0]
    for width in range(2):
        for index, weights in enumerate(claim.WEIGHTS):
            for draw in range(3):
                hidden = np.maximum(x[draw] @ shared[draw, width, index], 0)
                found = np.einsum("kmr,kr->km", hidden, heads[draw, width, index])
                total = weights @ np.sum((found - y[draw]) ** 2, axis=1)
                assert noisy.loss[draw, width, index] == pytest.approx(total, rel=1e-9)


@pytest.mark.long
def test_with_noise_together_is_between_one_unit_and_two_units_a_task(noisy):
    assert (noisy.joint < noisy.apart).all()
    assert (noisy.joint > noisy.loss[:, 1, :-1].sum(axis=-1)).all()


@pytest.mark.long
@pytest.mark.parametrize("name", ["plane", "noisy"])
def test_excess_risks_are_those_on_many_new_rows(name, request):
    part = request.getfixturevalue(name)
    rows = np.random.default_rng(0).normal(size=(200_000, 2))
    shared = np.asarray(part.trained.shared)[:, :, :, 0]
    heads = np.asarray(part.trained.heads)[:, :, :, 0]
    for (draw, task), risk in np.ndenumerate(claim.excess_risks(part)):
        alone = shared[draw, 0, task], heads[draw, 0, task, task]
        both = shared[draw, 1, 2], heads[draw, 1, 2, task]
        teacher, learned = (np.maximum(rows @ b, 0) @ a for b, a in (alone, both))
        terms = (learned - teacher) ** 2 / np.mean(teacher**2)
        error = np.std(terms) / len(rows) ** 0.5
        # Five standard errors, and the rounding of the closed form.
        assert np.mean(terms) == pytest.approx(risk, abs=5 * error + 1e-14)


@pytest.mark.long
def test_the_claim_is_measured(monkeypatch, plane, noisy):
    given = iter([plane, plane, noisy])
    monkeypatch.setattr(claim, "measure", lambda *_: next(given))
    found = claim.find(FewPlane())
    assert found.verdict is Verdict.HOLDS
    assert [control.noticed for control in found.controls] == [3, 3]
    assert "below the tasks apart on 3 of 3 instances" in found.reason


@pytest.mark.long
def test_fails_where_training_is_stuck_and_has_no_power_without_a_control(
    monkeypatch, plane, noisy
):
    stuck = plane._replace(loss=plane.loss + plane.energy[:, None, None])
    given = iter([stuck, plane, noisy])
    monkeypatch.setattr(claim, "measure", lambda *_: next(given))
    assert claim.find(FewPlane()).verdict is Verdict.FAILS
    blind = plane._replace(loss=np.zeros_like(plane.loss))
    given = iter([plane, blind, noisy])
    with pytest.raises(CheckError, match="trained, d = 5"):
        claim.find(FewPlane())


class FewPlane(Few):
    def scaled(self, quick: int, full: int) -> int:
        del quick, full
        return 3
