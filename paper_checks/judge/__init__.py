"""What every claim is made of: statement, attack, controls, verdict."""

from paper_checks.judge.check import Check
from paper_checks.judge.claim import Claim, Formula, Sides
from paper_checks.judge.measurement import (
    CheckError,
    Family,
    Measurement,
    decided,
    extreme,
    failure_rate,
    mean_with_interval,
    plain,
    runs_to_decide,
    share,
    share_broken,
)
from paper_checks.judge.routes import Draws, Route
from paper_checks.judge.stated import Evidence, Stated, decides, led, merged
from paper_checks.judge.stress import Effort
from paper_checks.judge.study_claim import StudyClaim, family, listed, means
from paper_checks.judge.verdict import Control, Verdict
from paper_checks.settings import Settings

__all__ = [
    "Check",
    "CheckError",
    "Claim",
    "Control",
    "Draws",
    "Effort",
    "Evidence",
    "Family",
    "Formula",
    "Measurement",
    "Route",
    "Settings",
    "Sides",
    "Stated",
    "StudyClaim",
    "Verdict",
    "decided",
    "decides",
    "extreme",
    "failure_rate",
    "family",
    "led",
    "listed",
    "mean_with_interval",
    "means",
    "merged",
    "plain",
    "runs_to_decide",
    "share",
    "share_broken",
]
