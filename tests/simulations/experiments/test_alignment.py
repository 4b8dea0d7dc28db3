import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from simulations.experiments.alignment import AlignmentSweep, rotation
from simulations.training.alignment_arms import ALIGNED

SPEC = AlignmentSweep(
    dimension=4,
    samples_target=10,
    samples_source=100,
    # So many that choosing by them is nearly choosing by the true risk.
    samples_validation=20_000,
    angles=(0.0, 90.0),
    ridges=(0.1,),
    checkpoints=(0, 4, 16, 64),
    repeats=12,
)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return SPEC.run()


@pytest.mark.long
def test_rounds_are_checkpoints(data):
    assert set(np.unique(data["rounds"])) <= set(SPEC.checkpoints)


@pytest.mark.long
def test_without_a_turn_true_maps_are_no_maps_and_both_kinds_are_one(data):
    straight = data["risk"].sel(angle=0)
    for arm in ("whitened", "turned back"):
        np.testing.assert_allclose(
            straight.sel(arm=arm), straight.sel(arm="joint"), rtol=1e-9
        )
    np.testing.assert_allclose(
        straight.sel(misalignment="task"),
        straight.sel(misalignment="covariance"),
        rtol=1e-9,
    )


@pytest.mark.long
def test_the_target_alone_does_not_see_the_source(data):
    alone = data["risk"].sel(arm="alone")
    np.testing.assert_allclose(
        alone, np.broadcast_to(alone[0, 0], alone.shape), rtol=1e-9
    )


@pytest.mark.long
def test_a_turned_task_is_turned_back_and_then_as_if_never_turned(data):
    risk = data["risk"].sel(misalignment="task")
    back = risk.sel(angle=90, arm="turned back")
    np.testing.assert_allclose(back, risk.sel(angle=0, arm="joint"), rtol=1e-9)
    assert float(back.mean()) < float(risk.sel(angle=90, arm="joint").mean()) / 2
    # With one parameter the same map equals covariances and parts the parameters.
    other = data["risk"].sel(misalignment="covariance", angle=90).mean("repeat")
    assert float(other.sel(arm="turned back")) > 2 * float(other.sel(arm="joint"))


@pytest.mark.long
def test_choice_is_the_best_point_of_the_path(data):
    # σ√(risk/20 000) is 0.01 for risks of 2, and 0.05 five times that.
    assert float((data["risk"] - data["risk_last"]).max()) < 0.05
    assert float((data["risk_last"] - data["risk"]).max()) > 0.1
    # These begin at the point chosen for joint training, and 0 rounds are a choice.
    for arm in ("fine-tuned", *(name for name in ALIGNED if "fixed" in name)):
        worst = data["risk"].sel(arm=arm) - data["risk"].sel(arm="joint")
        assert float(worst.max()) < 0.05


@pytest.mark.long
def test_similarity_is_that_of_aligned_covariances(data):
    score = data["similarity"]
    np.testing.assert_allclose(score.sel(arm="whitened"), 1, rtol=1e-9)
    np.testing.assert_allclose(score.sel(arm="turned back"), 1, rtol=1e-9)
    joint = score.sel(arm="joint", misalignment="task")
    assert float(joint.sel(angle=90).max()) < 0.9
    np.testing.assert_allclose(joint.sel(angle=0), 1, rtol=1e-9)


@pytest.mark.long
def test_gains_are_relative_to_joint_and_alone(data):
    risk = data["risk"]
    for name in ("joint", "alone"):
        other = risk.sel(arm=name, drop=True)
        expected = ((other - risk) / (other + risk)).transpose(*risk.dims)
        np.testing.assert_allclose(data[f"gain_over_{name}"], expected, atol=1e-12)


def test_the_turn_is_a_rotation_of_planes():
    spec = AlignmentSweep(dimension=9)
    turn = np.asarray(rotation(spec, jnp.asarray(90.0)))
    np.testing.assert_allclose(turn.T @ turn, np.eye(9), atol=1e-15)
    np.testing.assert_allclose(turn[:, 0], np.eye(9)[2], atol=1e-15)
    np.testing.assert_allclose(turn[4:, 4:], np.eye(5))
    half = np.asarray(rotation(spec, jnp.asarray(30.0)))
    np.testing.assert_allclose(half[0, 0], np.sqrt(3) / 2)
