"""Several tasks on one encoder: heads of their own, and maps R_i of the embeddings."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int, PRNGKeyArray

from paper_checks.networks.encoders import Encoder, Kind, MeanMlp, new_encoder

# Stands for the logit of a class that a task does not have.
NEVER = -1e9


class MultiTask(eqx.Module):
    """Logits `g(E R_i) A_i + c_i` of task `i`; without alignment `maps` is `None`."""

    encoder: Encoder
    heads: Float32[Array, "k r c"]
    bias: Float32[Array, "k c"]
    maps: Float32[Array, "k d d"] | None

    def logits(
        self,
        task: Int[Array, ""],
        x: Float32[Array, "b l d"],
        mask: Bool[Array, "b l"],
        classes: Bool[Array, "k c"],
    ) -> Float32[Array, "b c"]:
        """Logits of the texts of one task; classes that it has not are out of reach."""
        found = self._encoded(task, x, mask) @ self.heads[task] + self.bias[task]
        return jnp.where(classes[task], found, NEVER)

    def _encoded(self, task: Array, x: Array, mask: Array) -> Array:
        if self.maps is None:
            return self.encoder(x, mask)
        change = self.maps[task]
        if isinstance(self.encoder, MeanMlp):  # A text is one row of `x`.
            return self.encoder(x @ change, mask)
        # Its weights have fewer rows than a batch has tokens.
        return self.encoder.after(change)(x, mask)


def new_model(
    kind: Kind,
    key: PRNGKeyArray,
    *,
    dimension: int,
    width: int,
    tasks: int,
    classes: int,
    aligned: bool,
) -> MultiTask:
    """Draw a model: heads of variance `1/r`, maps that are the identity at first."""
    first, second = jax.random.split(key)
    bound = (3 / width) ** 0.5
    shape = (tasks, width, classes)
    eye = jnp.broadcast_to(
        jnp.eye(dimension, dtype="f4"), (tasks, dimension, dimension)
    )
    return MultiTask(
        encoder=new_encoder(kind, dimension, width, first),
        heads=jax.random.uniform(second, shape, jnp.float32, -bound, bound),
        bias=jnp.zeros((tasks, classes), "f4"),
        maps=eye if aligned else None,
    )
