"""W-P1r: ReLU tasks share nothing once the module is as wide as all of them need.

If width `r_i` attains the least loss of task `i`, a module of width `Σ_i r_i` that
joins these optima attains all of them at once, and no module does better. Here one
unit explains each of two tasks; with noise none does, and a task uses both units.
"""

from functools import partial

import jax.numpy as jnp
import numpy as np

from paper_checks.judge import (
    Check,
    Evidence,
    StudyClaim,
    decides,
    extreme,
    mean_with_interval,
    plain,
    share,
)
from paper_checks.studies import relu_pairs

# Of the label energy. Where teachers are met exactly training ends below 1e-17, and
# the square of its last smoothing is 3e-13; the least loss at r = 1 is above 1e-3.
TRAINING = 1e-9


def compared(joint, single, energy):  # losses of joint and of single-task training
    sides = jnp.asarray(joint), jnp.asarray(single)
    return Check(*sides, jnp.asarray(TRAINING * energy), "==")


def judged(parts):
    plane, space, noisy = parts
    single, narrow = relu_pairs.exact(plane.tasks)
    in_plane = partial(compared, single=single, energy=plane.energy)
    # Labels in space are those of the teachers, whose losses are zero.
    in_space = partial(compared, single=0 * space.energy, energy=space.energy)
    reached = in_plane(plane.joint(2)), in_space(space.joint(2))
    broken = share("instances that break it", [~check.holds for check in reached])
    named = {"broken": decides(broken, 1 / broken.n)}
    named |= starts_and_risks(plane, space) | with_noise(noisy)
    return Evidence(
        holds=not broken.count,
        named=named,
        measurements=tuple(named.values()),
        controls=(
            in_plane(narrow).control("r >= k (r = k - 1; exactly, d = 2)"),
            in_space(space.joint(1)).control("r >= k (r = k - 1; trained, d = 5)"),
        ),
    )


def starts_and_risks(*parts):
    ends = np.concatenate([part.ends for part in parts])
    risks = np.concatenate([relu_pairs.excess_risks(part) for part in parts])
    stuck, other = np.any(ends > TRAINING, axis=1), np.any(risks > TRAINING, axis=1)
    return {
        "worse": plain(
            "share of starts that end above the optimum at r = 2",
            float(np.mean(ends > TRAINING)),
            "none: starts of one problem are not independent",
            ends.size,
        ),
        "worst": extreme(
            "largest loss of a start at r = 2, share of label energy", ends
        ),
        "stuck": share("problems with a start that ends above the optimum", stuck),
        "risk": extreme(
            "largest population loss of the optimum at r = 2, share of label variance",
            risks,
        ),
        "other": share("problems whose optimum at r = 2 is not the teachers", other),
    }


def with_noise(part):
    below = (relu_pairs.exact(part.tasks)[0] - part.joint(2)) / part.energy
    above = (part.joint(2) - part.single(2)) / part.energy
    return {
        "below": mean_with_interval(
            "noisy: tasks apart with a unit each minus together at r = 2, share of "
            "label energy",
            below,
        ),
        "above": mean_with_interval(
            "noisy: together at r = 2 minus tasks apart with two units each, share of "
            "label energy",
            above,
        ),
        "lower": share("noisy: problems with less loss together", below > TRAINING),
    }


CLAIM = StudyClaim(
    id="W-P1r",
    title="ReLU tasks share nothing if the module has the units of all of them",
    source="W-P1r (Proposition 1 with ReLU)",
    statement="ReLU, r >= the sum of single-task capacities: an optimum is that "
    "of the tasks apart, so nothing is transferred.",
    tex=r"r \geq \sum_i r_i \Rightarrow \min f = \sum_i \min f_i",
    study=relu_pairs.studied,
    judged=judged,
    deciding="broken",
    headline="Joint training at r = 2 reaches single-task losses on {broken.rest} of "
    "{broken.n} noise-free pairs",
    details=(
        "With noise and one unit per task, joint training is below single-task "
        "training on {lower.count} of {lower.n} pairs, by {below} of the label energy.",
        "Each task then uses both units to fit its noise, so its capacity is above "
        "one.",
    ),
    caveats=(
        "Losses are the best of 8 starts, of which {worse:.0%} end in worse minima.",
        "On {other.count} of {other.n} pairs the optimum fits all rows but is not that "
        "of single-task training.",
    ),
)
