"""AdamW with warmup and linear decay; R_i with a rate and a weight decay of its own."""

from collections.abc import Hashable
from dataclasses import dataclass, fields
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike
from jaxtyping import Array, PyTree

from paper_checks.bert.model import ALIGNMENTS, Alignment

# Largest norm of all gradients together (Devlin et al. 2019 clip there).
CLIP = 1.0


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How far steps go.

    Args:
        rate: Largest rate of the encoder and of heads.
        decay: Weight decay of matrices; offsets and norms have none.
        turn_rate: Largest rate of `R_i`.
        turn_decay: Weight decay of `R_i − I`.
        warmup: Share of steps over which rates rise from 0; then they fall to 0.
    """

    rate: float = 5e-5
    decay: float = 0.01
    turn_rate: float = 5e-5
    turn_decay: float = 0.01
    warmup: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot be a rate.

        Raises:
            ValueError: The message names the field.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{field.name} must be finite and >= 0, got {value}")
        if not self.rate or not self.turn_rate:
            raise ValueError("rate and turn_rate must be above 0")
        if self.warmup >= 1:
            raise ValueError(f"warmup must be a share below 1, got {self.warmup}")


def schedule(rate: float, warmup: float, steps: ArrayLike) -> optax.Schedule:
    """Linear from 0 to `rate` in `warmup · steps` steps, then linear to 0.

    `steps` may be traced: runs of any length are then one program.
    """
    last = jnp.asarray(steps, jnp.float32)
    rising = jnp.round(jnp.float32(warmup) * last)

    def at(count: ArrayLike) -> Array:
        step = jnp.asarray(count, jnp.float32)
        up = (step + 1) / jnp.maximum(rising, 1)
        down = (last - step) / jnp.maximum(last - rising, 1)
        share = jnp.where(step < rising, up, down)
        return jnp.float32(rate) * jnp.clip(share, 0, 1)

    return at


def new_rule(
    rates: Rates, alignment: Alignment, steps: ArrayLike
) -> optax.GradientTransformation:
    """The rule of a run of `steps` steps.

    Under the reading `fixed` of Algorithm 1 the encoder is held: heads and `R_i`
    alone move. The gradient's norm is clipped over what moves.

    Raises:
        ValueError: An unknown reading, or no step; a traced number is not checked.
    """
    if alignment not in ALIGNMENTS:
        raise ValueError(f"alignment must be one of {ALIGNMENTS}, got {alignment!r}")
    if isinstance(steps, int) and steps < 1:
        raise ValueError(f"a run needs steps >= 1, got {steps}")
    own = optax.adamw(
        schedule(rates.rate, rates.warmup, steps),
        weight_decay=rates.decay,
        mask=_decayed,
    )
    turns = optax.adamw(
        schedule(rates.turn_rate, rates.warmup, steps), weight_decay=rates.turn_decay
    )
    moved: dict[Hashable, optax.GradientTransformation] = {
        "own": own,
        "turns": turns,
        "held": optax.set_to_zero(),
    }
    return optax.chain(
        _hold(alignment),
        optax.clip_by_global_norm(CLIP),
        optax.partition(moved, lambda model: labels(model, alignment)),
    )


def labels(model: PyTree, alignment: Alignment) -> Any:
    """Which rule moves each array: `own`, `turns` or `held`."""
    encoder = "held" if alignment == "fixed" else "own"
    of = {"encoder": encoder, "heads": "own", "bias": "own", "turns": "turns"}
    return jax.tree_util.tree_map_with_path(lambda path, _: of[path[0].name], model)


def _hold(alignment: Alignment) -> optax.GradientTransformation:
    """Gradients of what is held are none, before norms are taken."""
    if alignment != "fixed":
        return optax.identity()

    def without(updates: Any, params: Any = None) -> Any:
        del params
        zero = jax.tree.map(jnp.zeros_like, updates.encoder)
        return eqx.tree_at(lambda model: model.encoder, updates, zero)

    return optax.stateless(without)


def _decayed(params: PyTree) -> PyTree:
    """True at matrices; norms and offsets of affine maps do not decay."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: path[-1].name not in ("bias", "scale", "offset"), params
    )
