"""W-E5: the similarity score of eq 5 does not see a rotation of both tasks' inputs.

`X_iQ` has the Gram matrix `QᵀX_iᵀX_iQ`: its eigenvalues are those of `X_iᵀX_i`, its
eigenvectors are turned by `Qᵀ`, and so are both halves of the score.
"""

import jax
import jax.numpy as jnp

from paper_checks.judge import Claim, Draws, Formula, Route, Sides
from paper_checks.judge.matrices import rotation
from paper_checks.studies import turned_rows
from paper_checks.studies.svd_tasks import MET
from theory.covariance import gram_similarity

D = 3
LOST = 0.01  # most of the trace that the kept directions leave out
DECADES = 4.0  # of a spectrum: often one or two of three directions are kept
SETTLED = 1e-3  # least distance of shares from LOST, and of kept from lost eigenvalues


def build(z):
    spectrum = 10 ** (-DECADES * jax.nn.sigmoid(z["spectrum"]))
    basis = jax.vmap(rotation)(z["basis"])
    return turned_rows.Turned(spectrum, basis, jnp.stack([rotation(z["turn"][0])] * 2))


def tied(p, z):  # two equal eigenvalues of which eq 5 keeps one, whichever that is
    tie = 0.7 * LOST * p.spectrum[0, 0]
    first = jnp.stack([p.spectrum[0, 0], tie, tie])
    return p._replace(spectrum=p.spectrum.at[0].set(first))


def score(p):  # of (X_1Q_1, X_2Q_2)
    return gram_similarity(*(jnp.swapaxes(p.turn, 1, 2) @ p.gram @ p.turn))


def sides(p, says, key):
    del key
    before = gram_similarity(*p.gram)
    # Rounding moves the kept part by ε over its gap (Davis-Kahan), and with it the
    # square of the score; the score itself by as much over its size, or its root.
    gap = jnp.maximum(jnp.min(p.ranks(LOST)[1]), SETTLED)
    square = 64 * D * jnp.finfo(before.dtype).eps / gap
    return Sides(says(p), before, square / jnp.maximum(before, jnp.sqrt(square)))


def margins(p):
    square = jnp.swapaxes(p.turn, 1, 2) @ p.turn
    off, gap = p.ranks(LOST)
    return (
        MET - jnp.max(jnp.abs(p.turn[0] - p.turn[1])),
        MET - jnp.max(jnp.abs(square - jnp.eye(D))),
        jnp.minimum(jnp.min(off), jnp.min(gap)) - SETTLED,
    )


CLAIM = Claim(
    id="W-E5",
    title="The covariance similarity score does not change under rotations",
    source="W-E5 (eq 5)",
    statement="The covariance similarity score (eq 5) is invariant to rotations.",
    tex=r"Q^\top Q = I \Rightarrow \operatorname{score}(X_1 Q, X_2 Q) = "
    r"\operatorname{score}(X_1, X_2)",
    formula=Formula(
        latent={
            "spectrum": (2, D),
            "basis": (2, 2, D),
            "turn": (2, 2, D),
            "stretch": (D,),
        },
        build=build,
        without={
            "one matrix for both": lambda p, z: p._replace(
                turn=jax.vmap(rotation)(z["turn"])
            ),
            "a rotation": lambda p, z: p._replace(turn=p.turn * jnp.exp(z["stretch"])),
            "ranks that are settled": tied,
        },
        margins=margins,
        sides=sides,
        says=score,
        relation="==",
    ),
    draws=Draws(
        draw=turned_rows.one_rotation,
        count=(500, 10_000),
        routes=(
            Route(turned_rows.turned, "largest change by a common rotation"),
            Route(turned_rows.printed, "largest difference from eq 5 on rows"),
        ),
        without={
            "one rotation for both tasks (a rotation of task 2 alone)": lambda keys: (
                turned_rows.turned(turned_rows.own_rotations(keys), keys)
            )
        },
        further=turned_rows.means,
    ),
    details=(
        "score(X, X) is {own} and not 1, so printed scores do not compare across "
        "spectra.",
        "The normalised score divides by it.",
    ),
    caveats=(
        "Both tasks need the same rotation: turning one alone moves it by {one_sided}.",
        "The spectra must settle the ranks, or the score depends on which of two equal "
        "eigenvalues is kept.",
    ),
)
