"""Whether a matrix is the covariance, or the Gram matrix, of anything."""

import numpy as np
from jaxtyping import Float


def check_semidefinite(
    matrices: Float[np.ndarray, "*n d d"], label: str, slack: float
) -> None:
    """Refuse what is not symmetric and positive semidefinite, in any units.

    Inputs are first scaled to unit variance. The matrix may then miss symmetry by
    `slack`, and have eigenvalues down to `−slack` of the largest, or of 1.

    Args:
        matrices: One or many.
        label: What a message calls them.
        slack: What rounding explains.

    Raises:
        ValueError: A variance below zero, no symmetry, or a negative eigenvalue.
    """
    diagonal = np.diagonal(matrices, axis1=-2, axis2=-1)
    if np.any(diagonal < 0):
        raise ValueError(f"{label} has a variance {diagonal.min()} below zero")
    # An input without variance has no covariance with others, in no unit at all.
    least = np.where(diagonal > 0, diagonal, np.inf).min(axis=-1, keepdims=True)
    largest = np.abs(matrices).max(axis=(-2, -1), initial=0)[..., None]
    unit = np.where(np.isfinite(least), least, np.where(largest > 0, largest, 1))
    scale = np.sqrt(np.where(diagonal > 0, diagonal, unit))
    with np.errstate(over="ignore"):
        correlation = matrices / scale[..., :, None] / scale[..., None, :]
    if not np.isfinite(correlation).all():
        raise ValueError(f"{label} has covariances far above its variances")
    transposed = np.swapaxes(correlation, -1, -2)
    skew = np.abs(correlation - transposed).max(initial=0)
    if skew > slack:
        raise ValueError(f"{label} is not symmetric: entries differ by {skew:.1e}")
    symmetric = (correlation + transposed) / 2
    if _surely_definite(symmetric, slack):
        return
    value = np.linalg.eigvalsh(symmetric)
    if np.any(value[..., 0] < -slack * np.maximum(value[..., -1], 1)):
        raise ValueError(
            f"{label} has a negative eigenvalue ({value.min():.1e} after scaling to "
            "unit variances): no random vector has it"
        )


def _surely_definite(symmetric: Float[np.ndarray, "*n d d"], slack: float) -> bool:
    """Whether `C + slack I` has a Cholesky factor, in a tenth of the eigenvalues' time.

    Its own rounding, some `dε`, is within the slack.
    """
    try:
        np.linalg.cholesky(symmetric + slack * np.eye(symmetric.shape[-1]))
    except np.linalg.LinAlgError:
        return False
    return True
