"""Rows and Gram matrices before and after rotations, and their score by eq 5."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray

from paper_checks.judge.check import Check
from paper_checks.judge.measurement import Measurement, mean_with_interval
from theory.covariance import similarity

DIMENSION, ROWS = 8, 40
# d eigenvalues and products of norm 1, each to a few ε.
TOLERANCE = 64 * DIMENSION * float(np.finfo(np.float64).eps)


class Turned(NamedTuple):
    """Spectra and eigenvectors of `X_iᵀX_i`, and what each `X_i` is multiplied by."""

    spectrum: Float[Array, "2 d"]
    basis: Float[Array, "2 d d"]
    turn: Float[Array, "2 d d"]

    @property
    def gram(self) -> Float[Array, "2 d d"]:
        """`X_iᵀX_i`."""
        return self.basis * self.spectrum[:, None, :] @ jnp.swapaxes(self.basis, 1, 2)

    def ranks(self, lost: float) -> tuple[Float[Array, "2 d"], Float[Array, "2"]]:
        """What settles the kept ranks `ρ_i`, if they leave out this share of the trace.

        Returns:
            Distances of the shares that ranks leave out from `lost`, and
            `1 − λ_(ρ+1)/λ_ρ`; 1 for `ρ = d`.
        """
        value = jnp.sort(self.spectrum, axis=1)
        below = jnp.cumsum(value / jnp.sum(value, axis=1, keepdims=True), axis=1)
        least = jnp.min(jnp.where(below > lost, value, jnp.inf), axis=1)
        most = jnp.max(jnp.where(below > lost, 0, value), axis=1)
        return jnp.abs(below - lost), 1 - most / least


class Rows(NamedTuple):
    """Rows of two tasks, and a rotation for each."""

    x1: Float[Array, "*n m d"]
    x2: Float[Array, "*n m d"]
    first: Float[Array, "*n d d"]
    second: Float[Array, "*n d d"]


def own_rotations(keys: Key[Array, " n"]) -> Rows:
    """Rows with a rotation of each task's own."""
    return jax.vmap(_drawn)(keys)


def one_rotation(keys: Key[Array, " n"]) -> Rows:
    """The same rows with one rotation for both tasks."""
    rows = own_rotations(keys)
    return rows._replace(second=rows.first)


def turned(rows: Rows, keys: Key[Array, " n"]) -> Check:
    """Compare the score of `(X_1Q_1, X_2Q_2)` with that of `(X_1, X_2)`."""
    del keys
    after = jax.vmap(similarity)(rows.x1 @ rows.first, rows.x2 @ rows.second)
    return _same(after, rows)


def printed(rows: Rows, keys: Key[Array, " n"]) -> Check:
    """Compare eq 5 as printed, by NumPy on rows, with the score of Gram matrices."""
    del keys
    pairs = zip(np.asarray(rows.x1), np.asarray(rows.x2), strict=True)
    return _same(jnp.asarray([from_rows(x1, x2) for x1, x2 in pairs]), rows)


def means(rows: Rows, keys: Key[Array, " n"]) -> dict[str, Measurement]:
    """Mean change by one-sided rotations, and mean score of a task with itself."""
    changed = turned(own_rotations(keys), keys).apart
    own = jax.vmap(similarity)(rows.x1, rows.x1)
    title = f"score(X, X) as printed, d = {DIMENSION}"
    return {
        "one_sided": mean_with_interval("change by a one-sided rotation", changed),
        "own": mean_with_interval(title, own),
    }


def from_rows(x1: np.ndarray, x2: np.ndarray, energy: float = 0.99) -> float:
    """Eq 5 as printed, from the singular vectors of the rows."""
    halves = []
    for x in (x1, x2):
        _, singular, right = np.linalg.svd(x, full_matrices=False)
        share = np.cumsum(singular**2) / np.sum(singular**2)
        rank = int(np.searchsorted(share, energy)) + 1
        halves.append(right[:rank].T * singular[:rank])
    norms = [np.linalg.norm(half) for half in halves]
    return float(np.linalg.norm(halves[0].T @ halves[1]) / (norms[0] * norms[1]))


def _same(score: Float[Array, " n"], rows: Rows) -> Check:
    before = jax.vmap(similarity)(rows.x1, rows.x2)
    return Check(score, before, jnp.full(len(before), TOLERANCE), "==")


def _drawn(key: PRNGKeyArray) -> Rows:
    parts = jax.random.split(key, 6)

    def rows(scale: PRNGKeyArray, normal: PRNGKeyArray) -> Array:
        decades = jax.random.uniform(scale, (DIMENSION,), minval=-0.5, maxval=0.5)
        return jax.random.normal(normal, (ROWS, DIMENSION)) * 10**decades

    def rotation(key: PRNGKeyArray) -> Array:
        return jnp.linalg.qr(jax.random.normal(key, (DIMENSION, DIMENSION)))[0]

    return Rows(
        rows(parts[0], parts[2]),
        rows(parts[1], parts[3]),
        rotation(parts[4]),
        rotation(parts[5]),
    )
