"""Theorem 2 on one instance, the plain way: NumPy, and an eigendecomposition."""

from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.optimize
from jaxtyping import Float

Matrix = Float[np.ndarray, "d d"]
Vector = Float[np.ndarray, " d"]
# Ratios |x| of the heads that are tried first.
GRID = np.logspace(-6, 6, 400)


class PlainDesign(NamedTuple):
    """As `paper_checks.claims.theorem_2.pair.Design`, drawn by the same laws."""

    parameter: Float[np.ndarray, "2 d"]
    root: Matrix
    target: Vector
    noise_source: float
    noise_target: Vector
    unseen: float
    samples: float
    c: float
    condition: float


def plain_design(rng: np.random.Generator, d: int) -> PlainDesign:
    """One random instance that meets Theorem 2's hypotheses."""
    free = rng.standard_normal(7)
    share = _sigmoid(free)
    c = 0.05 * (1 / 3 / 0.05) ** share[0]
    source = np.sqrt(5.0) ** _sigmoid(rng.standard_normal(d))
    target = 3.0 ** _sigmoid(rng.standard_normal(d))
    rotation = np.linalg.qr(rng.standard_normal((d, d)) + 3 * np.eye(d))[0]
    first, other = rng.standard_normal((2, d))
    first = first / np.linalg.norm((first @ rotation) * source)
    unit = first / np.linalg.norm(first)
    across = other - (other @ unit) * unit
    condition = target.max() / target.min()
    sine = share[1] * c / condition
    second = np.sqrt(1 - sine**2) * unit + sine * across / np.linalg.norm(across)
    size = 2 * np.sqrt(d) * (1 + np.log1p(np.exp(free[2])))
    second = second * size / np.linalg.norm(target * second)
    level = 0.5 * np.exp(free[3]) * size / np.sqrt(2 * d)
    noise, unseen = (
        level * rng.standard_normal(d),
        level * np.sqrt(d) * abs(free[5]),
    )
    energy = np.sum((target * second + noise) ** 2) + unseen**2
    enough = (source.max() / source.min()) ** 4 * condition**4 * energy / c**4
    return PlainDesign(
        parameter=np.stack([first, second]),
        root=rotation * source,
        target=target,
        noise_source=share[4],
        noise_target=noise,
        unseen=unseen,
        samples=np.ceil(np.exp(3 * share[6]) * enough),
        c=c,
        condition=condition,
    )


def _sigmoid(free: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    return 1 / (1 + np.exp(-free))


def exact_draw(rng: np.random.Generator, given: PlainDesign) -> tuple[Matrix, Vector]:
    """`(G_1, g_1)` without rows (Bartlett)."""
    d = len(given.target)
    factor = np.tril(rng.standard_normal((d, d)), -1)
    factor[np.diag_indices(d)] = np.sqrt(rng.chisquare(given.samples - np.arange(d)))
    half = given.root @ factor
    seen = given.parameter[0] @ half + given.noise_source * rng.standard_normal(d)
    return half @ half.T, half @ seen


def draw_of_rows(
    rng: np.random.Generator, given: PlainDesign, rows: int
) -> tuple[Matrix, Vector]:
    """`(G_1, g_1)` from rows."""
    x = rng.standard_normal((rows, len(given.target))) @ given.root.T
    y = x @ given.parameter[0] + given.noise_source * rng.standard_normal(rows)
    return x.T @ x, x.T @ y


def left_side(given: PlainDesign, gram: Matrix, moment: Vector) -> float:
    """`‖B*A_2* − θ_2‖/‖θ_2‖`: a grid of the heads' ratio, and a polish."""
    own = np.diag(given.target**2)
    label = given.target * (given.target * given.parameter[1] + given.noise_target)
    second, basis = scipy.linalg.eigh(own, gram + own)
    first, p, q = 1 - second, moment @ basis, label @ basis

    def explained(x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        x = np.asarray(x)[..., None]
        return np.sum((p + x * q) ** 2 / (first + x**2 * second), axis=-1)

    sign = max((1.0, -1.0), key=lambda s: explained(s * GRID).max())
    at = int(np.argmax(explained(sign * GRID)))
    ends = GRID[max(at - 1, 0)], GRID[min(at + 1, len(GRID) - 1)]
    log = scipy.optimize.fminbound(
        lambda t: -float(explained(sign * np.exp(t))), *np.log(ends), xtol=1e-9
    )
    x = sign * np.exp(log)
    module = basis @ ((p + x * q) / (first + x**2 * second))
    head = label @ module / (module @ own @ module)
    theta = given.parameter[1]
    return float(np.linalg.norm(head * module - theta) / np.linalg.norm(theta))


def plain_ratio(rng: np.random.Generator, d: int, rows: int | None = None) -> float:
    """Left over right side of Theorem 2 on one random instance."""
    given = plain_design(rng, d)
    drawn = exact_draw(rng, given) if rows is None else draw_of_rows(rng, given, rows)
    signal = np.linalg.norm(given.target * given.parameter[1])
    noise = np.hypot(np.linalg.norm(given.noise_target), given.unseen)
    right = 6 * given.c + noise / signal / (1 - 3 * given.c)
    return left_side(given, *drawn) / right
