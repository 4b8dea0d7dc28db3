"""The recurrence of an LSTM, and its derivative written out for the sake of speed."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float32

Kept = tuple[Array, Array, Array, Array, Array]


@jax.custom_vjp
def last_output(
    drive: Float32[Array, "l b four_r"],
    recurrent: Float32[Array, "r four_r"],
    seen: Bool[Array, "l b"],
) -> Float32[Array, "b r"]:
    """`h_t` at the last token that is seen; 0 without one.

        i, f, g, o = drive_t + h_{t−1}U,
        s_t = σ(f) s_{t−1} + σ(i) tanh(g),   h_t = σ(o) tanh(s_t).

    Tokens that are not seen follow all that are. The derivative by `U` is one product
    behind the loop, where jax's own is one, and a sum, at every step of it.
    """
    return _run(drive, recurrent, seen)[0]


def _run(
    drive: Array, recurrent: Array, seen: Array
) -> tuple[Array, tuple[Array, Array, Array]]:
    """The last output; `(σ(i), σ(f), tanh(g), σ(o))`, `s_t` and `h_t` of all tokens."""
    width = len(recurrent)
    zero = jnp.zeros((drive.shape[1], width), drive.dtype)
    # σ(a) = (1 + tanh(a/2))/2, so that the four are one tanh.
    half = jnp.ones(4 * width, drive.dtype).at[: 2 * width].set(0.5)
    half = half.at[3 * width :].set(0.5)

    def step(
        carry: tuple[Array, Array], entry: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], tuple[Array, Array, Array]]:
        state, output = carry
        driven, seen = entry
        gates = jnp.tanh((driven + output @ recurrent) * half) * half + (1 - half)
        enter, forget, new, leave = _four(gates)
        # The state may run on: no token follows padding, and the output stays.
        state = forget * state + enter * new
        output = jnp.where(seen[:, None], leave * jnp.tanh(state), output)
        return (state, output), (gates, state, output)

    (_, output), kept = lax.scan(step, (zero, zero), (drive, seen))
    return output, kept


def _four(gates: Array) -> tuple[Array, Array, Array, Array]:
    width = gates.shape[1] // 4
    enter, forget, new, leave = (
        gates[:, n * width : (n + 1) * width] for n in range(4)
    )
    return enter, forget, new, leave


def _forward(drive: Array, recurrent: Array, seen: Array) -> tuple[Array, Kept]:
    output, kept = _run(drive, recurrent, seen)
    return output, (*kept, recurrent, seen)


def _backward(kept: Kept, slope: Array) -> tuple[Array, Array, None]:
    gates, states, outputs, recurrent, seen = kept
    zero = jnp.zeros_like(states[:1])
    before = jnp.concatenate([zero, states[:-1]])

    def step(
        carry: tuple[Array, Array], entry: tuple[Array, Array, Array, Array]
    ) -> tuple[tuple[Array, Array], Array]:
        by_state, by_output = carry
        gates, state, before, seen = entry
        enter, forget, new, leave = _four(gates)
        mine, shown = jnp.where(seen[:, None], by_output, 0), jnp.tanh(state)
        by_state = by_state + mine * leave * (1 - shown**2)
        by_gates = jnp.concatenate(
            [
                by_state * new * enter * (1 - enter),
                by_state * before * forget * (1 - forget),
                by_state * enter * (1 - new**2),
                mine * shown * leave * (1 - leave),
            ],
            axis=1,
        )
        # By `U` as it is stored: of a copy of `Uᵀ` it takes longer.
        earlier = lax.dot_general(by_gates, recurrent, (((1,), (1,)), ((), ())))
        by_output = jnp.where(seen[:, None], earlier, by_output)
        return (by_state * forget, by_output), by_gates

    start, entries = (zero[0], slope), (gates, states, before, seen)
    by_gates = lax.scan(step, start, entries, reverse=True)[1]
    shown = jnp.concatenate([zero, outputs[:-1]]).reshape(-1, len(recurrent))
    flat = by_gates.reshape(len(shown), -1)
    by_recurrent = lax.dot_general(shown, flat, (((0,), (0,)), ((), ())))
    return by_gates, by_recurrent, None


last_output.defvjp(_forward, _backward)
