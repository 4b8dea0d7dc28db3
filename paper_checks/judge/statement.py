"""A statement as a value: what is assumed, what is concluded, what is known anyway."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from paper_checks.judge.check import SIDES, Check
from paper_checks.judge.measurement import CheckError

# An instance: a NamedTuple or an equinox module of arrays.
Instance = TypeVar("Instance")


# A hypothesis is dropped by its place among them; none is.
NONE = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Statement(Generic[Instance]):
    """`margins(x) ≥ 0  ⟹  lhs(x) ≤ rhs(x)`, or `lhs(x) = rhs(x)`.

    Instances are images of numbers without constraint, the *latent*: standard normal
    ones make random instances, an ascent moves them, and hypothesis shrinks them
    towards zero. `build` need not meet every hypothesis of itself: an instance with a
    negative margin is left out, and counted.

    A statement that holds with probability `1 − δ` over a draw has `failure = δ`; its
    `conclude` draws from the key. Of one that always holds the key is not used.

    One program serves the statement and all it becomes by dropping a hypothesis:
    `build` gets the place of the one that is dropped, traced, and makes instances that
    violate it and keep to the others.

    Attributes:
        name: As in the ledger, "W-T2".
        source: Where it is stated.
        version: Of instances that are saved; a change of `build` or of the latent's
            shapes makes old ones unreadable, and so needs another version.
        latent: Shapes of the numbers behind an instance, by name.
        hypotheses: Their names, in the order of `margins`.
        build: The instance of a latent, given the place of what is dropped or `NONE`.
        margins: One number a hypothesis: `≥ 0` where it is met. Differentiable where
            it can be, so that an ascent can keep to it.
        conclude: Both sides on an instance.
        failure: `δ`, the share of draws on which the conclusion may fail.
        baseline: What is known of `lhs` without the statement: where `rhs` is not
            below, it is true and useless.

    Source: ours.
    """

    name: str
    source: str
    version: int
    latent: Mapping[str, tuple[int, ...]]
    hypotheses: tuple[str, ...]
    build: Callable[[Mapping[str, Array], Int[Array, ""]], Instance]
    margins: Callable[[Instance], tuple[Float[Array, ""], ...]]
    conclude: Callable[[Instance, PRNGKeyArray], Check]
    failure: float = 0.0
    baseline: Callable[[Instance], Float[Array, ""]] | None = None

    def __post_init__(self) -> None:
        """Refuse what can be seen to be wrong before anything is drawn."""
        if not self.latent:
            raise ValueError(f"{self.name}: latent has no entry, nothing can be drawn")
        if not 0 <= self.failure < 1:
            raise ValueError(
                f"{self.name}: failure must be in [0, 1), got {self.failure}"
            )
        zeros = {name: np.zeros(shape) for name, shape in self.latent.items()}
        found = jax.eval_shape(
            lambda z: self.margins(self.build(z, jnp.asarray(NONE))), zeros
        )
        if not isinstance(found, tuple | list):
            raise ValueError(
                f"{self.name}: margins must return a tuple, got {found}; a tuple of "
                "one margin is written (margin,)"
            )
        if not len(found) == len(self.hypotheses) > 0:
            raise ValueError(
                f"{self.name}: {len(self.hypotheses)} hypotheses are named and "
                f"{len(found)} have a margin: each needs one, and there must be one"
            )
        for name, margin in zip(self.hypotheses, found, strict=True):
            if margin.shape:
                raise ValueError(
                    f"{self.name}: the margin of '{name}' must be one number, got "
                    f"the shape {margin.shape}"
                )

    @property
    def relation(self) -> str:
        """`<=` or `==`, as `conclude` has it."""
        zeros = {name: np.zeros(shape) for name, shape in self.latent.items()}
        check = jax.eval_shape(
            lambda z: self.conclude(
                self.build(z, jnp.asarray(NONE)), jax.random.key(0)
            ),
            zeros,
        )
        return check.relation

    def place(self, dropped: str | None) -> int:
        """Place of a hypothesis; `NONE` for none.

        Raises:
            ValueError: There is no such hypothesis.
        """
        if dropped is None:
            return NONE
        if dropped not in self.hypotheses:
            raise ValueError(
                f"{self.name} has no hypothesis '{dropped}', it has "
                f"{list(self.hypotheses)}"
            )
        return self.hypotheses.index(dropped)

    @property
    def size(self) -> int:
        """How many numbers are behind an instance."""
        return sum(math.prod(shape) for shape in self.latent.values())

    def unpack(self, numbers: Float[Array, " n"]) -> dict[str, Array]:
        """The latent's arrays, from the first `size` of these numbers."""
        sizes = {name: math.prod(shape) for name, shape in sorted(self.latent.items())}
        ends = np.cumsum(list(sizes.values()))
        parts = jnp.split(numbers[: self.size], ends[:-1])
        return {
            name: part.reshape(self.latent[name])
            for name, part in zip(sizes, parts, strict=True)
        }

    def draw_latent(self, key: PRNGKeyArray) -> dict[str, Array]:
        """Standard normal numbers of the latent's shapes."""
        return self.unpack(jax.random.normal(key, (self.size,)))

    def renamed(self, name: str, **changes: Any) -> "Statement[Any]":
        """A copy with another name and other fields: a variant, or a mutant."""
        return dataclasses.replace(self, name=name, **changes)


class Outcome(NamedTuple):
    """One statement on one instance, or on many.

    `ratio` is how much of the right side is used, `lhs/rhs` of `≤` and
    `|lhs − rhs|/tolerance` of `=`: above 1 only where the statement is broken, but for
    rounding. `feasible` where all margins are `≥ 0`, but for the one that is dropped,
    which must not be; `known` says that neither a margin nor a side nor the tolerance
    is NaN; `useful` that `rhs` is below the baseline, always so without one.
    """

    ratio: Float[Array, "*n"]
    broken: Bool[Array, "*n"]
    feasible: Bool[Array, "*n"]
    known: Bool[Array, "*n"]
    useful: Bool[Array, "*n"]
    least_margin: Float[Array, "*n"]


def examine(
    statement: Statement[Any],
    dropped: Int[Array, ""] | int,
    latent: Mapping[str, Array],
    key: PRNGKeyArray,
) -> Outcome:
    """Put one instance to the statement; vmap it over many.

    Args:
        statement: What is claimed.
        dropped: Place of the hypothesis that is dropped, or `NONE`.
        latent: The numbers behind the instance.
        key: Of the draw.
    """
    dropped = jnp.asarray(dropped)
    instance = statement.build(latent, dropped)
    margins = jnp.stack(statement.margins(instance))
    asked = jnp.arange(len(margins)) != dropped
    check = statement.conclude(instance, key)
    if check.lhs.shape:
        raise StatementError(
            f"{statement.name}: each side must be one number, got the shape "
            f"{check.lhs.shape}"
        )
    baseline = jnp.inf if statement.baseline is None else statement.baseline(instance)
    sides = jnp.stack([check.lhs, check.rhs, check.tolerance])
    return Outcome(
        ratio=ratio(check),
        broken=~check.holds,
        feasible=jnp.all((margins >= 0) == asked),
        known=~(jnp.any(jnp.isnan(margins) & asked) | jnp.isnan(sides).any()),
        useful=check.rhs < baseline,
        least_margin=jnp.min(jnp.where(asked, margins, jnp.inf)),
    )


def ratio(check: Check) -> Float[Array, "*n"]:
    """Share of the right side that is used; infinite where a side is not a number."""
    if check.relation == "==":
        apart = jnp.abs(check.rhs - check.lhs)
        used = apart / check.tolerance
        exact = (apart == 0) & (check.tolerance == 0)
        unknown = jnp.where(exact, 0, jnp.inf)
    else:
        # Both sides of these statements are sizes; a negative one is a broken check.
        positive = check.rhs > 0
        used = check.lhs / jnp.where(positive, check.rhs, 1)
        used = jnp.where(positive, used, jnp.where(check.lhs <= check.rhs, 0, jnp.inf))
        unknown = jnp.inf
    return jnp.where(jnp.isnan(used), unknown, used)


class StatementError(CheckError):
    """A statement that cannot be put to the test as it is written."""


def refuse_unknown(
    statement: Statement[Any], dropped: int, latent: Mapping[str, Any]
) -> None:
    """Raise if an instance has a margin or a side that is NaN, and say which.

    Raises:
        StatementError: The message names the statement and the margin or the side.
    """
    point = {name: jnp.asarray(value) for name, value in latent.items()}
    instance = statement.build(point, jnp.asarray(dropped))
    named = zip(statement.hypotheses, statement.margins(instance), strict=True)
    for place, (name, margin) in enumerate(named):
        if place != dropped and bool(jnp.isnan(margin)):
            raise StatementError(
                f"{statement.name}: the margin of '{name}' is NaN on an instance; "
                "a hypothesis must be a number wherever it is asked about"
            )
    check = statement.conclude(instance, jax.random.key(0))
    for side in SIDES:
        if bool(jnp.isnan(getattr(check, side))):
            raise StatementError(f"{statement.name}: {side} is NaN on an instance")


def refuse_infeasible(
    statement: Statement[Any], dropped: int, latent: Mapping[str, Any], count: int
) -> NoReturn:
    """Raise, as none of `count` instances is feasible, with the margins of one.

    Raises:
        StatementError: Always.
    """
    point = {name: jnp.asarray(value) for name, value in latent.items()}
    margins = statement.margins(statement.build(point, jnp.asarray(dropped)))
    named = zip(statement.hypotheses, margins, strict=True)
    one = ", ".join(f"'{name}' has {float(margin):.3g}" for name, margin in named)
    if dropped == NONE:
        wanted = "meets its hypotheses"
    else:
        name = statement.hypotheses[dropped]
        wanted = f"violates '{name}' (a margin below 0) and meets the others"
    raise StatementError(
        f"{statement.name}: none of {count} instances {wanted}: `build` or `without` "
        f"misses them, or they contradict one another; on one of them {one}"
    )
