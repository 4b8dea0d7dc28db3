"""What a claim ends in: a verdict, and everything needed to question it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from paper_checks.judge.measurement import Measurement
from paper_checks.judge.verdict import Control, Verdict


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What a stress test made of a statement.

    Attributes:
        tightness: Largest share of the right side that was found in use; of an equality
            the largest difference as a share of what rounding explains.
        relation: `<=` or `==`.
        worst: File of the instance that uses it.
        needed: Hypotheses without which a counterexample was found.
        not_needed: Those without which none was.
        ratios: Of each needed hypothesis the share of the right side, as `tightness`
            has it, that its counterexample uses; empty if it was not recorded.
    """

    tightness: float
    relation: str = "<="
    worst: str
    needed: tuple[str, ...]
    not_needed: tuple[str, ...]
    ratios: tuple[float, ...] = ()

    @property
    def used(self) -> str:
        """The tightness, with what it is a share of unless that is the right side."""
        of = " of rounding" if self.relation == "==" else ""
        return f"{self.tightness:.3g}{of}"

    def __str__(self) -> str:
        lines = [f"tightness {self.used}"]
        lines += [f"needs: {'; '.join(self.needed)}"] if self.needed else []
        lines += [f"not: {'; '.join(self.not_needed)}"] if self.not_needed else []
        return "\n".join([*lines, f"worst: {self.worst}"])


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The verdict on one claim, as fields that a reader meets one by one.

    Attributes:
        claim: Its number, such as W-P3.
        title: What is claimed, in at most 70 characters.
        headline: What was found, in one sentence of at most 110 characters.
        statement: The claim in full.
        tex: The claim as TeX; may be empty.
        source: Where it is stated.
        verdict: How it fares.
        deciding: The measurement that decides, with the value at which it would flip;
            `None` if several do together.
        details: Further sentences, each with its measurement.
        caveats: What limits the verdict.
        repairs: Claims that this one repairs.
        explains: Claims that this one explains.
        uses: Claims that this one rests on.
        measurements: All that was measured.
        controls: What the check had to notice, and noticed.
        data: What it was measured on.
        seed: Of every draw.
        attack: Of a statement under attack; else `None`.
        seconds: How long it took to measure.
    """

    claim: str
    title: str
    headline: str
    statement: str
    tex: str = ""
    source: str
    verdict: Verdict
    deciding: Measurement | None = None
    details: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...]
    controls: tuple[Control, ...]
    data: str
    seed: int
    attack: Attack | None = None
    seconds: float = 0.0

    @property
    def sentences(self) -> tuple[str, ...]:
        """Everything that was found, in words: headline, details and caveats."""
        return (self.headline, *self.details, *self.caveats)

    def as_json(self) -> dict[str, Any]:
        """A dictionary of plain values."""
        plain = asdict(self)
        plain["verdict"] = str(self.verdict)
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Finding":
        """Return the finding that `as_json` made plain and a JSON file kept.

        Raises:
            ValueError: It is no finding: a field is missing, unknown or of another
                type.
        """
        try:
            deciding, attack = plain["deciding"], plain["attack"]
            read = {
                "verdict": Verdict(plain["verdict"]),
                "deciding": None if deciding is None else _measurement(deciding),
                "measurements": tuple(map(_measurement, plain["measurements"])),
                "controls": tuple(Control(**one) for one in plain["controls"]),
                "attack": None if attack is None else _attack(attack),
            }
            return cls(**{**_listed(plain), **read})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no finding: {error!r}") from error


def _measurement(plain: Mapping[str, Any]) -> Measurement:
    """JSON has null for NaN, and text for infinities."""
    numbers = ("value", "low", "high", "flips_at")
    return Measurement(
        **{**plain, **{name: _number(plain.get(name)) for name in numbers}}
    )


def _attack(plain: Mapping[str, Any]) -> Attack:
    ratios = tuple(map(_number, plain.get("ratios", ())))
    read = {"tightness": _number(plain["tightness"]), "ratios": ratios}
    return Attack(**{**_listed(plain), **read})


def _number(plain: float | str | None) -> float:
    return float("nan") if plain is None else float(plain)


def _listed(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The same with tuples for lists, as the fields have them."""
    return {n: tuple(one) if isinstance(one, list) else one for n, one in plain.items()}
