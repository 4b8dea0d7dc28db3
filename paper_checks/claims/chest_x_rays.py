"""W-X1: Algorithm 2 on ChestX-ray14, of which the images are not at hand.

The protocol with DenseNet-121 runs on the thousand images that are, by
`python -m paper_checks.images`; what it gave is on record and quoted.
"""

from pathlib import Path

import numpy as np

from paper_checks.benchmarks.folds import standardised_whole
from paper_checks.benchmarks.label_noise import weighting_schemes
from paper_checks.benchmarks.label_pairs import READINGS, linear_auc
from paper_checks.data.chest_images import NAME, SPLIT, load_labelled
from paper_checks.data.manifest import read_manifest
from paper_checks.images.record import in_words, measurements
from paper_checks.judge import Evidence, Measurement, StudyClaim, extreme
from paper_checks.settings import Settings

TASKS, MEAN_GAIN, SUMMED_GAIN = 14, 0.4, 5.6
# Half of the last digit printed, of the mean and of the sum.
ROUNDING = 0.05
MISSING = (
    "the 112,120 images of ChestX-ray14 "
    "(https://nihcc.app.box.com/v/ChestXray-NIHCC) and a GPU"
)


def arithmetic_agrees() -> bool:
    """Whether the printed sum is 14 times the printed mean, up to their rounding."""
    return abs(SUMMED_GAIN - TASKS * MEAN_GAIN) <= (TASKS + 1) * ROUNDING


def gains(folder: Path) -> dict[str, float]:
    """Gain of the mean AUC on the thousand images at hand, by reading, in points.

    The linear shared module of half as many columns as tasks on 8 x 8 pixels: a run of
    the protocol, and no check of what DenseNet-121 does on 112,120 images. No patient
    is in two parts.
    """
    images = load_labelled(folder)
    train, test = (images.benchmark(part) for part in ("train", "test"))
    model = standardised_whole(train)
    width = max(1, train.count // 2)
    mean = {}
    for name, weights in weighting_schemes(model, width).items():
        found = linear_auc(model, test, range(train.count), width, weights)
        mean[name] = float(np.mean(found))
    return {name: 100 * (mean[name] - mean[other]) for name, other in READINGS.items()}


def on_a_thousand(settings: Settings) -> tuple[Measurement, ...]:
    """What the protocol gives on the images of a folder, if it has them."""
    if settings.data is None or (NAME, SPLIT) not in read_manifest(settings.data):
        return ()
    said = "1,000 images, no patient in two parts, linear, weights {}: points of AUC"
    found = gains(settings.data)
    return tuple(extreme(said.format(name), [gain]) for name, gain in found.items())


def judged(here: tuple[Measurement, ...]) -> Evidence:
    """Check the printed numbers; the claim itself needs 112,120 images."""
    agree = "agree" if arithmetic_agrees() else "do not agree"
    off = extreme(
        "printed sum less 14 printed means", [SUMMED_GAIN - TASKS * MEAN_GAIN]
    )
    recorded = measurements("clean")
    return Evidence(
        missing=MISSING,
        headline=in_words(recorded),
        measurements=(off, *here, *recorded),
        details=(
            f"The printed mean and sum {agree}: {TASKS} x {MEAN_GAIN} = "
            f"{TASKS * MEAN_GAIN:.1f}.",
        ),
        data="printed numbers",
    )


CLAIM = StudyClaim(
    id="W-X1",
    title="Algorithm 2 helps 14 chest X-ray tasks by 0.4 % on average",
    source="W-X1 (ChestX-ray14, CheXNet)",
    statement="With DenseNet-121 on ChestX-ray14, Algorithm 2 raises the AUC by 0.4 % "
    "on average over 14 tasks, 5.6 % in sum.",
    study=on_a_thousand,
    judged=judged,
)
