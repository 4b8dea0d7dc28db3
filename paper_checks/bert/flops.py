"""Floating-point operations of a step, and what a device could do meanwhile."""

from paper_checks.bert.config import BertConfig

# Dense bfloat16 products a second, by the start of jax's name of a device; vendors'
# data sheets, without sparsity.
PEAKS = {
    "NVIDIA H200": 989e12,
    "NVIDIA H100": 989e12,
    "NVIDIA A100": 312e12,
    "NVIDIA L4": 121e12,
    "TPU v4": 275e12,
    "TPU v5 lite": 197e12,
    "TPU v5": 459e12,
    "TPU v6 lite": 918e12,
}
# A backward pass is two products for each one forward.
BACKWARD = 2


def forward_flops(
    config: BertConfig, rows: int, length: int, *, aligned: bool = False
) -> int:
    """Operations of products of matrices, forward, for `rows` sequences of `length`.

    A block's maps take `2(4d² + 2df)` a token, and attention `4ld`; the pooler takes
    `2d²` a sequence, and `R_i` `2d²` a token. Norms, softmax and tables are not
    counted, nor is what is computed anew to save memory.

    Source: derived here; the count of model FLOPs of Chowdhery et al. 2022.
    """
    d, f, n = config.width, config.inner, config.layers
    token = n * (2 * (4 * d * d + 2 * d * f) + 4 * length * d)
    token += 2 * d * d if aligned else 0
    return rows * (length * token + 2 * d * d)


def training_flops(
    config: BertConfig, rows: int, length: int, *, aligned: bool = False
) -> int:
    """`(1 + 2)` times `forward_flops`."""
    return (1 + BACKWARD) * forward_flops(config, rows, length, aligned=aligned)


def peak_flops(kind: str) -> float | None:
    """What a device of a kind can do a second at most; `None` if it is not listed."""
    found = [name for name in PEAKS if kind.startswith(name)]
    return PEAKS[max(found, key=len)] if found else None
