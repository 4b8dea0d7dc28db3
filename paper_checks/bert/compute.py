"""How a forward pass is computed; the numbers it stands for are the same."""

from dataclasses import dataclass
from typing import Literal, get_args

import jax.numpy as jnp

DType = Literal["float32", "bfloat16"]
Attention = Literal["plain", "cudnn"]
Remat = Literal["none", "layer", "dots"]


@dataclass(frozen=True, kw_only=True)
class Compute:
    """Precision and memory of a pass.

    Args:
        dtype: Of products of matrices and of what is kept for the backward pass;
            weights, moments, norms, softmax and loss are 32-bit in either case.
        attention: `plain` products; `cudnn` is fused, for bfloat16 on NVIDIA GPUs, and
            drops no attention weights.
        remat: What the backward pass computes anew: `none`, whole blocks (`layer`:
            only their inputs are kept), or all but products of matrices (`dots`).
        unroll: Compile every block apart instead of a loop over them.
    """

    dtype: DType = "float32"
    attention: Attention = "plain"
    remat: Remat = "none"
    unroll: bool = False

    def __post_init__(self) -> None:
        """Refuse unknown words.

        Raises:
            ValueError: The message names the field.
        """
        for field, words in (("dtype", DType), ("attention", Attention),
                             ("remat", Remat)):  # fmt: skip
            if getattr(self, field) not in get_args(words):
                raise ValueError(
                    f"{field} must be one of {get_args(words)}, got "
                    f"{getattr(self, field)!r}"
                )
        if self.attention == "cudnn" and self.dtype != "bfloat16":
            raise ValueError("attention 'cudnn' needs dtype 'bfloat16'")

    @property
    def float(self) -> jnp.dtype:
        """The precision of products."""
        return jnp.dtype(self.dtype)

    @property
    def bytes(self) -> int:
        """Bytes of a number of that precision."""
        return self.float.itemsize


DEFAULT = Compute()
