"""Risk of pooling two tasks of one covariance: the limit, and exactly."""

from jaxtyping import Array, Float


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
