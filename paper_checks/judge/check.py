"""One statement measured on instances: two sides, a tolerance, and who is right."""

from typing import Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from paper_checks.judge.verdict import Control

Relation = Literal["<=", "=="]
SIDES = ("lhs", "rhs", "tolerance")


class Check(eqx.Module):
    """Both sides of a statement on `n` instances; a pytree, so it can be vmapped."""

    lhs: Float[Array, "*n"]  # measured, found without the statement
    rhs: Float[Array, "*n"]  # what the statement gives
    tolerance: Float[Array, "*n"]  # what rounding or sampling alone explains
    relation: Relation = eqx.field(static=True)
    source: str = eqx.field(static=True, default="")

    def __check_init__(self) -> None:
        """Refuse another relation, and sides that would be broadcast."""
        if self.relation not in get_args(Relation):
            raise ValueError(f"relation must be '<=' or '==', got '{self.relation}'")
        shapes = {name: np.shape(getattr(self, name)) for name in SIDES}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"lhs, rhs and tolerance must be of one shape: {shapes}")

    @property
    def slack(self) -> Float[Array, "*n"]:
        """Room left on the right side, negative where the statement is broken."""
        if self.relation == "==":
            return -jnp.abs(self.rhs - self.lhs)
        return self.rhs - self.lhs

    @property
    def holds(self) -> Bool[Array, "*n"]:
        """Whether it holds on each instance; never for a NaN."""
        return self.slack >= -self.tolerance

    @property
    def known(self) -> Bool[np.ndarray, "*n"]:
        """Instances without a NaN."""
        return ~np.any([np.isnan(getattr(self, name)) for name in SIDES], axis=0)

    @property
    def broken(self) -> int:
        """Number of instances on which it does not hold."""
        return int(np.sum(~np.asarray(self.holds)))

    @property
    def count(self) -> int:
        """Number of instances."""
        return int(np.size(self.lhs))

    @property
    def apart(self) -> Float[np.ndarray, "*n"]:
        """`|lhs − rhs|`."""
        return np.abs(np.asarray(self.rhs) - np.asarray(self.lhs))

    @property
    def used(self) -> Float[np.ndarray, "*n"]:
        """`|lhs − rhs|` as a share of the tolerance; zero where both are zero."""
        exact = (self.apart == 0) & (np.asarray(self.tolerance) == 0)
        with np.errstate(divide="ignore"):
            return self.apart / np.where(exact, 1, self.tolerance)

    @staticmethod
    def broken_in_any(*checks: "Check") -> int:
        """Number of instances on which at least one of these checks does not hold.

        A rate needs independent instances: two checks of one draw are one instance.
        """
        return int(np.sum(~np.all([np.asarray(c.holds) for c in checks], axis=0)))

    @staticmethod
    def all_judged(coarse: float | None, *checks: "Check") -> Bool[np.ndarray, " n"]:
        """The instances on which each of these checks can fail.

        An instance is left out if the tolerance of one check is above `coarse`. A
        tolerance that is NaN stays in, and breaks.
        """
        limit = np.inf if coarse is None else coarse
        return ~np.any([np.asarray(c.tolerance) > limit for c in checks], axis=0)

    def where(self, kept: Bool[np.ndarray, " n"]) -> "Check":
        """These instances alone."""
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[kept], self)

    def judged(self, coarse: float | None) -> "Check":
        """The instances whose tolerance is at most `coarse`; all if it is `None`."""
        return self.where(Check.all_judged(coarse, self))

    def control(self, dropped: str) -> Control:
        """How often this check noticed that a hypothesis was dropped.

        A NaN does not hold, but it is no sign either that the hypothesis is needed.
        """
        seen = ~np.asarray(self.holds) & self.known
        return Control(dropped=dropped, noticed=int(seen.sum()), instances=self.count)

    def worst(self) -> float:
        """Largest violation as a share of the tolerance; above 1, or NaN, is broken."""
        return float(np.max(-np.asarray(self.slack) / np.asarray(self.tolerance)))
