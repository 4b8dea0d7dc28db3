"""The sets that come with scikit-learn, as multi-task problems; no network, no files.

The three sets are `load_digits`, `load_linnerud` and `load_diabetes`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

import numpy as np
import sklearn
from sklearn.datasets import load_diabetes, load_digits, load_linnerud
from sklearn.utils import Bunch

from paper_checks.data.benchmark import LinearBenchmark

_LICENCE = "BSD 3-Clause, as scikit-learn, which distributes it"


def digits() -> LinearBenchmark:
    """Ten one-against-rest tasks on the 1,797 images of 8 x 8 pixels.

    `y = ±1`. Some pixels are zero in every image, so `X` has rank below 64 and
    solutions are those of least norm.
    """
    data = cast("Bunch", load_digits())
    pixels = np.asarray(data.data, np.float64)
    classes = np.asarray(data.target)
    blank = int(np.sum(~pixels.any(axis=0)))
    return LinearBenchmark.on_common_covariates(
        pixels,
        np.where(classes[:, None] == np.arange(10), 1.0, -1.0),
        name="digits",
        task_names=[f"{digit} against the rest" for digit in range(10)],
        source="UCI optical recognition of handwritten digits (test part), "
        "https://archive.ics.uci.edu/dataset/80, as sklearn.datasets.load_digits",
        licence=_LICENCE,
        checksum=_bundled(),
        note=f"ten one-against-rest tasks, labels +1 and -1; {blank} of 64 pixels are "
        "zero in every image, so X is rank-deficient",
    )


def linnerud() -> LinearBenchmark:
    """Weight, waist and pulse of 20 men against three exercises."""
    data = cast("Bunch", load_linnerud())
    return LinearBenchmark.on_common_covariates(
        np.asarray(data.data, np.float64),
        np.asarray(data.target, np.float64),
        name="linnerud",
        task_names=[str(name) for name in data.target_names],
        source="Tenenhaus (1998), La régression PLS, as sklearn.datasets.load_linnerud",
        licence=_LICENCE,
        checksum=_bundled(),
        note="three targets on one X of 20 rows",
    )


def diabetes() -> LinearBenchmark:
    """Disease progression of 442 patients, one task a sex.

    The set has one target. Patients of each sex make a task with its own `X`; the
    sex column, constant within a task, is dropped. Values are the unscaled ones:
    scikit-learn's default scaling uses the moments of all rows.
    """
    data = cast("Bunch", load_diabetes(scaled=False))
    names = list(data.feature_names)
    sex = np.asarray(data.data)[:, names.index("sex")]
    kept = np.delete(np.asarray(data.data, np.float64), names.index("sex"), axis=1)
    target = np.asarray(data.target, np.float64)
    values = np.unique(sex)
    return LinearBenchmark(
        name="diabetes",
        task_names=tuple(f"sex {value:g}" for value in values),
        covariates=tuple(kept[sex == value] for value in values),
        labels=tuple(target[sex == value] for value in values),
        common_covariates=False,
        source="Efron, Hastie, Johnstone & Tibshirani (2004), Least angle regression, "
        "as sklearn.datasets.load_diabetes(scaled=False)",
        licence=_LICENCE,
        checksum=_bundled(),
        note="one target; one task a value of the column sex, which is dropped; "
        "the data does not say which sex its codes 1 and 2 are",
    )


BUNDLED: Mapping[str, Callable[[], LinearBenchmark]] = MappingProxyType(
    {"digits": digits, "linnerud": linnerud, "diabetes": diabetes}
)


def _bundled() -> str:
    return f"bundled with scikit-learn {sklearn.__version__}"
