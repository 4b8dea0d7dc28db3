"""Limiting risk of pooling any number of tasks with weights."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array

from theory.arguments import (
    check_numbers,
    check_per_task,
    check_pool_weights,
    check_spectrum,
    check_target,
    is_traced,
)
from theory.risk.deterministic_equivalent import equivalent_sizes
from theory.risk.pooled import PooledRisk, finite_terms, single_task_risk


def weighted_limit_risk(
    samples: ArrayLike | Sequence[float],
    dimension: ArrayLike,
    noise_variance: ArrayLike | Sequence[float],
    shift_variance: ArrayLike | Sequence[float],
    weights: ArrayLike | Sequence[float],
    *,
    spectra: ArrayLike | None = None,
    target: int = -1,
    finite: bool = False,
) -> PooledRisk:
    """Limit of `theory.risk.mean_weighted_risk` for large `n_i` and `p`.

    Rows of task `i` are `Σ_i^½z`. The `Σ_i` have common eigenvectors, eigenvalues
    `s_ij`, and the risk is in `Σ_t`, `s_tj`. With `c_i` of
    `theory.risk.deterministic_equivalent`, `D_j = Σ_i c_is_ij + ζ s_tj`, its
    derivative `ċ_i = dc_i/dζ ≥ 0` at `ζ = 0` and shares `u_ij = c_is_ij/D_j`,

        variance = Σ_i σ_i² ċ_i,
        p · bias = Σ_(i≠t) μ_i² Σ_j [ċ_is_ij(1−u_ij)² + u_ij²(s_tj + Σ_(l≠i) ċ_ls_lj)]
                 + μ_t² Σ_j [ȯ_j(1−u_j)² + u_j²s_tj(1 + ċ_t)],

    `ȯ_j = Σ_(i≠t) ċ_is_ij`, `u_j = 1 − u_tj`; `alone = σ_t²p/(n_t − p)`. All terms are
    positive.

    Derivation: let `R_ζ = (Σ_i α_iS_i + ζΣ_t)⁻¹`; then `tr(Σ_tRBR) = −d/dζ tr(R_ζB)`.
    Rows are taken out one by one, `R_ζx_a = R_ζ'x_a/(1 + α_i tr Σ_iR_ζ)`, which gives
    `α_i tr(R_ζS_i) → n_i − c_i/α_i`,
    `α_i² tr(R_ζS_i²) → Σ_j c_i²s_ij²/D_j + (α_in_i − c_i) tr Σ_i` and, for `i ≠ l`,
    `α_iα_l tr(R_ζS_iS_l) → Σ_j c_ic_ls_ijs_lj/D_j`. Differentiate, and collect squares.
    For two tasks of equal weights it is the limit of `theory.risk.pooled_risk`.

    * `spectra` None: `Σ_i = I`.
    * `finite`: the exact mean for Gaussian rows, known for `Σ_i = I` and equal weights.
      A task against all others pooled is a pair of `finite_terms`:
      `variance = Σ_i σ_i²(n_i/n) p/(n−p−1)`, since the matrix beta has mean `n_i/n`,
      and the bias is `Σ_(i≠t) μ_i² φ(n_i) + μ_t² φ(n − n_t)`, `φ(m)` that of
      `finite_terms` for `m` source rows among `n`.

    jit-, vmap- and grad-compatible in all but `target` and `finite`.

    Args:
        samples: `n_i ≥ 0`, one a task; some may be 0 or below `p`.
        dimension: `p ≥ 1`.
        noise_variance: `σ_i² ≥ 0`, one number or one a task.
        shift_variance: `μ_i² ≥ 0`, one number or one a task.
        weights: `α_i ≥ 0`, one a task, not all zero.
        spectra: `s_ij > 0`, k x p; None: all equal.
        target: Index `t` of the target; the last, if not given.
        finite: The exact expectation rather than the limit.

    Raises:
        ValueError: Shapes do not fit, a known value is out of range, or `finite` with
            spectra or unequal weights.

    Source: derived here.
    """
    (n,) = check_numbers("k", samples=samples)
    (p,) = check_numbers(dimension=dimension)
    k = len(n)
    noise = check_per_task("noise_variance", noise_variance, k)
    shift = check_per_task("shift_variance", shift_variance, k)
    alpha = check_pool_weights(weights, k)
    at = check_target(target, k)
    if finite:
        _check_exact(spectra, alpha)
        return _exact(n, p, noise, shift, at)
    if spectra is None:
        return _limit(n, p, noise, shift, alpha, jnp.ones((k, 1)), at)
    values = check_spectrum(spectra, p, "k p", name="spectra", k=k)
    return _limit(n, p, noise, shift, alpha, values, at)


def _check_exact(spectra: object, alpha: Array) -> None:
    if spectra is not None:
        raise ValueError("finite=True needs equal covariances: leave out spectra")
    if not is_traced(alpha) and np.ptp(np.asarray(alpha)) > 0:
        raise ValueError(
            f"finite=True needs equal weights, got {np.asarray(alpha)}: the exact risk "
            "is not known for others; leave finite out for the limit"
        )


@jax.jit
def _limit(
    n: Array, p: Array, noise: Array, shift: Array, alpha: Array, s: Array, at: Array
) -> PooledRisk:
    k = len(n)
    active = jnp.where(alpha > 0, n, 0)
    enough = jnp.sum(active) > p
    # Any numbers that have a solution, where there is none.
    safe = jnp.where(enough, n, p + 1)
    weights = jnp.where(enough, alpha, 1)
    c, rate = _sizes_and_rates(safe, weights, s, p, at)
    others = jnp.where(jnp.eye(k, dtype=bool), 0, 1)
    of_target = jnp.arange(k) == at
    parts, growth = c[:, None] * s, rate[:, None] * s
    total = jnp.sum(parts, axis=0)
    left = (others @ parts) / total
    share = parts / total
    # For the target, the sum of the others takes the place of the task itself.
    share, left = (
        jnp.where(of_target[:, None], left, share),
        jnp.where(of_target[:, None], share, left),
    )
    own = jnp.where(of_target[:, None], others @ growth, growth)
    rest = jnp.where(of_target[:, None], growth, others @ growth)
    squares = jnp.mean(own * left**2 + share**2 * (s[at] + rest), axis=-1)
    return PooledRisk(
        jnp.where(enough, shift @ squares, jnp.where(jnp.any(shift > 0), jnp.inf, 0)),
        jnp.where(enough, noise @ rate, jnp.inf),
        single_task_risk(n[at], p, noise[at]),
    )


def _sizes_and_rates(
    n: Array, alpha: Array, s: Array, p: Array, at: Array
) -> tuple[Array, Array]:
    """`c_i` and `ċ_i`."""
    k = len(n)
    alone = (tuple(int(i == task) for i in range(k)) for task in range(k))
    members = (*alone, (0,) * k)
    terms = jnp.concatenate([s.T, jnp.zeros((s.shape[1], 1))], axis=1)
    change = jnp.zeros_like(terms).at[:, k].set(s[at])
    return jax.jvp(
        lambda coefficients: equivalent_sizes(n, alpha, coefficients, p, members),
        (terms,),
        (change,),
    )


@jax.jit
def _exact(n: Array, p: Array, noise: Array, shift: Array, at: Array) -> PooledRisk:
    whole = jnp.sum(n)
    enough = whole > p + 1
    sizes = jnp.where(enough, n, p + 2)
    total = jnp.sum(sizes)
    of_target = jnp.arange(len(n)) == at
    source = jnp.where(of_target, total - sizes, sizes)
    bias, variance = finite_terms(source, total - source, p)
    return PooledRisk(
        jnp.where(enough, shift @ bias, jnp.where(jnp.any(shift > 0), jnp.inf, 0)),
        jnp.where(enough, noise @ sizes / total * variance[0], jnp.inf),
        single_task_risk(n[at], p, noise[at], 1),
    )
