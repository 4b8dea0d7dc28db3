"""Risk of pooling a source task with a target task."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import check_numbers, check_spectrum
from theory.risk.fixed_point import source_ratio, sums


class PooledRisk(eqx.Module):
    """Excess risk `E(xᵀ(b̂ − b_2))²` of the pooled estimator on the target.

    `total = bias + variance`; `single_task` is that of least squares on the target
    alone. Squared units of the label. A risk is infinite, never NaN, where there are
    too few samples to invert the sample covariance.
    """

    bias: Float[Array, "*batch"]
    variance: Float[Array, "*batch"]
    single_task: Float[Array, "*batch"]

    @property
    def total(self) -> Float[Array, "*batch"]:
        """`bias + variance`."""
        return self.bias + self.variance

    @property
    def gain(self) -> Float[Array, "*batch"]:
        """`single_task − total`, positive where sharing pays; `inf − inf` is 0."""
        known = jnp.isfinite(self.total) | jnp.isfinite(self.single_task)
        total = jnp.where(known, self.total, 0)
        return jnp.where(known, self.single_task, 0) - total


def pooled_risk(
    n_source: ArrayLike,
    n_target: ArrayLike,
    dimension: ArrayLike,
    noise_variance: ArrayLike,
    shift_variance: ArrayLike,
    *,
    source_spectrum: ArrayLike | Sequence[float] | None = None,
    finite: bool = False,
) -> PooledRisk:
    """Risk of `b̂ = (S_1 + S_2)⁻¹(X_1ᵀy_1 + X_2ᵀy_2)`, `S_i = X_iᵀX_i`, on task 2.

    Rows are `Σ_i^½z` with independent entries of mean 0 and variance 1,
    `y_i = X_ib_i + ε_i`, and `b_i = b_0 + N(0, (μ²/p) I)`, so `E‖b_1 − b_2‖² = 2μ²`.
    Given the rows,

        bias = ‖Σ_2^½(S_1+S_2)⁻¹S_1(b_1−b_2)‖²,  variance = σ² tr[Σ_2(S_1+S_2)⁻¹].

    * `source_spectrum` None: `Σ_1 = Σ_2 = I`, `finite_terms` and `limit_terms`. For
      another `Σ` use `μ² tr(Σ)/p` in place of `μ²`.
    * Otherwise the limit of large `n_1, n_2, p` for `Σ_2 = I` and `Σ_1` with
      eigenvalues `s_j`. For other `Σ_2`, those of `Σ_2^-½ Σ_1Σ_2^-½`, and `b_i` that
      are isotropic after `Σ_2^½`. With `m = n_1 + n_2 − p` and `y` of
      `theory.risk.fixed_point`, `v_j = 1/(1 + s_jy)`, `u_j = 1 − v_j`, `V = 1/(1+y)`,

          variance = σ²(1+y)/m Σ v_j,
          bias = 2μ²n_2/(pm) [(P/y + mV) Σu_j² + P²/y] / (P/y + mV²),  P = Σ u_jv_j,
          alone = σ²p/(n_2 − p).

    Derivation: with `S_1` fixed and `M = (S_1 + c_2 I)⁻¹`, `(S_1+S_2)⁻¹` is close to
    `M`, and `R B R` to `M B M + M² tr(MBM) c_2²/n_2 / (1 − q)`, `q = c_2² tr(M²)/n_2`
    (differentiate `(S_1 + S_2 + zB)⁻¹` in `z`). So `tr[S_1R²S_1]` is close to
    `tr[(I − c_2M)²]/(1 − q)`. Over `S_1`, `c_2 tr M` is `Σ v_j` and its derivative in
    `c_2` gives `c_2² tr M² = Σv_j² + P²/(P + m y/(1+y))`. Putting `n_1, n_2` from the
    equation of `y` into `1 − q` leaves sums of positive terms, as above: no digit is
    lost for spectra over many decades. It equals `2μ²(1 − 2f_1f_3 + f_2f_3²)/
    (1 − f_2f_3²p/n_2)` of docs/mathematics.md, "Both shifts".

    jit-, vmap- and grad-compatible in every argument but `finite`; arguments
    broadcast, the last axis of `source_spectrum` aside. Values are checked unless
    traced. Where they are traced, `p` counts the eigenvalues with weight `p/len`.

    Args:
        n_source: `n_1 ≥ 0`; 0 gives the single-task risk. It may be below `p`.
        n_target: `n_2 > 0`. The baseline is infinite for `n_2 ≤ p` (finite: `≤ p+1`);
            all is infinite for `n_1 + n_2 ≤ p` (`≤ p+1`), but a bias that is zero.
        dimension: `p ≥ 1`.
        noise_variance: `σ² ≥ 0`, that of both tasks.
        shift_variance: `μ² ≥ 0`.
        source_spectrum: `s_j > 0`, one a dimension, or None.
        finite: The exact expectation for Gaussian rows rather than the limit.

    Raises:
        ValueError: An argument is out of range, floats are 32-bit, or `finite` with a
            spectrum.

    Source: derived here; docs/mathematics.md, "Both shifts".
    """
    if finite and source_spectrum is not None:
        raise ValueError(
            "finite=True needs equal covariances: the exact risk is not known for a "
            "source_spectrum; leave finite out for the limit"
        )
    n_1, n_2, p, noise, shift = check_numbers(
        n_source=n_source,
        n_target=n_target,
        dimension=dimension,
        noise_variance=noise_variance,
        shift_variance=shift_variance,
    )
    if source_spectrum is None:
        return _equal(n_1, n_2, p, noise, shift, finite=bool(finite))
    spectrum = check_spectrum(source_spectrum, p)
    return _limit(n_1, n_2, p, noise, shift, spectrum)


@eqx.filter_jit
def _equal(
    n_1: Array, n_2: Array, p: Array, noise: Array, shift: Array, *, finite: bool
) -> PooledRisk:
    spare = 1 if finite else 0
    enough = n_1 + n_2 > p + spare
    terms = finite_terms if finite else limit_terms
    bias, variance = terms(jnp.where(enough, n_1, p + 2), n_2, p)
    return _assemble((n_1, n_2, p, noise, shift), enough, bias, variance, spare)


@jax.jit
def _limit(
    n_1: Array, n_2: Array, p: Array, noise: Array, shift: Array, spectrum: Array
) -> PooledRisk:
    enough = n_1 + n_2 > p
    bias, variance = _limit_terms(jnp.where(enough, n_1, p + 2), n_2, p, spectrum)
    return _assemble((n_1, n_2, p, noise, shift), enough, bias, variance, 0)


def _limit_terms(
    n_1: Array, n_2: Array, p: Array, spectrum: Array
) -> tuple[Array, Array]:
    """Bias over `2μ²` and variance over `σ²`; needs `n_1 + n_2 > p`."""
    y, m = source_ratio(n_1, n_2, p, spectrum), n_1 + n_2 - p
    weight = p / spectrum.shape[-1]
    v = 1 / (1 + spectrum * y[..., None])
    seen = spectrum * v
    # P/y and Σ u²: finite and without cancellation at y = 0.
    together = sums(seen * v, seen**2, v)
    mixed, squares, left = (weight * value for value in together)
    squares *= y**2
    other = 1 / (1 + y)
    top = (mixed + m * other) * squares + y * mixed**2
    bias = n_2 / (p * m) * top / (mixed + m * other**2)
    return bias, (1 + y) / m * left


def _assemble(
    arguments: tuple, enough: Array, bias: Array, variance: Array, spare: int
) -> PooledRisk:
    """Scale the terms, and put infinities where the samples are too few."""
    n_1, n_2, p, noise, shift = arguments
    none = (n_1 == 0) | (shift == 0)
    bias = jnp.where(enough, 2 * shift * bias, jnp.where(none, 0, jnp.inf))
    variance = jnp.where(enough, noise * variance, jnp.inf)
    alone = single_task_risk(n_2, p, noise, spare)
    shape = jnp.broadcast_shapes(bias.shape, variance.shape, alone.shape)
    return PooledRisk(
        *(jnp.broadcast_to(value, shape) for value in (bias, variance, alone))
    )


def single_task_risk(
    n_target: Float[Array, "*#batch"],
    dimension: Float[Array, "*#batch"],
    noise_variance: Float[Array, "*#batch"],
    spare: int = 0,
) -> Float[Array, "*batch"]:
    """`σ²p/(n − p − spare)`, infinite without spare samples; in the limit none is."""
    excess = n_target - dimension - spare
    alone = noise_variance * dimension / jnp.where(excess > 0, excess, 1)
    return jnp.where(excess > 0, alone, jnp.inf)


def limit_terms(
    n_source: Float[Array, "*#batch"],
    n_target: Float[Array, "*#batch"],
    dimension: Float[Array, "*#batch"],
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
    """Bias over `2μ²` and variance over `σ²` for large `n_1, n_2, p`, `n = n_1+n_2`.

        [n_1²(n−p) + p n_1n_2] / [n²(n−p)],   p/(n−p).

    Needs `n > p`, which is not checked.

    Source: docs/mathematics.md, "Pooled risk, equal covariances".
    """
    n = n_source + n_target
    excess = n - dimension
    share = n_source / n
    bias = share**2 + dimension / n * share * (n_target / excess)
    return bias, dimension / excess


def finite_terms(
    n_source: Float[Array, "*#batch"],
    n_target: Float[Array, "*#batch"],
    dimension: Float[Array, "*#batch"],
) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
    """Exact expected bias over `2μ²` and variance over `σ²`, for Gaussian rows.

    With `b = n_1n_2/[n(n−1)(n+2)]` and `a = (n_1² − 2bn)/n²`,

        a + b + b(np − 2)/(n−p−1),   p/(n−p−1).

    Derivation: whiten. `S_1 + S_2 = W` is Wishart of `n` degrees of freedom, and
    `S_1 = W^½BW^½` with a matrix beta `B` that is independent of `W`, so the bias is
    `2μ²/p` times `E tr[S_1(S_1+S_2)⁻²S_1] = E tr[BW⁻¹BW]`. The law of `B` is
    invariant under rotations, so `E[BAB] = αA + β tr(A) I` for symmetric `A`, with
    `β = E B_12²` and `α + β = E B_11²`, and the bias is
    `2μ²(α + β E[tr W⁻¹ tr W]/p)`.

    * `tr W` is a chi-square of `np` degrees that is independent of `W/tr W`, hence
      `E[tr W⁻¹ tr W] = p(np−2)/(n−p−1)`.
    * `B_11` is Beta(n_1/2, n_2/2): `E B_11² = n_1(n_1+2)/[n(n+2)]`. The 2 x 2 minor is
      a product of two such betas: `E[B_11B_22 − B_12²] = n_1(n_1−1)/[n(n−1)]`.
      Rotations give `E B_11² = E B_11B_22 + 2β`, so `3β` is the difference, `β = b`.
      Then `α = E B_11² − b = a + b`.

    With `n_1 < p`, `B` is singular and these moments are the same. The formula
    interpolates between whole numbers of samples.

    Needs `n > p + 1`, which is not checked.

    Source: derived here; docs/mathematics.md, "Pooled risk, equal covariances".
    """
    n = n_source + n_target
    excess = n - dimension - 1
    # α = E B_11² − b, without the difference of a: all terms of b are one product.
    square = n_source / n * (n_source + 2) / (n + 2)
    b = n_source / n * n_target / (n + 2) / (n - 1)
    bias = square + b * ((n * dimension - 2) / excess - 1)
    return bias, dimension / excess
