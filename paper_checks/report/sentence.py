"""Sentences that take their numbers from findings, by the names of measurements.

A sentence is written for certain verdicts. If a claim has another one, or a measurement
is not there, the claim's own title, verdict and headline take its place, so that no
sentence says what was not measured.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement
from paper_checks.judge.verdict import Verdict

# How counts of verdicts are said.
COUNTED = {
    Verdict.HOLDS: "hold",
    Verdict.FAILS: "fail",
    Verdict.VACUOUS: "vacuous",
    Verdict.UNDECIDED: "undecided",
    Verdict.NEEDS_DATA: "need data",
}


@dataclass(frozen=True)
class Sentence:
    """A sentence about claims that have certain verdicts.

    Attributes:
        text: A format string. `{a[QUANTITY]}` is a measurement of the first claim, `b`
            stands for the second; `{a.deciding}` is the one that decides, and `:%`
            after either shows value and interval in per cent.
        about: The claims, and the verdicts that the sentence is written for.
    """

    text: str
    about: Mapping[str, Verdict]

    def told(self, known: Mapping[str, Finding]) -> list[str]:
        """Return the sentence, or one on each of its claims if it does not apply."""
        found = [known[name] for name in self.about if name in known]
        if [one.verdict for one in found] == list(self.about.values()):
            named = {name: Told(one) for name, one in zip("abc", found, strict=False)}
            try:
                return [self.text.format_map(named)]
            except (KeyError, AttributeError):
                pass
        return [f"{one.title}: {one.verdict}. {one.headline}." for one in found]


@dataclass(frozen=True)
class Theme:
    """A question: what the paper says on it, and sentences on what was found.

    The first `brief` sentences are enough where there is little room.
    """

    title: str
    says: str
    sentences: tuple[Sentence, ...]
    brief: int = 1


class Told:
    """A finding as format strings name its parts."""

    def __init__(self, found: Finding) -> None:
        self._found = found

    def __getitem__(self, quantity: str) -> "Shown":
        for one in self._found.measurements:
            if one.quantity == quantity:
                return Shown(one)
        raise KeyError(quantity)

    @property
    def deciding(self) -> "Shown":
        """The measurement that decides."""
        if self._found.deciding is None:
            raise KeyError("deciding")
        return Shown(self._found.deciding)


class Shown:
    """A measurement, which can also be shown in per cent."""

    def __init__(self, measured: Measurement) -> None:
        self._measured = measured

    def __getattr__(self, name: str) -> Any:
        return getattr(self._measured, name)

    def __format__(self, spec: str) -> str:
        one = self._measured
        if spec != "%":
            return format(one, spec).replace("-", "−")
        bounds = f" [{100 * one.low:.2g}, {100 * one.high:.2g}]"
        percent = f"{100 * one.value:.2g}%" + bounds * (one.low == one.low)
        return percent.replace("-", "−")


def counted(findings: Iterable[Finding]) -> str:
    """Return counts of verdicts: `42 claims: 21 hold, 7 fail`."""
    every = list(findings)
    counts = Counter(one.verdict for one in every)
    said = ", ".join(f"{n} {COUNTED[v]}" for v in Verdict if (n := counts[v]))
    return f"{len(every)} claim{'s' * (len(every) != 1)}: {said}"


def shown(themes: Sequence[Theme], known: Mapping[str, Finding]) -> list[Theme]:
    """Return the themes of which at least one claim is known."""
    return [
        theme
        for theme in themes
        if any(name in known for one in theme.sentences for name in one.about)
    ]
