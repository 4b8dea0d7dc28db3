"""W-T2r; all of it is long, as its programs take seconds to compile."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.claims.theorem_2 import relu
from paper_checks.judge import Verdict, failure_rate
from paper_checks.judge.instance_file import reproduce
from paper_checks.judge.search import look, normal_latents
from paper_checks.judge.statement import NONE
from paper_checks.settings import Settings
from paper_checks.studies.relu_unit import draw_source, fit

pytestmark = pytest.mark.long
KEY, STATEMENT = jax.random.key(0), relu.CLAIM.attacked
BUILD = jax.jit(jax.vmap(lambda z: STATEMENT.build(z, jnp.asarray(NONE))))
MUTANTS = {
    ("W-T2r", "wrong constant"): lambda p: 0.1 * p.right_side - 0.1 * p.c,
    ("W-T2r", "noise left out"): lambda p: 6 * p.c,
    ("W-T2r", "wrong power of c"): lambda p: p.right_side - 6 * p.c + 6 * p.c**3,
}


@pytest.fixture(scope="module")
def designs():
    return BUILD(normal_latents(STATEMENT, 0, 64))


def test_it_holds_but_decides_nothing_and_its_worst_instance_reloads(tmp_path):
    found = relu.CLAIM.find(Settings(results=tmp_path))
    assert found.verdict is Verdict.VACUOUS
    assert found.attack is not None
    assert found.attack.needed == STATEMENT.hypotheses
    saved = reproduce(tmp_path / "worst_instances" / found.attack.worst, STATEMENT)
    assert saved.same
    assert float(saved.outcome.ratio) == pytest.approx(found.attack.tightness)


def test_mutants_of_the_right_side_are_refuted():
    # Instances with loud targets, so that leaving out the noise shows.
    latent = normal_latents(STATEMENT, 0, 512)
    latent["scalars"][256:, 2] = 3.0
    latent["noise_target"][:128] = 0
    found = look(STATEMENT, latent, KEY, batch=512)
    built = BUILD(latent)
    right = np.asarray(jax.vmap(lambda p: p.right_side)(built))
    left = np.asarray(found.outcome.ratio) * right
    assert np.all((left <= right)[found.feasible])
    for (_, name), wrong in MUTANTS.items():
        broken = int(
            np.sum((left > np.asarray(jax.vmap(wrong)(built)))[found.feasible])
        )
        rate = failure_rate(name, broken, int(found.feasible.sum()))
        assert rate.low > STATEMENT.failure, rate


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
