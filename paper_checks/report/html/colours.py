"""Colours of the report, each readable on white (WCAG 2.1, level AA)."""

from paper_checks.judge.verdict import Verdict

# Behind white text, and as text on white or on `surface`.
VERDICTS = {
    Verdict.HOLDS: "#1a7f37",
    Verdict.FAILS: "#b42318",
    Verdict.VACUOUS: "#8a5a00",
    Verdict.UNDECIDED: "#6f3fc0",
    Verdict.NEEDS_DATA: "#0b6285",
}
NAMED = {
    "text": "#1b1f24",
    "muted": "#56606b",
    "link": "#0a58a8",
    "line": "#d3d9e0",
    "edge": "#7a8590",
    "surface": "#f5f7f9",
    "white": "#ffffff",
    "ours": "#0072b2",
    "flips": "#b84a00",
}
GROUNDS = (NAMED["white"], NAMED["surface"])
# Pairs of text and what is behind it.
TEXT = [
    *((NAMED[one], on) for one in ("text", "muted", "link", "flips") for on in GROUNDS),
    *((colour, on) for colour in VERDICTS.values() for on in GROUNDS),
    *((NAMED["white"], colour) for colour in VERDICTS.values()),
]
# Lines and marks that carry meaning, and what is behind them.
MARKS = [(NAMED[one], on) for one in ("ours", "flips", "edge") for on in GROUNDS]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours such as `#1b1f24`, from 1 to 21.

    `(L₁ + 0.05)/(L₂ + 0.05)` of relative luminances `L₁ ≥ L₂`. Source: WCAG 2.1,
    "contrast ratio".
    """
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
