import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.claims.theorem_2 import bound, pair, sharper
from paper_checks.judge import Effort, Verdict
from paper_checks.judge.search import at_random
from paper_checks.judge.stress import stress
from paper_checks.settings import Settings
from theory.linear.gain_certificate import gain_certificate

KEY, D = jax.random.key(0), 4
LITTLE = Effort(instances=4_096, starts=8, steps=20, examples=0)


def swapped_index(gram, theta, error, weights):
    return gain_certificate(gram, theta, error[::-1], weights)


def no_turn(gram, theta, error, weights):
    return gain_certificate(gram, theta, error, jnp.array([1.0, 1e-12]))


def dropped_square(gram, theta, error, weights):
    found = gain_certificate(gram, theta, error, weights)
    return found._replace(error=found.error**2 / (1 + found.error))


def no_angle(gram, theta, error, weights):
    same = theta.at[1].set(theta[0] * jnp.linalg.norm(theta[1] @ gram[1]))
    return gain_certificate(gram, same, error, weights)


MUTANTS = {
    ("W-T2h", "half of the constants"): lambda p: p.right_side / 2,
    ("W-T2h", "noise left out"): lambda p: 6 * p.c,
    ("W-T2s", "swapped index"): swapped_index,
    ("W-T2s", "no turn"): no_turn,
    ("W-T2s", "dropped square"): dropped_square,
    ("W-T2s", "no angle"): no_angle,
}


def at_dimension(claim, d):
    formula = dataclasses.replace(claim.formula, latent=pair.latent_shapes(d))
    return dataclasses.replace(claim, formula=formula)


SMALL = {claim.id: at_dimension(claim, D) for claim in (bound.MENDED, sharper.CLAIM)}


@pytest.fixture(scope="module")
def design():
    return pair.build(SMALL["W-T2h"].attacked.draw_latent(KEY))


def test_quantities_of_a_design_are_those_of_its_rows(design):
    rng = np.random.default_rng(0)
    u = np.linalg.qr(rng.normal(size=(9, D + 1)))[0]
    x = u[:, :D] * np.asarray(design.singular)
    noise = u[:, :D] @ design.noise_target + u[:, D] * design.unseen
    first, second = np.asarray(design.parameter)
    y = x @ second + noise
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    covariance = np.asarray(design.root) @ np.asarray(design.root).T
    expected = {
        "condition_target": np.linalg.cond(x),
        "condition_source": np.linalg.cond(covariance),
        "cosine": cosine,
        "sine": np.sqrt(1 - cosine**2),
        "signal": np.linalg.norm(x @ second),
        "noise": np.linalg.norm(noise),
        "energy": y @ y,
        "strength": np.sqrt(first @ covariance @ first),
        "alone": np.linalg.norm(np.linalg.lstsq(x, y)[0] - second)
        / np.linalg.norm(second),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(design, name), value, rtol=1e-9)
    found = design.target_statistics()
    np.testing.assert_allclose(found.gram[0], x.T @ x, atol=1e-12 * design.energy)
    np.testing.assert_allclose(found.moment[0], x.T @ y, atol=1e-12 * design.energy)
    c = float(design.c)
    ratio = expected["noise"] / expected["signal"]
    assert float(design.right_side) == pytest.approx(6 * c + ratio / (1 - 3 * c))
    order = expected["condition_source"] ** 2 * expected["condition_target"] ** 4
    assert float(design.enough) == pytest.approx(order * expected["energy"] / c**4)


@pytest.mark.long
def test_what_violates_a_hypothesis_keeps_to_the_others():
    statement = SMALL["W-T2h"].attacked
    keys = jax.random.split(KEY, 64)

    def margins(key, dropped):
        return jnp.stack(
            statement.margins(statement.build(statement.draw_latent(key), dropped))
        )

    over = jax.jit(jax.vmap(jax.vmap(margins, (0, None)), (None, 0)))
    found = np.asarray(over(keys, jnp.arange(-1, len(statement.hypotheses))))
    # Noise may take from the labels' energy, so not every instance is strong enough.
    assert (found[0] >= 0).all(axis=1).mean() > 0.9
    for place, rows in enumerate(found[1:]):
        assert (rows[:, place] < 0).mean() > 0.9
        others = np.delete(rows, place, axis=1)
        assert (others >= 0).all(axis=1).mean() > 0.9


@pytest.mark.long
def test_theorem_2_fails_as_printed_and_holds_but_decides_nothing_when_mended(tmp_path):
    settings = Settings(results=tmp_path)
    assert bound.PRINTED.find(settings).verdict is Verdict.FAILS
    assert bound.MENDED.find(settings).verdict is Verdict.VACUOUS
    assert len(list((tmp_path / "worst_instances").glob("*.npz"))) == 6


@pytest.mark.long
@pytest.mark.parametrize(("claim", "name"), MUTANTS)
def test_mutants_are_refuted(claim, name):
    mutant = SMALL[claim].mutant(MUTANTS[claim, name])
    assert stress(mutant, KEY, LITTLE, drop=()).refuted


@pytest.mark.long
def test_the_sharper_bound_holds_and_certifies_more(tmp_path):
    assert sharper.CLAIM.find(Settings(results=tmp_path)).verdict is Verdict.HOLDS


@pytest.mark.long
@pytest.mark.parametrize(
    ("claim", "allowed"),
    [(at_dimension(bound.MENDED, 10), 0.05), (SMALL["W-T2s"], 0)],
    ids=["W-T2h", "W-T2s"],
)
def test_a_million_instances_do_not_refute_it(claim, allowed):
    found = at_random(claim.attacked, KEY, 1_000_000)
    assert found.feasible > 900_000
    assert found.broken <= allowed * found.feasible
