"""W-E5 as a statement: the similarity score of turned inputs."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from paper_checks.judge.check import Check
from paper_checks.judge.matrices import rotation
from paper_checks.judge.statement import Statement
from theory.covariance import gram_similarity

SOURCE = "W-E5 (eq 5)"
DIMENSION = 3
# Share of the trace that the kept directions leave out, at most.
LOST = 0.01
# Longest decades of a spectrum: often one or two of three directions are kept.
DECADES = 4.0
# Shares are this far from LOST, and kept eigenvalues this share above lost ones.
SETTLED = 1e-3
# Sums of d products of norm 1 on either side, eigenvectors among them.
ROUNDING = 64
# Of a margin that is met with equality, by products of a few rotations.
MET = 1e-12


class Turned(NamedTuple):
    """Spectra and eigenvectors of `X_iᵀX_i`, and what each `X_i` is multiplied by."""

    spectrum: Float[Array, "2 d"]
    basis: Float[Array, "2 d d"]
    turn: Float[Array, "2 d d"]

    @property
    def gram(self) -> Float[Array, "2 d d"]:
        """`X_iᵀX_i`."""
        return self.basis * self.spectrum[:, None, :] @ jnp.swapaxes(self.basis, 1, 2)

    def shares(self) -> tuple[Float[Array, "2 d"], Float[Array, "2 d"]]:
        """Eigenvalues as shares of the trace, ascending, and their running sums."""
        value = jnp.sort(self.spectrum, axis=1)
        value = value / jnp.sum(value, axis=1, keepdims=True)
        return value, jnp.cumsum(value, axis=1)

    def gap(self) -> Float[Array, "2"]:
        """`1 − λ_(ρ+1)/λ_ρ` at the rank that is kept; 1 if nothing is lost."""
        value, lost = self.shares()
        kept = lost > LOST
        least = jnp.min(jnp.where(kept, value, jnp.inf), axis=1)
        return 1 - jnp.max(jnp.where(kept, 0, value), axis=1) / least


Score = Callable[[Turned], Float[Array, ""]]


def score(turned: Turned) -> Float[Array, ""]:
    """The score of `(X_1Q_1, X_2Q_2)`."""
    gram = jnp.swapaxes(turned.turn, 1, 2) @ turned.gram @ turned.turn
    return gram_similarity(gram[0], gram[1])


def _conclude(turned: Turned, left: Score) -> Check:
    gram = turned.gram
    before = gram_similarity(gram[0], gram[1])
    # Rounding moves the kept part by ε over its gap (Davis-Kahan), and with it the
    # square of the score; the score itself by as much over its size, or its root.
    eps = jnp.finfo(before.dtype).eps
    square = ROUNDING * DIMENSION * eps / jnp.maximum(jnp.min(turned.gap()), SETTLED)
    return Check(
        lhs=left(turned),
        rhs=before,
        tolerance=square / jnp.maximum(before, jnp.sqrt(square)),
        relation="==",
        source=SOURCE,
    )


def margins(turned: Turned) -> tuple[Float[Array, ""], ...]:
    """One matrix for both tasks; a rotation; ranks that the spectra settle."""
    first, second = turned.turn
    same = jnp.max(jnp.abs(first - second))
    square = jnp.swapaxes(turned.turn, 1, 2) @ turned.turn
    straight = jnp.max(jnp.abs(square - jnp.eye(DIMENSION)))
    _, lost = turned.shares()
    off = jnp.min(jnp.abs(lost - LOST))
    return (
        MET - same,
        MET - straight,
        jnp.minimum(off, jnp.min(turned.gap())) - SETTLED,
    )


def _build(latent: Mapping[str, Array], dropped: Int[Array, ""]) -> Turned:
    spectrum = 10 ** (-DECADES * jax.nn.sigmoid(latent["spectrum"]))
    # Two equal eigenvalues of which eq 5 keeps one, whichever that is.
    tie = 0.7 * LOST * spectrum[0, 0]
    tied = jnp.stack([spectrum[0, 0], tie, tie])
    turn = jnp.stack([rotation(v) for v in latent["turn"]])
    turn = jnp.where(dropped == 0, turn, turn[0])
    stretch = jnp.where(dropped == 1, jnp.exp(latent["stretch"]), 1.0)
    return Turned(
        spectrum=spectrum.at[0].set(jnp.where(dropped == 2, tied, spectrum[0])),
        basis=jnp.stack([rotation(v) for v in latent["basis"]]),
        turn=turn * stretch,
    )


@cache
def equation_5(left: Score = score, name: str = "W-E5") -> Statement[Turned]:
    """`score(X_1Q, X_2Q) = score(X_1, X_2)` for a rotation `Q` of both."""

    def conclude(turned: Turned, key: PRNGKeyArray) -> Check:
        del key
        return _conclude(turned, left)

    d = DIMENSION
    return Statement(
        name=name,
        source=SOURCE,
        version=1,
        latent={
            "spectrum": (2, d),
            "basis": (2, 2, d),
            "turn": (2, 2, d),
            "stretch": (d,),
        },
        hypotheses=("one matrix for both", "a rotation", "ranks that are settled"),
        build=_build,
        margins=margins,
        conclude=conclude,
    )
