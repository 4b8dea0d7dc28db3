"""A matrix product whose derivatives run at the speed of the product itself."""

import jax
from jax import lax
from jaxtyping import Array, Float


@jax.custom_vjp
def product(x: Float[Array, "n i"], weight: Float[Array, "i o"]) -> Float[Array, "n o"]:
    """`xW`, whose derivative by `W` is `xᵀg`, a product of matrices as they are stored.

    jax's own derivative is `(gᵀx)ᵀ`. XLA then copies `g` with its axes exchanged, and
    on a CPU leaves its fast product for one of a third to half of the speed. Rows of a
    batch belong in one axis: of three axes the product is a slow one again.
    """
    return x @ weight


def _forward(x: Array, weight: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ weight, (x, weight)


def _backward(kept: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    x, weight = kept
    return (
        lax.dot_general(slope, weight, (((1,), (1,)), ((), ()))),
        lax.dot_general(x, slope, (((0,), (0,)), ((), ()))),
    )


product.defvjp(_forward, _backward)
