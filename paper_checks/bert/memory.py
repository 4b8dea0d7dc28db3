"""Bytes and operations that a step of training needs, and the batch that fits."""

from dataclasses import dataclass, replace

import jax

from paper_checks.bert.compute import DEFAULT, Compute
from paper_checks.bert.config import BertConfig

WIDE = 4  # bytes of a weight, a moment, a norm
# Share of a device's memory that a plan may use: allocators need the rest.
USABLE = 0.9
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


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What decides how much memory a step needs.

    Attributes:
        config: The model.
        rows: Of a batch, on all devices together.
        length: Of a sequence.
        devices: How many share the rows.
        pieces: Into how many each weight is cut.
        tasks: With heads, and maps `R_i` if `aligned`.
        aligned: Whether there are maps.
        compute: Precision, and what the backward pass computes anew.
    """

    config: BertConfig
    rows: int
    length: int
    devices: int = 1
    pieces: int = 1
    tasks: int = 5
    aligned: bool = True
    compute: Compute = DEFAULT

    @property
    def parameters(self) -> int:
        """Of encoder, heads and maps."""
        d = self.config.width
        own = self.tasks * (2 * d + 2 + (d * d if self.aligned else 0))
        return self.config.parameters + own


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes on one device."""

    weights: int
    moments: int
    gradients: int
    lowered: int
    activations: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(vars(self).values())


def training_memory(setting: Setting) -> Memory:
    """Bytes of a step on one device.

    With `P` parameters in `q` pieces, 32-bit: weights `4P/q`, Adam's moments `8P/q`,
    gradients `4P/q`; in bfloat16 a lowered copy `2P/q`; with pieces also one block
    that is gathered, and its gradient. Activations: `block_bytes` of every block, or
    the input of every block and one block's if blocks are computed anew; and as much
    again as one block's for what the backward pass of a block makes.

    Source: derived here; ZeRO's partition (Rajbhandari et al. 2020).
    """
    config, compute = setting.config, setting.compute
    own = -(-setting.parameters // setting.pieces)
    short = compute.dtype != "float32"
    lowered = compute.bytes * own if short else 0
    if setting.pieces > 1:
        d, f = config.width, config.inner
        lowered += 2 * compute.bytes * (4 * d * d + 2 * d * f)
    tokens = -(-setting.rows // setting.devices) * setting.length
    whole = tokens * block_bytes(config, setting.length, compute)
    if compute.remat == "none":
        kept = (config.layers + 1) * whole
    else:
        entry = compute.bytes * config.width
        if compute.remat == "dots":
            entry += compute.bytes * (5 * config.width + config.inner)
        kept = config.layers * tokens * entry + 2 * whole
    return Memory(
        weights=WIDE * own,
        moments=2 * WIDE * own,
        gradients=WIDE * own,
        lowered=lowered,
        activations=kept + 2 * WIDE * tokens * config.width,
    )


def block_bytes(config: BertConfig, length: int, compute: Compute) -> int:
    """Bytes a token that the backward pass of a block needs.

    In the precision of products: the block's input, query, key, value, what attention
    gives, the input of the inner map, what the inner map gives, and the inputs of both
    norms: `8d + f`; the nonlinearity is computed anew. Marks of what is dropped: a byte
    for each of `2d`. Plain attention adds exponentials for all keys and heads and
    their two normalisers, in 32 bits, their shares as used, and their marks.
    """
    d, f = config.width, config.inner
    found = compute.bytes * (8 * d + f) + 2 * d
    if compute.attention == "plain":
        found += config.heads * (length * (WIDE + compute.bytes + 1) + 2 * WIDE)
    return found


def largest_batch(setting: Setting, limit: float) -> int:
    """The largest number of rows that fits in `limit` bytes a device; 0 if none.

    A multiple of the number of devices. Memory is affine in the rows of a device.
    """
    none, one = (
        training_memory(replace(setting, rows=each * setting.devices)).total
        for each in (0, 1)
    )
    return max(0, int((limit - none) // (one - none))) * setting.devices


def check_memory(setting: Setting, limit: float | None) -> Memory:
    """What a step needs, once it is known to fit.

    Args:
        setting: What is to be trained.
        limit: Bytes of a device; nothing is checked if it is not known.

    Raises:
        ValueError: It does not fit; the message says what would.
    """
    memory = training_memory(setting)
    if limit is None or memory.total <= USABLE * limit:
        return memory
    raise ValueError(
        f"batch {setting.rows} at length {setting.length} needs about "
        f"{memory.total / 1e9:.3g} GB on each of {setting.devices} devices, and "
        f"{USABLE:.0%} of {limit / 1e9:.3g} GB is there; {_advice(setting, limit)}"
    )


def smaller_ways(setting: Setting) -> dict[str, Setting]:
    """The setting and those that need less memory, by what they add to a command."""
    anew, found = replace(setting.compute, remat="layer"), {"": setting}
    if setting.compute.remat == "none":
        found[" with remat layer"] = replace(setting, compute=anew)
    if setting.pieces < setting.devices:
        cut = replace(setting, compute=anew, pieces=setting.devices)
        found[f" with remat layer and pieces {setting.devices}"] = cut
    return found


def _advice(setting: Setting, limit: float) -> str:
    said = [
        f"batch {rows}{how}"
        for how, one in smaller_ways(setting).items()
        if (rows := largest_batch(one, USABLE * limit))
    ]
    if not said:
        return "no batch fits: more devices with as many pieces, or a smaller model"
    return "what fits: " + ", or ".join(said)


def device_limit() -> float | None:
    """Bytes of the first device, if jax knows them."""
    stats = jax.local_devices()[0].memory_stats()
    limit = (stats or {}).get("bytes_limit")
    return None if limit is None else float(limit)


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
