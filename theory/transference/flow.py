"""Transference along the gradient flow of one parameter vector for all tasks."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike as Number
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import check_array, check_weights, is_traced
from theory.linear.loss import task_losses
from theory.linear.single_task import equilibrated_spectrum, minimum_norm_solution
from theory.task_checks import check_statistics
from theory.tasks import TaskStatistics


class FlowTransference(NamedTuple):
    """Along the flow, [time, source, target] but for `losses`, [time, task].

    `decrease` is `D_{i→j} = L_jZ_{i→j}` of an SGD step taken at that time, `integral`
    is `∫_0^t D_{i→j}`, `alignment` is `∫_0^t ⟨u_i, u_j⟩`, and `losses` are the mean
    losses.
    """

    decrease: Float[Array, "t k k"]
    integral: Float[Array, "t k k"]
    alignment: Float[Array, "t k k"]
    losses: Float[Array, "t k"]


class _Flow(NamedTuple):
    """In the eigenbasis of `P`: eigenvalues, `w_0`, the `H_i` and the `b_i`."""

    rates: Float[Array, " d"]
    start: Float[Array, " d"]
    curvature: Float[Array, "k d d"]
    offset: Float[Array, "k d"]


def flow_transference(
    statistics: TaskStatistics,
    weights: ArrayLike | None,
    start: Float[Array, " d"],
    times: Float[Array, " t"],
    *,
    rate: Number,
) -> FlowTransference:
    """Transference of SGD steps along the flow `θ' = −Σ_i α_i u_i(θ)`, in closed form.

    Width 1, heads 1: all tasks have the parameters `θ`, and `u_i = 2(H_iθ − g_i/m_i)`,
    `H_i = G_i/m_i`. With `P = Σα_iH_i = VΛVᵀ`, `θ* = P⁺Σα_ig_i/m_i`, `w = θ − θ*` and
    `b_i = u_i(θ*)`,

        w = Ve^{−2Λt}Vᵀw_0,   u_i = 2H_iw + b_i,   φ(λ) = (1 − e^{−2λt})/(2λ),
        s = ∫w = Vφ(Λ)Vᵀw_0,  (Vᵀ∫wwᵀV)_pq = (Vᵀw_0)_p (Vᵀw_0)_q φ(λ_p + λ_q),
        ∫u_iᵀMu_j = tr(4H_iMH_j∫wwᵀ) + 2b_iᵀMH_js + 2b_jᵀMᵀH_is + t b_iᵀMb_j,

    with `φ(0) = t`. `M = I` gives the alignment and `M = H_j`, `i = j` the second order
    of `D_{i→j} = ηu_iᵀu_j − η²u_iᵀH_ju_i`. Ranks are decided on columns of unit norm.
    jit- and vmap-compatible.

    Args:
        statistics: The tasks.
        weights: `α_i`, ones if not given.
        start: `θ` at time 0.
        times: `t ≥ 0`, in units of the inverse of the losses' curvature.
        rate: `η` of the steps that are looked ahead; the flow itself has none.

    Raises:
        ValueError: Shapes do not fit, or, unless traced, a value is not finite or is
            below 0, or inputs are of units so different that eigenvalues of `P` are
            lost.

    Source: derived here.
    """
    check_statistics(statistics, certificate=False)
    k, d = statistics.moment.shape
    alpha = check_weights(weights, k, statistics.moment.dtype)
    first = check_array("start", start, "d", d=d)
    when = check_array("times", times, "t", "finite and >= 0")
    step = check_array("rate", rate, "", "finite and >= 0")
    mean = jnp.einsum("k,kde->de", alpha / statistics.samples, statistics.gram)
    _check_units(mean)
    return _flow_transference(statistics, alpha, first, when, step)


def _check_units(gram: Float[Array, "d d"]) -> None:
    """Refuse a matrix whose small eigenvalues are below the rounding of its largest."""
    if is_traced(gram):
        return
    values = np.linalg.eigvalsh(np.asarray(gram))
    limit = 4 * len(values) * float(jnp.finfo(gram.dtype).eps) * values[-1]
    rank = int(jnp.sum(equilibrated_spectrum(gram).seen))
    if rank > np.sum(values > limit):
        raise ValueError(
            f"statistics have rank {rank}, of which eigenvalues show "
            f"{np.sum(values > limit)}: rescale inputs to like units"
        )


@jax.jit
def _flow_transference(
    statistics: TaskStatistics,
    alpha: Float[Array, " k"],
    start: Float[Array, " d"],
    times: Float[Array, " t"],
    rate: Float[Array, ""],
) -> FlowTransference:
    hessians = statistics.gram / statistics.samples[:, None, None]
    moments = statistics.moment / statistics.samples[:, None]
    mean = jnp.einsum("k,kde->de", alpha, hessians)
    goal = minimum_norm_solution(mean, alpha @ moments)
    rates, basis = jnp.linalg.eigh(mean)
    rank = jnp.sum(equilibrated_spectrum(mean).seen)
    seen = jnp.arange(len(rates)) >= len(rates) - rank
    flow = _Flow(
        rates=jnp.where(seen, rates, 0),
        start=basis.T @ (start - goal),
        curvature=jnp.einsum("dp,kde,eq->kpq", basis, hessians, basis),
        offset=2 * (hessians @ goal - moments) @ basis,
    )

    def at(time: Float[Array, ""]) -> FlowTransference:
        now = flow.start * jnp.exp(-2 * flow.rates * time)
        theta = jnp.broadcast_to(goal + basis @ now, statistics.moment.shape)
        integral, alignment = _integrals(flow, time, rate)
        losses = task_losses(statistics, theta) / statistics.samples
        return FlowTransference(_decrease(flow, now, rate), integral, alignment, losses)

    return lax.map(at, times)


def _decrease(
    flow: _Flow, now: Float[Array, " d"], rate: Float[Array, ""]
) -> Float[Array, "k k"]:
    slopes = 2 * flow.curvature @ now + flow.offset
    curved = jnp.einsum("ip,jpq,iq->ij", slopes, flow.curvature, slopes)
    return rate * slopes @ slopes.T - rate**2 * curved


def _integrals(
    flow: _Flow, time: Float[Array, ""], rate: Float[Array, ""]
) -> tuple[Float[Array, "k k"], Float[Array, "k k"]]:
    """`∫D` and `∫⟨u_i, u_j⟩`, each for M = I or M = H_j."""
    both = _relaxed(flow.rates[:, None] + flow.rates, time)
    square = flow.start[:, None] * flow.start * both
    shift = flow.start * _relaxed(flow.rates, time)
    H, b = flow.curvature, flow.offset
    moved = H @ shift
    inner = 2 * b @ moved.T
    # tr(H_iH_jW) = Σ_pq (H_i)_pq (H_jW)_qp.
    alignment = 4 * jnp.einsum("ipq,jqp->ij", H, H @ square)
    alignment += inner + inner.T + time * b @ b.T
    # ∫u_iu_iᵀ, which H_j meets in a trace.
    outer = 4 * H @ square @ H + 2 * b[:, :, None] * moved[:, None, :]
    outer += 2 * moved[:, :, None] * b[:, None, :]
    outer += time * b[:, :, None] * b[:, None, :]
    second = jnp.einsum("ipq,jqp->ij", outer, H)
    return rate * alignment - rate**2 * second, alignment


def _relaxed(rates: Float[Array, "..."], time: Float[Array, ""]) -> Float[Array, "..."]:
    """`φ(λ) = (1 − e^{−2λt})/(2λ)`, `t` at 0."""
    twice = 2 * rates
    moving = twice > 0
    return jnp.where(
        moving, -jnp.expm1(-twice * time) / jnp.where(moving, twice, 1), time
    )
