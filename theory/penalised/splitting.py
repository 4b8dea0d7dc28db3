"""Penalties that are a sum over unfoldings: a copy of the parameters for each."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.penalised.duality import Judged, Problem, judge
from theory.penalised.loop import Found, until_closed
from theory.penalised.penalty import scaled_residual
from theory.penalised.tensor_trace_norm import MODES, TensorTraceNorm

# Over-relaxation, and the share of residuals beyond which the weight of the copies is
# doubled or halved, in the first steps only, so that the method converges.
RELAX, UNEVEN, ADAPT = 1.6, 5.0, 1000


class _Copies(NamedTuple):
    """`W`, its copies `Z_n`, their multipliers `Y_n`, and the weight `β`."""

    point: Float[Array, "k d"]
    copies: Float[Array, "3 k d"]
    multipliers: Float[Array, "3 k d"]
    beta: Float[Array, ""]
    steps: Float[Array, ""]


class _Spectra(NamedTuple):
    """`α_iG_i + ρI = QΛQᵀ`."""

    value: Float[Array, "k d"]
    vector: Float[Array, "g d d"]

    def solve(
        self, right: Float[Array, "k d"], shift: Float[Array, ""]
    ) -> Float[Array, "k d"]:
        """`(α_iG_i + (ρ + shift) I)⁻¹` of each row."""
        shape = (len(right), *self.vector.shape[1:])
        vector = jnp.broadcast_to(self.vector, shape)
        turned = jnp.einsum("kde,kd->ke", vector, right) / (self.value + shift)
        return jnp.einsum("kde,ke->kd", vector, turned)


@jax.jit
def split(
    problem: Problem,
    penalty: TensorTraceNorm,
    start: Float[Array, "k d"],
    tolerance: Float[Array, ""],
) -> Found:
    """Minimise `F` by alternating directions, a copy `Z_n = W` a mode.

        w_i = (α_iG_i + (ρ + Nβ)I)⁻¹ (α_ig_i + Σ_n(βz_n,i − y_n,i)),
        Z_n = prox of λ_n‖·_(n)‖_*/β at W + Y_n/β,   Y_n ← Y_n + β(W − Z_n),

    over the `N` modes with `λ_n > 0`, `W` over-relaxed (Boyd et al. 2011). After a step
    `Y_n` is a subgradient of `λ_n‖·_(n)‖_*`, and where it ends `V = Σ_n Y_n`. So the
    certificate splits `V` into the `Y_n` and an even share of what they miss:

        Ω°(V) ≤ max_n ‖(Y_n + (V − ΣY)/N)_(n)‖_op/λ_n.

    Derived here.
    """
    used = (penalty.strengths > 0)[:, None, None]
    spectra = _spectra(problem, penalty)
    zero = jnp.zeros_like(start)
    best = judge(problem, penalty, zero, zero)
    copies = jnp.broadcast_to(start, (MODES, *start.shape))
    beta = jnp.mean(spectra.value)
    beta = jnp.where(beta > 0, beta, 1)
    first = _Copies(start, copies, 0 * copies, beta, jnp.zeros_like(beta))

    def judged(now: _Copies) -> Judged:
        def dual(slope: Array, lin: Array, sq: Array) -> tuple[Array, Array]:
            missed = (slope - jnp.sum(now.multipliers, axis=0)) / jnp.sum(used)
            parts = jnp.where(used, now.multipliers + missed, 0)
            return scaled_residual(penalty.split_polar(parts), lin, sq)

        return judge(problem, penalty, now.point, problem.seen(now.point), dual)

    return until_closed(
        problem,
        tolerance,
        best,
        first,
        lambda now: _step(problem, penalty, spectra, used, now),
        judged,
    )


def _step(
    problem: Problem,
    penalty: TensorTraceNorm,
    spectra: _Spectra,
    used: Array,
    now: _Copies,
) -> _Copies:
    pulled = jnp.sum(jnp.where(used, now.beta * now.copies - now.multipliers, 0), 0)
    right = problem.weights[:, None] * problem.moment + pulled
    point = spectra.solve(right, now.beta * jnp.sum(used))
    relaxed = RELAX * point + (1 - RELAX) * now.copies
    raised = relaxed + now.multipliers / now.beta
    copies = jnp.stack(
        [penalty.mode_proximal(raised[n], 1 / now.beta, n) for n in range(MODES)]
    )
    multipliers = jnp.where(used, now.beta * (raised - copies), 0)
    primal = jnp.sum(jnp.where(used, (point - copies) ** 2, 0))
    dual = now.beta**2 * jnp.sum(jnp.where(used, (copies - now.copies) ** 2, 0))
    early = (now.steps < ADAPT) & (now.steps % 10 == 9)
    factor = jnp.where(primal > UNEVEN**2 * dual, 2.0, 1.0)
    factor = jnp.where(dual > UNEVEN**2 * primal, 0.5, factor)
    beta = now.beta * jnp.where(early, factor, 1.0)
    return _Copies(point, copies, multipliers, beta, now.steps + 1)


def _spectra(problem: Problem, penalty: TensorTraceNorm) -> _Spectra:
    value, vector = jnp.linalg.eigh(problem.gram)
    value = problem.weights[:, None] * jnp.maximum(value, 0)
    return _Spectra(value + penalty.ridge, vector)
