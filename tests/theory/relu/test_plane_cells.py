"""Active sets, moments and enclosures against direct sums over rows."""

import numpy as np
import pytest

from tests.theory.relu.plane import KINDS, draw
from theory.relu.plane_cells import Arcs, enclose, terms_of
from theory.relu.plane_sectors import gather, sectors_of


@pytest.mark.parametrize("kind", KINDS)
def test_sectors_have_the_rows_that_are_active_in_their_middle(kind):
    for seed in range(5):
        rows, angles = gather(draw(seed, kind).tasks())
        sectors = sectors_of(rows, angles)
        end = np.append(sectors.edges[1:], sectors.edges[0] + 2 * np.pi)
        assert np.all(end > sectors.edges)
        middle = (sectors.edges + end) / 2
        along = rows.z @ np.stack([np.cos(middle), np.sin(middle)])
        active = rows.active(np.arange(len(middle)), sectors.lines)
        # In a sector of 1e-7 rows on its ends are 1e-7/2 from being orthogonal.
        np.testing.assert_array_equal(active, along > 0)
        for task in range(rows.tasks):
            own = slice(rows.start[task], rows.start[task + 1])
            weighted = np.where(active[own], rows.y[own, None], 0)
            np.testing.assert_allclose(
                sectors.moments[task, 3:], rows.z[own].T @ weighted, atol=1e-12
            )
            square = [rows.z[own, 0] ** 2, np.prod(rows.z[own], 1), rows.z[own, 1] ** 2]
            wanted = np.stack(square) @ active[own]
            np.testing.assert_allclose(sectors.moments[task, :3], wanted, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [0.3, 1e-3])
def test_enclosures_hold_the_derivatives_at_every_point(kind, width):
    rng = np.random.default_rng(0)
    for seed in range(5):
        instance = draw(seed, kind)
        rows, angles = gather(instance.tasks())
        sectors = sectors_of(rows, angles)
        end = np.append(sectors.edges[1:], sectors.edges[0] + 2 * np.pi)
        low = sectors.edges + rng.uniform(size=len(end)) * (end - sectors.edges)
        high = np.minimum(low + width, end)
        arcs = Arcs(np.arange(len(low)), low, high)
        terms = terms_of(rows, sectors, arcs)
        bound = enclose(terms, arcs.reach, instance.weights)
        a, c, e, p, q = terms
        for share in np.linspace(-1, 1, 9):
            tau = share * arcs.reach
            n, d = p + q * tau, a + 2 * c * tau + e * tau**2
            turn = 2 * (c + e * tau)
            # Quotient rule, term by term, in another form than the code's cubic.
            first = 2 * n * q / d - n**2 * turn / d**2
            second = 2 * q**2 / d - 4 * n * q * turn / d**2
            second += n**2 * (2 * turn**2 / d**3 - 2 * e / d**2)
            slope, bend = instance.weights @ first, instance.weights @ second
            # Rounding of this other form, in terms of the size of its parts; where D
            # is small beside its terms it has lost that many digits.
            lost = (a + 2 * np.abs(c * tau) + e * tau**2) / d
            part = q**2 / d + n**2 * turn**2 / d**3 + n**2 / d**2
            slack = 1e-12 * instance.weights @ (part * lost)
            assert np.all(bend >= bound.low - slack)
            assert np.all(bend <= bound.high + slack)
            part = np.abs(n * q) / d + n**2 * np.abs(turn) / d**2
            rounding = 1e-12 * instance.weights @ (part * lost)
            assert np.all(np.abs(slope - bound.slope) <= bound.radius + rounding)
            found = terms.slopes(tau, instance.weights)
            assert np.all(np.abs(found - slope) <= rounding)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_explained_is_the_ratio_of_the_moments(kind):
    for seed in range(5):
        instance = draw(seed, kind)
        rows, angles = gather(instance.tasks())
        sectors = sectors_of(rows, angles)
        end = np.append(sectors.edges[1:], sectors.edges[0] + 2 * np.pi)
        arcs = Arcs(np.arange(len(end)), sectors.edges, end)
        middle = arcs.centre
        terms = terms_of(rows, sectors, arcs)
        found = sectors.constant + terms.p**2 / terms.a
        along = rows.z @ np.stack([np.cos(middle), np.sin(middle)])
        hidden = np.maximum(along, 0)
        for task in range(rows.tasks):
            own = slice(rows.start[task], rows.start[task + 1])
            h, y = hidden[own], rows.y[own]
            square = np.sum(h**2, axis=0)
            wanted = (y @ h) ** 2 / np.where(square > 0, square, 1)
            # Sectors of 1e-7: hidden values of 1e-7 with errors of 1e-9 of them.
            np.testing.assert_allclose(found[task], wanted, atol=1e-7 * float(y @ y))
