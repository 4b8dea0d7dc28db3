"""Check certificates with python-flint: `python -m theory.check_with_flint FILE...`.

A second opinion on the certificates that `theory.check` describes. It shares no code
with it and decides differently: a symmetric matrix `A` of `n` rows is positive
semidefinite iff all elementary symmetric functions of its eigenvalues are, that is, iff
the coefficients of `det(xI − A)` alternate in sign. Where the certificate has a factor
`R`, it is `A − RRᵀ` that is shown to be diagonally dominant. Fields and limits are left
to `theory.check`. Needs the extra `exact`.
"""

import argparse
import json
import sys
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

flint: Any = None


def _number(value: str) -> Any:
    """A number as a rational of flint."""
    if "0x" not in value:
        top, _, bottom = value.partition("/")
        return flint.fmpq(int(top), int(bottom or 1))
    mantissa, power = value.replace("0x", "").split("p")
    whole, _, part = mantissa.partition(".")
    shift = int(power) - 4 * len(part)
    size, two = flint.fmpz(int(whole + part, 16)), flint.fmpz(2)
    return flint.fmpq(size * two ** max(shift, 0), two ** max(-shift, 0))


def _matrix(rows: list[list[str]]) -> Any:
    return flint.fmpq_mat([[_number(v) for v in row] for row in rows])


def _triangle(rows: list[list[str]], *, sign: int = 1) -> Any:
    """A symmetric matrix, or a skew one (`sign = −1`) without its diagonal."""
    if sign < 0:
        rows = [[*row, "0"] for row in [[], *rows]]
    low = [[_number(v) for v in row] for row in rows]
    size = range(len(low))
    return flint.fmpq_mat(
        [[low[i][j] if j <= i else sign * low[j][i] for j in size] for i in size]
    )


def _part(a: Any, rows: range, columns: range) -> Any:
    if not (rows and columns):
        return flint.fmpq_mat(len(rows), len(columns))
    return flint.fmpq_mat([[a[i, j] for j in columns] for i in rows])


def _grid(blocks: list[list[Any]]) -> Any:
    """A matrix of matrices."""
    rows = []
    for line in blocks:
        parts = [block.tolist() for block in line]
        rows += [list(chain(*pieces)) for pieces in zip(*parts, strict=True)]
    return flint.fmpq_mat(rows)


def _integers(a: Any) -> Any:
    return a.numer_denom()[0]


def _semidefinite(a: Any, factor: list[list[str]] | None) -> bool:
    n = a.nrows()
    if factor is None:
        found = _integers(a).charpoly().coeffs()
        return all((-1) ** (n - i) * c >= 0 for i, c in enumerate(found))
    root = _matrix([row + ["0"] * (n - len(row)) for row in factor])
    rest, units = a - root * root.transpose(), [1] * n
    for i in range(n):
        bits = int(a[i, i].p.bit_length()) - int(a[i, i].q.bit_length())
        units[i] = flint.fmpq(2) ** (-(bits // 2)) if a[i, i] > 0 else flint.fmpq(1)
    for i in range(n):
        sizes = [abs(rest[i, j]) * units[j] for j in range(n)]
        if rest[i, i] < 0 or sum(sizes[:i] + sizes[i + 1 :], flint.fmpq(0)) > sizes[i]:
            return False
    return True


def _tasks(data: dict[str, Any]) -> list[Any]:
    """`[[H_i, h_i], [h_iᵀ, c_i]]`."""
    found = []
    for task, weight in zip(data["tasks"], data["weights"], strict=True):
        if _number(weight) < 0:
            raise ValueError("weights: one is negative")
        if "rows" in task:
            rows = _matrix(task["rows"])
            found.append(rows.transpose() * rows * _number(weight))
        else:
            found.append(_triangle(task["moments"]) * _number(weight))
    return found


def _skew(tasks: list[Any], data: dict[str, Any], least: Any) -> bool:
    k, d = len(tasks), tasks[0].nrows() - 1
    blocks, inner = iter(data["blocks"]), range(d)
    grid: list[list[Any]] = [[None] * (k + 1) for _ in range(k + 1)]
    corner = -least
    for i in range(k):
        grid[i][i] = _part(tasks[i], inner, inner)
        grid[i][k] = _part(tasks[i], inner, range(d, d + 1))
        grid[k][i] = grid[i][k].transpose()
        corner += tasks[i][d, d]
        for j in range(i + 1, k):
            grid[i][j] = _triangle(next(blocks), sign=-1)
            grid[j][i] = grid[i][j].transpose()
    grid[k][k] = flint.fmpq_mat([[corner]])
    return _semidefinite(_grid(grid), data.get("factor"))


def _metric(tasks: list[Any], data: dict[str, Any], rank: int, least: Any) -> bool:
    k, d = len(tasks), tasks[0].nrows() - 1
    cover, level = _triangle(data["cover"]), _number(data["level"])
    inner, outer = range(d), range(d, cover.nrows())
    metric, kept = _part(cover, inner, inner), _part(cover, inner, outer)
    factors = data.get("factors") or [None] * (k + 2)
    rest = metric * level
    bound = -level * rank - sum((cover[i, i] for i in outer), flint.fmpq(0))
    if outer:
        rest += kept * kept.transpose()
    proven = level >= 0
    for i, (task, moments) in enumerate(zip(tasks, data["moments"], strict=True)):
        share, moment = _number(data["shares"][i]), _matrix([[v] for v in moments])
        residual = _number(data["residuals"][i])
        bound += residual
        if share > 0:
            rest -= moment * moment.transpose() / share
        proven &= share > 0 or (share == 0 and not any(moment.entries()))
        corner = flint.fmpq_mat([[residual]])
        minorant = _grid([[metric * share, moment], [moment.transpose(), corner]])
        proven = proven and _semidefinite(task - minorant, factors[i])
    proven = proven and bound >= least and _semidefinite(rest, factors[k])
    return proven and _semidefinite(cover, factors[k + 1])


def _witness(tasks: list[Any], data: dict[str, Any]) -> bool:
    heads, shared = (
        _matrix(data["witness"]["heads"]),
        _matrix(data["witness"]["shared"]),
    )
    parameters = (heads * shared.transpose()).tolist()
    value = flint.fmpq(0)
    for task, theta in zip(tasks, parameters, strict=True):
        end = flint.fmpq_mat([[*theta, flint.fmpq(-1)]])
        value += (end * task * end.transpose())[0, 0]
    return value <= _number(data["claim"]["loss_at_most"])


def accepted(text: str) -> bool:
    """Whether a certificate, already read by `theory.check`, proves its claim.

    Raises:
        ImportError: python-flint is missing.
    """
    global flint
    flint = import_module("flint")
    data = json.loads(text)
    tasks, least = _tasks(data), _number(data["claim"]["loss_at_least"])
    if "loss_at_most" in data["claim"] and not _witness(tasks, data):
        return False
    if data["evidence"]["kind"] == "skew":
        return data["rank"] == 1 and _skew(tasks, data["evidence"], least)
    return _metric(tasks, data["evidence"], data["rank"], least)


def main(arguments: list[str] | None = None) -> int:
    """Check files: 0 if all are accepted, 1 if one is not."""
    parser = argparse.ArgumentParser(description="Check certificates with flint.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    status = 0
    for name in parser.parse_args(arguments).files:
        fine = accepted(Path(name).read_text(encoding="utf-8"))
        print(f"{'ACCEPTED' if fine else 'REJECTED'} {name}")
        status |= not fine
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
