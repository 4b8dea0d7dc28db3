"""Magnitudes that training can square, multiply and sum."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

# A term `α y²` of the loss is a product of three magnitudes, and parameters have the
# units of `y/x`: with each in [tiny^0.3, max^0.3] a tenth of the exponents is left for
# sums.
SHARE = 0.3


def magnitudes(dtype: jnp.dtype) -> tuple[float, float]:
    """Least and largest magnitude: 5e-93 and 3e92 in 64 bits, 4e-12 and 3e11 in 32."""
    limits = jnp.finfo(dtype)
    return float(limits.tiny) ** SHARE, float(limits.max) ** SHARE


def check_range(
    largest: ArrayLike, dtype: jnp.dtype, name: Callable[[tuple[int, ...]], str]
) -> None:
    """Refuse data whose largest magnitude cannot be trained with; zero can.

    Smaller magnitudes beside it may be anything: what is lost of them is below
    rounding.

    Args:
        largest: Of each column, or of the labels, of every draw.
        dtype: Precision of the training.
        name: What a message calls an entry of it.

    Raises:
        ValueError: One is not zero and outside `magnitudes`.
    """
    low, high = magnitudes(dtype)
    size = np.asarray(largest)
    bad = np.argwhere((size != 0) & ~((size >= low) & (size <= high)))
    if len(bad):
        where = tuple(int(index) for index in bad[0])
        raise ValueError(
            f"{name(where)} has the largest magnitude {size[where]:.3g}, and "
            f"training in {dtype} needs it within [{low:.1g}, {high:.1g}]: rescale"
        )
