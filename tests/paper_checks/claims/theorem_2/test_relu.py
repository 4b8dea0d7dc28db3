"""W-T2r; all of it is long, as its programs take seconds to compile."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.claims.theorem_2 import relu
from paper_checks.claims.theorem_2.relu_fit import draw_source, fit
from paper_checks.judge.instance_file import reproduce
from paper_checks.judge.measurement import failure_rate
from paper_checks.judge.search import look, normal_latents
from paper_checks.judge.statement import NONE
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings

pytestmark = pytest.mark.long
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def designs():
    statement = relu.theorem_2_relu()
    latent = normal_latents(statement, 0, 64)
    return jax.jit(jax.vmap(lambda z: statement.build(z, jnp.asarray(NONE))))(latent)


def test_it_holds_but_decides_nothing_and_its_worst_instance_reloads(tmp_path):
    found = relu.find(Settings(results=tmp_path))
    assert found.verdict is Verdict.VACUOUS
    statement = relu.theorem_2_relu()
    assert found.attack is not None
    assert found.attack.needed == statement.hypotheses
    saved = reproduce(tmp_path / "worst_instances" / found.attack.worst, statement)
    assert saved.same
    assert float(saved.outcome.ratio) == pytest.approx(found.attack.tightness)


def test_mutants_of_the_right_side_are_refuted():
    statement = relu.theorem_2_relu()
    # Instances with loud targets, so that leaving out the noise shows.
    latent = normal_latents(statement, 0, 512)
    latent["scalars"][256:, 2] = 3.0
    latent["noise_target"][:128] = 0
    found = look(statement, latent, KEY)

    @jax.jit
    @jax.vmap
    def known(numbers):
        design = statement.build(numbers, jnp.asarray(NONE))
        return design.right_side, design.c

    right, c = (np.asarray(side) for side in known(latent))
    left = np.asarray(found.outcome.ratio) * right
    mutants = {
        "wrong constant": 0.5 * c + 0.1 * (right - 6 * c),
        "noise left out": 6 * c,
        "wrong power of c": 6 * c**3 + (right - 6 * c),
    }
    assert np.all((left <= right)[found.feasible])
    for name, mutant in mutants.items():
        broken = int(np.sum((left > mutant)[found.feasible]))
        rate = failure_rate(name, broken, int(found.feasible.sum()))
        assert rate.low > relu.FAILURE, rate


def test_quantities_of_a_design_are_those_of_its_rows(designs):
    for place in range(3):
        design = jax.tree.map(lambda leaf, i=place: leaf[i], designs)
        x, (first, second) = np.asarray(design.rows), np.asarray(design.parameter)
        clean = np.maximum(x @ second, 0)
        cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
        covariance = np.asarray(design.root) @ np.asarray(design.root).T
        y = clean + np.asarray(design.noise_target)
        conditions = np.linalg.cond(covariance) ** 2 * np.linalg.cond(x) ** 4
        expected = {
            "condition_target": np.linalg.cond(x),
            "condition_source": np.linalg.cond(covariance),
            "cosine": cosine,
            "sine": np.sqrt(1 - cosine**2),
            "signal": np.linalg.norm(clean),
            "seen": np.linalg.norm(clean) / np.linalg.norm(x @ second),
            "energy": y @ y,
            "strength": np.sqrt(first @ covariance @ first),
            "enough": conditions * (y @ y) / float(design.c) ** 4,
        }
        for name, value in expected.items():
            np.testing.assert_allclose(getattr(design, name), value, rtol=1e-7)


def test_more_starts_find_no_better_unit(designs):
    """The least value counts as the optimum: two starts from the teachers reach it."""

    @jax.jit
    @jax.vmap
    def values(design, key):
        start_key, key = jax.random.split(key)
        source = draw_source(
            key,
            design.root,
            design.parameter[0],
            design.noise_source,
            design.samples,
        )
        others = jax.random.normal(start_key, (16, design.parameter.shape[1]))
        starts = jnp.concatenate([design.parameter, others])
        few = fit(source, design.target, design.parameter)
        many = fit(source, design.target, starts, steps=60)
        return few.value, many.value

    few, many = values(designs, jax.random.split(KEY, 64))
    # Both ends of a start are good to rounding of the source's explained energy.
    np.testing.assert_allclose(few, many, rtol=1e-12)
