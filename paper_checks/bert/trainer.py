"""One step of training, compiled once a length, on any layout of devices."""

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
    """Weights and moments, 32-bit, and the number of steps taken."""

    model: MultiTask
    moments: PyTree
    step: Int[Array, ""]


class Trainer:
    """What is compiled for a run: a step and the logits of a batch.

    Data and weights are arguments of both, so that a length is one compilation.
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
        self.layout, self.compute = layout, compute
        self.alignment: Alignment = alignment
        self.rule = new_rule(rates, alignment, steps)
        self.drop = drop
        self._logits = jax.jit(
            lambda model, tokens, task: model.logits(tokens, task, compute),
            out_shardings=layout.whole(),
        )
        self._step = None

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
        zero = jax.device_put(np.int32(0), self.layout.whole())
        return State(model, moments, zero)

    def shapes(self, model: MultiTask) -> State:
        """What a state of this run looks like, for restoring one."""
        found = jax.eval_shape(
            lambda one: State(one, self.rule.init(one), jnp.int32(0)), model
        )
        placed = self._placed(found)
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
        if self._step is None:
            kept = self._placed(state)
            self._step = jax.jit(
                self._one, donate_argnums=0, out_shardings=(kept, self.layout.whole())
            )
        return self._step

    def logits(self, state: State, batch: Batch) -> Float[np.ndarray, "b c"]:
        """Logits of a batch, on every process."""
        return np.asarray(self._logits(state.model, batch.tokens, batch.task))

    def _placed(self, state: State) -> Any:
        """Where each array of a state lies."""
        whole: Any = self.layout.whole()
        return State(
            self.layout.weights(state.model), self.layout.weights(state.moments), whole
        )

    def _one(
        self, state: State, batch: Batch, key: PRNGKeyArray
    ) -> tuple[State, Float[Array, ""]]:
        own = jax.random.fold_in(key, state.step) if self.drop else None

        def loss(model: MultiTask) -> Float[Array, ""]:
            return batch_loss(model, batch, self.compute, own)

        def of_all(model: MultiTask) -> Float[Array, ""]:
            if self.alignment == "fixed":
                # The encoder's own gradients are not needed, and not computed.
                held = jax.lax.stop_gradient(model.encoder)
                model = eqx.tree_at(lambda one: one.encoder, model, held)
            return loss(model)

        model: Any = state.model
        value, slope = jax.value_and_grad(of_all)(model)
        change, moments = self.rule.update(slope, state.moments, model)
        model = optax.apply_updates(model, change)
        return State(model, moments, state.step + jnp.int32(1)), value
