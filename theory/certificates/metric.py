"""Evidence of kind `metric`: a common metric below every task, then Eckart and Young.

See `theory.check` for what it proves. The pieces are derived here:

* With `D_i = H_i − w_iK ⪰ 0` and any `p_i`, the numbers `m_i = h_i − D_ip_i` and
  `s_i = c_i − p_iᵀD_ip_i` make `[[D_i, h_i − m_i], [·, c_i − s_i]] ⪰ 0`, for it is
  `(I, p_i)ᵀD_i(I, p_i)`. The bound is best at `p_i = θ̂_i`, the single-task optimum.
* Let `M = Σ_i m_im_iᵀ/w_i = Σ_j σ_j² Ku_ju_jᵀK` with `u_jᵀKu_j = 1`. Ky Fan's dual is
  `λ = σ_{r+1}²` and `V = KW`, `W = (√(σ_j² − λ) u_j)_{j ≤ r}`, `T = WᵀKW`; then
  `rλ + tr T = Σ_{j ≤ r} σ_j²`. A little is added to `λ`, `W` and `T`, so that rounding
  breaks neither condition. `V` is in the range of `K` exactly.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from theory.certificates.exact import (
    Exact,
    ExactProblem,
    Floats,
    border,
    exact,
    likely_rank,
    text,
    texts,
    triangle,
)
from theory.certificates.semidefinite import in_units, prove, scaled_floats

# Shares of `K` are lowered by one of these, so that `H_i − w_iK` is definite.
MARGINS = (1e-12, 1e-10, 1e-8)


def single_evidence(problem: ExactProblem, claim: Fraction) -> dict[str, Any] | None:
    """Every task by itself: `K = 0`, and residuals `s_i` that add up to the claim."""
    k, d = problem.count, problem.dimension
    energy = np.array([float(problem.part(i)[2]) for i in range(k)])
    least = _residuals(problem)
    if claim > sum(exact(least)) + problem.energy * Fraction(MARGINS[0]):
        return None
    least = least + (float(claim) - least.sum()) * energy / max(energy.sum(), 1e-300)
    residuals = exact(least)
    residuals[0] = claim - sum(residuals[1:], Fraction())
    zero = exact(np.zeros((d, d)))
    shares, moments = exact(np.zeros(k)), exact(np.zeros((k, d)))
    return _evidence(problem, shares, moments, residuals, Fraction(), zero)


@lru_cache(maxsize=8)
def solutions(problem: ExactProblem) -> Floats:
    """`θ̂_i = H_i⁺h_i` to rounding, for the exact rank of `H_i`."""
    found = []
    for task in problem.moments:
        scaled, power = scaled_floats(task)
        rank = likely_rank(task[:-1, :-1])
        value, vector = np.linalg.eigh(scaled[:-1, :-1])
        value, vector = value[len(value) - rank :], vector[:, len(vector) - rank :]
        # A value that rounding made 0 or less gives no guess.
        value = np.where(value > 0, value, np.inf)
        theta = vector @ ((vector.T @ scaled[:-1, -1]) / value)
        found.append(np.ldexp(theta, power[-1] - power[:-1]))
    return np.array(found)


@lru_cache(maxsize=8)
def _residuals(problem: ExactProblem) -> Floats:
    """`c_i − h_iᵀH_i⁺h_i` to rounding."""
    found = []
    for i, theta in enumerate(exact(solutions(problem))):
        gram, moment, energy = problem.part(i)
        # At the rounded θ̂ this is the loss, so the error is of second order.
        found.append(float(energy - 2 * (moment @ theta) + theta @ gram @ theta))
    return np.array(found)


def metric_evidence(
    problem: ExactProblem, rank: int, claim: Fraction, metric: Exact
) -> dict[str, Any] | None:
    """Evidence by a semidefinite metric `K`; `None` if it does not suffice."""
    for margin in MARGINS:
        grams = [task[:-1, :-1] for task in problem.moments]
        shares = np.array([_share(gram, metric, margin) for gram in grams], object)
        moments, residuals = _minorants(problem, metric, shares)
        total = float(sum(residuals, -claim))
        kept = _cover(metric, shares, moments, rank, total)
        if kept is None:
            return None
        level, cover = kept
        trace = np.trace(cover[len(metric) :, len(metric) :])
        if sum(residuals) - rank * level - trace < claim:
            continue
        found = _evidence(problem, shares, moments, residuals, level, cover)
        if found is not None:
            return found
    return None


def _share(gram: Exact, metric: Exact, margin: float) -> Fraction:
    """The exact ratio if `H_i` is a multiple of `K`; else a little below the best."""
    largest = int(np.argmax(np.diagonal(metric)))
    if not metric[largest, largest]:
        return Fraction()
    ratio = gram[largest, largest] / metric[largest, largest]
    if (gram == ratio * metric).all():
        return ratio
    scaled, power = scaled_floats(metric)
    try:
        root = np.linalg.cholesky(scaled)
    except np.linalg.LinAlgError:
        return Fraction()
    half = np.linalg.solve(root, in_units(gram, power, power))
    value = np.linalg.eigvalsh(np.linalg.solve(root, half.T))
    return Fraction(max(float(value[0] - margin * value[-1]), 0))


def _minorants(
    problem: ExactProblem, metric: Exact, shares: Exact
) -> tuple[Exact, Exact]:
    """`m_i` and `s_i`."""
    moments, residuals = exact(np.zeros((problem.count, len(metric)))), []
    least = _residuals(problem)
    for i, theta in enumerate(exact(solutions(problem))):
        gram, moment, energy = problem.part(i)
        if shares[i]:
            change = (gram - shares[i] * metric) @ theta
            moments[i] = moment - change
            residuals.append(energy - theta @ change)
        else:
            residuals.append(Fraction(float(least[i])) - energy * Fraction(MARGINS[0]))
    return moments, np.array(residuals, object)


def _cover(
    metric: Exact, shares: Exact, moments: Exact, rank: int, total: float
) -> tuple[Fraction, Exact] | None:
    """`λ`, and `[[K, V], [Vᵀ, T]]`; `total` is `Σ_i s_i − L`."""
    scaled, power = scaled_floats(metric)
    value, vector = np.linalg.eigh(scaled)
    size = likely_rank(metric)
    whiten = vector[:, len(value) - size :] / np.sqrt(
        np.abs(value[len(value) - size :])
    )
    root = np.sqrt([float(w) or 1 for w in shares])
    signal = in_units(moments.T, power, np.zeros(len(root), int)) / root
    left, singular, _ = np.linalg.svd(whiten.T @ signal, full_matrices=False)
    square = np.append(singular**2, np.zeros(rank + 1))
    spare = 0.45 * (total - square[:rank].sum()) / rank
    if not spare > 0:
        return None
    lifted = np.sqrt(square[:rank] - square[rank])[: left.shape[1]]
    kept = np.ldexp((whiten @ left)[:, : len(lifted)] * lifted, -power[:, None])
    side = metric @ exact(kept)
    corner = side.T @ exact(kept) + exact(spare * np.eye(len(lifted)))
    cover = np.block([[metric, side], [side.T, corner]])
    return Fraction(float(square[rank] + spare)), cover


def _evidence(
    problem: ExactProblem,
    shares: Exact,
    moments: Exact,
    residuals: Exact,
    level: Fraction,
    cover: Exact,
) -> dict[str, Any] | None:
    """The evidence with its proofs, if there are proofs."""
    d = problem.dimension
    metric, kept = cover[:d, :d], cover[:d, d:]
    divided = moments.T / np.array([w or 1 for w in shares], object)
    rest = level * metric - divided @ moments
    if kept.size:
        rest = rest + kept @ kept.T
    pairs = zip(shares, moments, residuals, strict=True)
    minorants = [border(share * metric, m, s) for share, m, s in pairs]
    tasks = [a - b for a, b in zip(problem.moments, minorants, strict=True)]
    proofs = [prove(matrix) for matrix in [*tasks, rest, cover]]
    factors = [proof.factor for proof in proofs if proof is not None]
    if len(factors) < len(proofs):
        return None
    found = {
        "kind": "metric",
        "residuals": [text(v) for v in residuals],
        "shares": [text(v) for v in shares],
        "moments": texts(moments),
        "level": text(level),
        "cover": triangle(cover),
    }
    return {**found, "factors": factors} if any(factors) else found
