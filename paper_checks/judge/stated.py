"""What every claim has: its words, its links, and the way to a finding."""

import dataclasses
import re
import string
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paper_checks.judge.finding import Attack, Finding
from paper_checks.judge.measurement import CheckError, Measurement
from paper_checks.judge.verdict import Control, Verdict, judge
from paper_checks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was measured for or against a claim.

    Attributes:
        holds: For, against, or `None` where both are possible.
        useful: Whether a claim that holds says anything; else it is vacuous.
        named: What sentences may name: measurements, families, plain values.
        measurements: All that was measured, in the order shown.
        controls: What the check had to notice.
        data: What it was measured on.
        attack: Of a statement under attack.
        missing: What is lacking; if not empty, the verdict is `needs data`, and a
            caveat says what it needs.
        deciding: What decides, for a claim that does not name it.
        seed: Of the data, where it is not that of the run.
        headline: What was found, for a claim that has no headline of its own.
        details: Sentences beside those of the claim.
        caveats: Further limits of the verdict.
    """

    holds: bool | None = True
    useful: bool = True
    named: Mapping[str, Any] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    controls: tuple[Control, ...] = ()
    data: str = "simulated"
    attack: Attack | None = None
    missing: str = ""
    deciding: Measurement | None = None
    seed: int | None = None
    headline: str = ""
    details: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Stated:
    """A claim in words, and what links it to others; `gather` measures it.

    Sentences are format strings over what `gather` names: `{gain}` is a measurement
    with its interval, `{gain:.2f}` its value, `{broken.rest} of {broken.n}` counts of a
    share. So a sentence cannot drift from its number.

    Attributes:
        id: Its number, such as W-P3.
        title: What is claimed, in at most 70 characters, plain words.
        source: Where it is stated, "W, Proposition 3".
        statement: The claim in full, plain text.
        tex: The same as TeX.
        headline: What was found, one sentence, at most 110 characters; or one for each
            verdict that it may have.
        details: Further sentences.
        caveats: What limits the verdict.
        deciding: Name of the measurement that decides.
        repairs: Numbers of the claims that this one repairs.
        explains: Of those that it explains.
        uses: Of those that it rests on.
    """

    id: str
    title: str
    source: str
    statement: str
    headline: str | Mapping[Verdict, str] = ""
    tex: str = ""
    details: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    deciding: str = ""
    repairs: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a number that is no name of a file, and words that are missing."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.id):
            raise ValueError(
                f"id: '{self.id}' must be letters, digits, dots, dashes and underscores"
            )
        for name in ("title", "source", "statement"):
            if not getattr(self, name).strip():
                raise ValueError(f"{self.id}: {name} is empty")
        if len(self.title) > 70:
            raise ValueError(
                f"{self.id}: title must have at most 70 characters, got "
                f"{len(self.title)}: '{self.title}'"
            )

    @abstractmethod
    def gather(self, settings: Settings) -> Evidence:
        """Measure what speaks for and against the claim."""

    def find(self, settings: Settings) -> Finding:
        """Measure the claim and judge it.

        Raises:
            CheckError: There is no control, or one was not noticed, or a sentence or
                `deciding` names what was not measured.
        """
        found = self.gather(settings)
        if not isinstance(found, Evidence):
            raise CheckError(f"it must give Evidence, got {found!r}")
        named = {**found.named, "missing": found.missing}
        verdict = self._judged(found)
        headline = self._headline(verdict) or found.headline
        if not headline:
            raise CheckError(f"{self.id} has no headline for '{verdict}'")
        if self.deciding and self.deciding not in named and not found.missing:
            raise CheckError(
                f"{self.id}: deciding '{self.deciding}' was not measured; named are "
                + ", ".join(named)
            )
        return Finding(
            claim=self.id,
            title=self.title,
            headline=self._said(headline, named),
            statement=self.statement,
            tex=self.tex,
            source=self.source,
            verdict=verdict,
            deciding=named.get(self.deciding) or found.deciding,
            details=(
                *(self._said(text, named) for text in self._told(found, self.details)),
                *found.details,
            ),
            caveats=(
                *(self._said(text, named) for text in self._told(found, self.caveats)),
                *found.caveats,
                *((f"A verdict needs {found.missing}.",) if found.missing else ()),
            ),
            repairs=self.repairs,
            explains=self.explains,
            uses=self.uses,
            measurements=found.measurements,
            controls=found.controls,
            data=found.data,
            seed=settings.seed if found.seed is None else found.seed,
            attack=found.attack,
        )

    def _judged(self, found: Evidence) -> Verdict:
        if found.missing:
            return Verdict.NEEDS_DATA
        verdict = judge(found.holds, found.controls)
        vacuous = verdict is Verdict.HOLDS and not found.useful
        return Verdict.VACUOUS if vacuous else verdict

    def _told(self, found: Evidence, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Sentences of the claim; none where data is missing, and nothing measured."""
        return () if found.missing else texts

    def _headline(self, verdict: Verdict) -> str:
        if isinstance(self.headline, str):
            return self.headline
        if verdict not in self.headline:
            raise CheckError(
                f"{self.id} has no headline for '{verdict}', it has one for "
                + ", ".join(f"'{name}'" for name in self.headline)
            )
        return self.headline[verdict]

    def _said(self, text: str, named: Mapping[str, Any]) -> str:
        try:
            return string.Formatter().vformat(text, (), named)
        except (KeyError, AttributeError, IndexError) as error:
            raise CheckError(
                f"{self.id}: the sentence '{text}' names what was not measured "
                f"({error}); named are {', '.join(named) or 'nothing'}"
            ) from error
        except (ValueError, TypeError) as error:
            raise CheckError(
                f"{self.id}: the sentence '{text}' cannot be formatted ({error})"
            ) from error


def merged(parts: Sequence[Evidence], *, alike: bool = False) -> Evidence:
    """Evidence of several parts: against if one is, open if one is and none against.

    Args:
        parts: What was measured.
        alike: The parts measured one thing of several encoders under the same names,
            of which the last counts; there may be none.

    Raises:
        CheckError: There is no part, or two parts give one name to different things.
    """
    if not parts and not alike:
        raise CheckError("nothing is measured: it has no formula, draws, real or extra")
    named: dict[str, Any] = {}
    for name, one in (pair for part in parts for pair in part.named.items()):
        if named.setdefault(name, one) is not one and not alike:
            raise CheckError(f"two things that were measured are named '{name}'")
        named[name] = one
    verdicts = [part.holds for part in parts]
    holds = False if False in verdicts else None if None in verdicts else True
    # Only a part that agrees with the verdict has what decides it.
    agreeing = [part for part in parts if part.holds is holds]
    return Evidence(
        holds=holds,
        useful=all(part.useful for part in parts),
        named={name: one for part in parts for name, one in part.named.items()},
        measurements=tuple(one for part in parts for one in part.measurements),
        controls=tuple(one for part in parts for one in part.controls),
        data="; ".join(dict.fromkeys(part.data for part in parts if part.data)),
        attack=next((part.attack for part in parts if part.attack), None),
        missing="; ".join(part.missing for part in parts if part.missing),
        deciding=next((part.deciding for part in agreeing if part.deciding), None),
        headline="; ".join(part.headline for part in parts if part.headline),
        details=tuple(text for part in parts for text in part.details),
        caveats=tuple(text for part in parts for text in part.caveats),
    )


def led(by: Evidence, parts: Sequence[Evidence]) -> Evidence:
    """Evidence of a part that decides alone, with what all parts measured and say."""
    every = merged(parts, alike=True)
    return dataclasses.replace(
        by, measurements=every.measurements, details=every.details
    )


def decides(found: Measurement, flips_at: float = 0.0) -> Measurement:
    """The measurement, with the value at which the verdict would change."""
    return dataclasses.replace(found, flips_at=flips_at)
