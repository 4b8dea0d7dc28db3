"""W-X1: Algorithm 2 on ChestX-ray14, of which the images are not at hand."""

import numpy as np

from paper_checks.settings import Settings
from paper_checks.verdict import Finding, Verdict, extreme

SOURCE = "W-X1 (ChestX-ray14, CheXNet)"
TASKS, MEAN_GAIN, SUMMED_GAIN = 14, 0.4, 5.6
# Half of the last digit printed, of the mean and of the sum.
ROUNDING = 0.05


def arithmetic_agrees() -> bool:
    """Whether the printed sum is 14 times the printed mean, up to their rounding."""
    return abs(SUMMED_GAIN - TASKS * MEAN_GAIN) <= (TASKS + 1) * ROUNDING


def find(settings: Settings) -> Finding:
    """Check the printed numbers; the claim itself needs 112,120 images."""
    said = "agree" if arithmetic_agrees() else "do not agree"
    off = np.array(SUMMED_GAIN - TASKS * MEAN_GAIN)
    return Finding(
        claim="W-X1",
        statement="With DenseNet-121 on ChestX-ray14, Algorithm 2 raises the AUC by "
        "0.4 % on average over 14 tasks, 5.6 % in sum.",
        source=SOURCE,
        verdict=Verdict.NEEDS_DATA,
        reason=f"needs the 112,120 images of ChestX-ray14 "
        "(https://nihcc.app.box.com/v/ChestXray-NIHCC) and a GPU; the printed mean and "
        f"sum {said}: {TASKS} x {MEAN_GAIN} = {TASKS * MEAN_GAIN:.1f}",
        measurements=(extreme("printed sum less 14 printed means", off),),
        controls=(),
        data="printed numbers",
        seed=settings.seed,
    )
