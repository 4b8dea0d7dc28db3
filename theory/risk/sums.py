"""Several sums over the eigenvalues in one pass."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

# As many sums run side by side, in the registers of a processor.
LANES = 20


@jax.custom_jvp
def sums(*terms: Float[Array, "*#batch p"]) -> tuple[Float[Array, "*batch"], ...]:
    """`Σ_j` of each of the terms, over the last axis.

    XLA compiles one reduction of several operands to one pass on a CPU, and reductions
    one by one to slow passes each. Within a pass it adds one after the other, each
    waiting for the last; 20 sums of every 20th term wait for nothing. Measured for
    four sums over 10⁴ x 100 and what they are sums of: 2.1 ms, and 1.2 in lanes.
    Derivatives are those of plain sums, of every order.
    """
    shape = jnp.broadcast_shapes(*(term.shape for term in terms))
    operands = tuple(jnp.broadcast_to(term, shape) for term in terms)
    count, whole = shape[-1], shape[-1] - shape[-1] % LANES
    if whole <= LANES:
        return _reduced(operands)
    lanes = (*shape[:-1], count // LANES, LANES)
    rows = tuple(term[..., :whole].reshape(lanes) for term in operands)
    found = _reduced(_reduced(rows, axis=-2))
    if whole == count:
        return found
    return _add(found, _reduced(tuple(term[..., whole:] for term in operands)))


def _reduced(operands: tuple, axis: int = -1) -> tuple:
    zero = tuple(jnp.zeros((), term.dtype) for term in operands)
    dimension = operands[0].ndim + axis
    return tuple(lax.reduce(operands, zero, _add, (dimension,)))


@sums.defjvp
def _sums_jvp(primals: tuple, tangents: tuple) -> tuple:
    value = sums(*primals)
    change = tuple(jnp.sum(tangent, axis=-1) for tangent in tangents)
    return value, tuple(
        jnp.broadcast_to(one, total.shape)
        for one, total in zip(change, value, strict=True)
    )


def _add(left: tuple, right: tuple) -> tuple:
    return tuple(a + b for a, b in zip(left, right, strict=True))
