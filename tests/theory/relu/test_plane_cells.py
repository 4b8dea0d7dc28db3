"""Active sets, moments and enclosures against direct sums over rows."""

from fractions import Fraction

import numpy as np
import pytest

from tests.theory.relu.plane import KINDS, Instance, draw
from theory.relu import plane_sectors
from theory.relu.plane_arcs import Problem, labelled_arcs, problem_of
from theory.relu.plane_cells import Arcs, enclose
from theory.relu.plane_rows import gather, inner, turned
from theory.relu.plane_sectors import sectors_of


def problem(instance: Instance) -> Problem:
    rows = gather(instance.tasks())
    energy = np.array([y @ y for y in instance.ys])
    return problem_of(rows, sectors_of(rows), instance.weights, energy)


def hidden(drawn: Problem, task: int, part: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Hidden values at `b = (1 - at) u + at v` by their definition."""
    sectors, own = drawn.sectors, drawn.rows.own(task)
    u, v = sectors.u[part], sectors.kappa[part, None] * sectors.v[part]
    return np.maximum(drawn.rows.z[own] @ ((1 - at) * u.T + at * v.T), 0)


def random_arcs(drawn: Problem, width: float, rng: np.random.Generator) -> Arcs:
    """Both halves of all parts in which something varies."""
    sector = drawn.sectors.sector
    part = np.tile(np.flatnonzero(~drawn.constant[sector]), 2)
    low = rng.uniform(0.05, 0.45, len(part))
    from_v = np.arange(len(part)) >= len(part) // 2
    return Arcs(part, from_v, low, np.minimum(low + width, 0.5))


@pytest.mark.parametrize("kind", KINDS)
def test_sectors_have_the_rows_that_are_active_in_their_middle(kind):
    for seed in range(5):
        drawn = problem(draw(seed, kind))
        rows, sectors = drawn.rows, drawn.sectors
        assert np.all(sectors.omega[sectors.omega != 0] > 0)
        middle = sectors.u + sectors.kappa[:, None] * sectors.v
        for task in range(rows.tasks):
            own = rows.own(task)
            active = rows.active(sectors.sector, own)
            along = inner(rows.z[own, None], middle)
            np.testing.assert_array_equal(active, along > 0)
            a, c, d = sectors.hidden(rows, own, np.arange(len(middle)))
            assert min(a.min(initial=0), c.min(initial=0)) >= 0
            # Slopes and the difference of the ends, both good to some ε of the ends.
            assert np.all(np.abs(c - a - d) <= 1e-14 * (a + c))


@pytest.mark.parametrize("kind", KINDS)
def test_moments_from_lines_are_those_from_rows(kind, monkeypatch):
    for seed in range(5):
        drawn = problem(draw(seed, kind))
        with monkeypatch.context() as patched:
            patched.setattr(plane_sectors, "FEW", 0)
            other = problem(draw(seed, kind))
            missed = other.rounding
        arcs = random_arcs(drawn, 0.1, np.random.default_rng(seed))
        at = arcs.centre
        for one, two in (
            (drawn.explained(arcs, at), other.explained(arcs, at)),
            # Slopes along the arc: moments miss no more than values do.
            (drawn.terms(arcs).slopes(0 * at), other.terms(arcs).slopes(0 * at)),
        ):
            steep = np.maximum(1, np.sqrt(drawn.terms(arcs).span.max(axis=0)))
            assert np.all(np.abs(one - two) <= 32 * missed * steep)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [0.3, 1e-3])
def test_enclosures_hold_the_derivatives_at_every_point(kind, width):
    rng = np.random.default_rng(0)
    for seed in range(5):
        drawn = problem(draw(seed, kind))
        arcs = random_arcs(drawn, width, rng)
        terms = drawn.terms(arcs)
        bound = enclose(terms, arcs.reach)
        weight = terms.weight
        for share in np.linspace(-1, 1, 9):
            tau = share * arcs.reach
            n, d = terms.p + terms.q * tau, 1 + 2 * terms.c * tau + terms.e * tau**2
            assert np.all(d >= terms.least * (1 - 1e-12))
            turn = 2 * (terms.c + terms.e * tau)
            # Quotient rule, term by term, in another form than the code's cubic.
            first = 2 * n * terms.q / d - n**2 * turn / d**2
            second = 2 * terms.q**2 / d - 4 * n * terms.q * turn / d**2
            second += n**2 * (2 * turn**2 / d**3 - 2 * terms.e / d**2)
            slope, bend = (np.sum(weight * g, axis=0) for g in (first, second))
            # Rounding of this other form, in terms of the size of its parts; where D
            # is small beside its terms it has lost that many digits.
            span = np.sqrt(terms.span)
            lost = (1 + 2 * span * np.abs(tau) + terms.span * tau**2) / d
            part = terms.energy * terms.span * (1 + span * np.abs(tau)) ** 4 / d**3
            slack = 1e-13 * np.sum(weight * part * lost, axis=0)
            assert np.all(bend >= bound.low - slack)
            assert np.all(bend <= bound.high + slack)
            rounding = 1e-13 * np.sum(
                weight
                * terms.energy
                * span
                * (1 + span * np.abs(tau)) ** 3
                / d**2
                * lost,
                axis=0,
            )
            assert np.all(np.abs(slope - bound.slope) <= bound.radius + rounding)
            assert np.all(np.abs(terms.slopes(tau) - slope) <= rounding)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_exceeds_the_bound_of_its_arc(kind):
    rng = np.random.default_rng(1)
    for seed in range(5):
        drawn = problem(draw(seed, kind))
        found = labelled_arcs(drawn)
        arcs = found.arcs
        for _ in range(5):
            at = arcs.low + rng.uniform(size=len(arcs.low)) * (arcs.high - arcs.low)
            room = 8 * drawn.rounding
            assert np.all(drawn.explained(arcs, at) <= found.highest + room)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_explained_is_the_ratio_of_sums_over_rows(kind):
    for seed in range(5):
        instance = draw(seed, kind)
        drawn = problem(instance)
        part = np.arange(len(drawn.sectors.sector))
        at = np.full(len(part), 0.5)
        found = drawn.explained(Arcs(part, part < 0, at, at), at)
        wanted = np.zeros(len(part))
        for task in range(drawn.rows.tasks):
            h, y = hidden(drawn, task, part, at), drawn.rows.y[drawn.rows.own(task)]
            square = np.sum(h**2, axis=0)
            share = (y @ h) ** 2 / np.where(square > 0, square, 1)
            wanted += instance.weights[task] * share
        # Sectors of 1e-7: hidden values of 1e-7 with errors of 1e-9 of them.
        np.testing.assert_allclose(found, wanted, atol=1e-7 * instance.scale)


def test_inner_products_have_the_right_sign_and_digits():
    rng = np.random.default_rng(2)
    for _ in range(500):
        x = rng.normal(size=2)
        other = x * (1 + rng.integers(-3, 4, size=2) * 2.0**-52)
        found = float(inner(x[None], turned(other)[None])[0])
        a, b, c, d = (Fraction(float(v)) for v in (*x, *other))
        wanted = b * c - a * d
        assert abs(Fraction(found) - wanted) <= abs(wanted) / 2**51
