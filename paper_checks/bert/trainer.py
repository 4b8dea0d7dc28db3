"""One step of training, compiled once per length on any layout, and its speed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from paper_checks.bert.compute import Compute
from paper_checks.bert.model import Alignment, Batch, MultiTask, batch_loss
from paper_checks.bert.optimiser import Rates, new_rule
from paper_checks.bert.sharding import Layout


class State(NamedTuple):
    """Weights and moments, 32-bit; the number of steps taken, and of all of a run."""

    model: MultiTask
    moments: PyTree
    step: Int[Array, ""]
    steps: Int[Array, ""]


class Trainer:
    """What is compiled for a run: a step and the logits of a batch.

    Data, weights and the number of steps are arguments, so that a length is one
    compilation for all runs of a process with as many tasks and one alignment.
    """

    def __init__(
        self,
        compute: Compute,
        rates: Rates,
        alignment: Alignment,
        steps: int,
        layout: Layout,
        *,
        drop: bool = True,
    ) -> None:
        """Prepare; nothing is compiled yet."""
        self.layout, self.steps = layout, steps
        self.program = Program(compute, rates, alignment, drop)
        self.rule = new_rule(rates, alignment, steps)
        self._logits = _compiled_logits(compute, layout)

    def start(self, model: MultiTask) -> State:
        """The state before the first step, laid out."""
        # A copy by way of the host: steps use up what they are given, the caller's
        # model stays, and between layouts jax may share a buffer even if told not to.
        where = self.layout.weights(model)
        own = jax.tree.map(np.array, model)
        model = jax.device_put(own, where, may_alias=False)
        shapes = jax.eval_shape(self.rule.init, model)
        moments = jax.jit(self.rule.init, out_shardings=self.layout.weights(shapes))(
            model
        )
        counts = jax.device_put(
            (np.int32(0), np.int32(self.steps)), self.layout.whole()
        )
        return State(model, moments, *counts)

    def shapes(self, model: MultiTask) -> State:
        """What a state of this run looks like, for restoring one."""
        found = jax.eval_shape(
            lambda one: State(one, self.rule.init(one), jnp.int32(0), jnp.int32(0)),
            model,
        )
        placed = self.layout.weights(found)
        return jax.tree.map(
            lambda leaf, where: jax.ShapeDtypeStruct(
                leaf.shape, leaf.dtype, sharding=where
            ),
            found,
            placed,
        )

    def advance(
        self, state: State, batch: Batch, key: PRNGKeyArray
    ) -> tuple[State, Float[Array, ""]]:
        """Take a step; the state given is used up. Returns the loss before it."""
        return self.compiled(state)(state, batch, key)

    def compiled(self, state: State) -> jax.stages.Wrapped:
        """The step as a jitted function of state, batch and key."""
        shapes = tuple(np.shape(leaf) for leaf in jax.tree.leaves(state))
        return _compiled_step(
            self.program, self.layout, jax.tree.structure(state), shapes
        )

    def logits(self, state: State, batch: Batch) -> Float[np.ndarray, "b c"]:
        """Logits of a batch, on every process."""
        return np.asarray(self._logits(state.model, batch.tokens, batch.task))


class Program(NamedTuple):
    """What a step does besides its data."""

    compute: Compute
    rates: Rates
    alignment: Alignment
    drop: bool


@lru_cache(maxsize=16)
def _compiled_logits(compute: Compute, layout: Layout) -> jax.stages.Wrapped:
    return jax.jit(
        lambda model, tokens, task: model.logits(tokens, task, compute),
        out_shardings=layout.whole(),
    )


@lru_cache(maxsize=16)
def _compiled_step(
    program: Program,
    layout: Layout,
    structure: Any,
    shapes: tuple[tuple[int, ...], ...],
) -> jax.stages.Wrapped:
    placed = jax.tree.unflatten(structure, [layout.of_weight(one) for one in shapes])
    return jax.jit(
        partial(_step, program),
        donate_argnums=0,
        out_shardings=(placed, layout.whole()),
    )


def _step(
    program: Program, state: State, batch: Batch, key: PRNGKeyArray
) -> tuple[State, Float[Array, ""]]:
    own = jax.random.fold_in(key, state.step) if program.drop else None

    def loss(model: MultiTask) -> Float[Array, ""]:
        if program.alignment == "fixed":
            # The encoder's own gradients are not needed, and not computed.
            held = jax.lax.stop_gradient(model.encoder)
            model = eqx.tree_at(lambda one: one.encoder, model, held)
        return batch_loss(model, batch, program.compute, own)

    model: Any = state.model
    value, slope = jax.value_and_grad(loss)(model)
    rule = new_rule(program.rates, program.alignment, state.steps)
    change, moments = rule.update(slope, state.moments, model)
    model = optax.apply_updates(model, change)
    return State(model, moments, state.step + jnp.int32(1), state.steps), value


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Of the steps since the last report.

    Attributes:
        seconds: That they took.
        tokens: Word pieces a second, without padding.
        flops: Operations a second of the model, padding included.
        utilisation: `flops` as a share of the devices' peak; `None` if not known.
    """

    seconds: float
    tokens: float
    flops: float
    utilisation: float | None

    def __str__(self) -> str:
        share = (
            "MFU unknown" if self.utilisation is None else f"MFU {self.utilisation:.1%}"
        )
        return f"{self.tokens:,.0f} tokens/s, {self.flops / 1e12:.3g} TFLOP/s, {share}"


class Meter:
    """Counts what is done, and tells the speed."""

    def __init__(
        self, peak: float | None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Start.

        Args:
            peak: Operations a second of all devices together.
            clock: Seconds.
        """
        self.peak, self.clock = peak, clock
        self.since, self.tokens, self.flops = clock(), 0, 0

    def add(self, tokens: int, flops: int) -> None:
        """Count a step."""
        self.tokens += tokens
        self.flops += flops

    def speed(self) -> Speed:
        """The speed since the last call; counting begins anew."""
        now = self.clock()
        seconds = max(now - self.since, 1e-9)
        found = Speed(
            seconds=seconds,
            tokens=self.tokens / seconds,
            flops=self.flops / seconds,
            utilisation=self.flops / seconds / self.peak if self.peak else None,
        )
        self.since, self.tokens, self.flops = now, 0, 0
        return found
