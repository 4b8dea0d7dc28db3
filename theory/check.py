"""Check certificates of loss bounds exactly: `python check.py FILE...`.

A certificate claims for `k` linear tasks that share a module of `r` columns

    f(Θ) = Σ_i α_i (e_i − 2 g_iᵀθ_i + θ_iᵀG_iθ_i) ≥ L  for Θ = (θ_1..θ_k) of rank ≤ r,

and may add a module and heads that reach a loss `U`. This file needs the standard
library alone, computes with integers and fractions, and shares no code with any solver.
Write `H_i = α_iG_i`, `h_i = α_ig_i`, `c_i = α_ie_i`. There are three proofs.

`skew`, r = 1. For skew `S_ij` and `θ_i = a_ib`, `θ_iᵀS_ijθ_j = a_ia_j bᵀS_ijb = 0`, so
`f ≥ L` if `[[N, h], [hᵀ, Σc_i − L]] ⪰ 0`, where `N` has the diagonal blocks `H_i` and
the blocks `S_ij` above them.

`metric`, any r. If `[[H_i − w_iK, h_i − m_i], [·, c_i − s_i]] ⪰ 0`, task `i` loses at
least `s_i − 2m_iᵀθ_i + w_iθ_iᵀKθ_i`. Here `w_i > 0`, or `w_i = 0` and `m_i = 0`. With
`M = Σ_i m_im_iᵀ/w_i` let `λ ≥ 0`, `V` and `T` satisfy

    (1) λK + VVᵀ − M ⪰ 0,    (2) [[K, V], [Vᵀ, T]] ⪰ 0.

Then `f ≥ Σ_i s_i − rλ − tr T`: `θ_i = Σ_a x_ia b_a` with at most `r` vectors `b_a`, all
orthonormal in `K` or with `b_aᵀKb_a = 0`. The latter have `Vᵀb_a = 0` by (2), and so
`m_iᵀb_a = 0` by (1). For the others complete the squares: what is left is at least
`−Σ_a b_aᵀMb_a ≥ −rλ − tr(VᵀΣ_a b_ab_aᵀV)` by (1), and `Σ_a b_ab_aᵀ ⪯ K⁺`, so (2) bounds
the trace by `tr T`. This is Eckart and Young's bound if `w_iK = H_i` and `m_i = h_i`,
and that of every task by itself if `K = 0`.

Numbers are strings, `"p"`, `"p/q"` or binary, `"-0x1.8p-3"`. A symmetric matrix is its
lower triangle, row by row, and a skew one leaves out the diagonal. A task has its rows
`(x, y)`, or the lower triangle of their `moments`, `[[G, g], [gᵀ, e]]`.
"""

import argparse
import hashlib
import json
import re
import sys
from fractions import Fraction
from itertools import pairwise
from math import lcm
from operator import mul
from pathlib import Path
from typing import Any

FORMAT, VERSION = "multi-task loss bound", 1
# Bounds on the work of one file: its characters, those of a number, exponents, tasks,
# inputs, rows of a matrix, bits of a common denominator, n⁴ bits of an elimination.
MOST_BYTES, MOST_DIGITS, MOST_EXPONENT, MOST_TASKS = 1 << 25, 1000, 5000, 256
MOST_INPUTS, MOST_ROWS, MOST_BITS, MOST_WORK = 128, 600, 30_000, 5 * 10**9
BINARY = re.compile(r"(-?)0x([0-9a-f]+)(?:\.([0-9a-f]+))?p([+-]?[0-9]{1,4})", re.ASCII)
RATIO = re.compile(r"-?[0-9]+(/0*[1-9][0-9]*)?", re.ASCII)
Matrix = list[list[Fraction]]


def ensure(fine: bool, where: str, why: str) -> None:
    """Reject the certificate with a `ValueError` unless a condition holds."""
    if not fine:
        raise ValueError(f"{where}: {why}")


def parse(text: str) -> Any:
    """Parse JSON without duplicate keys, floats, NaN or long integers."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice = [a for a, b in pairwise(sorted(name for name, _ in pairs)) if a == b]
        ensure(not twice, f"field {str(twice)[:40]}", "is there twice")
        return dict(pairs)

    def bare(token: str) -> int:
        if len(token) < 10 and token.isdigit():
            return int(token)
        line = text[: text.find(token)].count("\n") + 1
        raise ValueError(f"line {line}: {token[:40]}: numbers must be strings")

    hooks: Any = {f"parse_{kind}": bare for kind in ("int", "float", "constant")}
    return json.loads(text, object_pairs_hook=unique, **hooks)


def fields(where: str, value: Any, needed: str, optional: str = "") -> dict[str, Any]:
    """An object with these keys and no others."""
    ensure(isinstance(value, dict), where, "must be an object")
    for key in [*needed.split(), *value]:
        fine = key in value and key in f"{needed} {optional}".split()
        ensure(fine, where, f"field {key[:40]!r} is missing or unknown")
    return value


def array(where: str, value: Any, least: int, most: int | None = None) -> list[Any]:
    """A list of `least` entries, or of `least` to `most`."""
    ensure(isinstance(value, list), where, "must be a list")
    size, top = len(value), least if most is None else most
    ensure(least <= size <= top, where, f"has {size} entries, not {least} to {top}")
    return value


def number(where: str, value: Any) -> Fraction:
    """A rational number, from a string."""
    ensure(isinstance(value, str), where, f"must be a string, not {str(value)[:40]}")
    ensure(len(value) <= MOST_DIGITS, where, f"has more than {MOST_DIGITS} characters")
    if RATIO.fullmatch(value):
        return Fraction(value)
    if (found := BINARY.fullmatch(value)) is None:
        raise ValueError(f"{where}: not a rational number: {value[:40]!r}")
    sign, whole, part, power = found[1], found[2], found[3] or "", int(found[4])
    ensure(abs(power) <= MOST_EXPONENT, where, f"exponent {power} is too large")
    return int(sign + whole + part, 16) * Fraction(2) ** (power - 4 * len(part))


def matrix(where: str, value: Any, rows: int, columns: int | None = None) -> Matrix:
    """Rows of numbers, with `i + 1` of them in row `i` if no count is given."""
    found = []
    for i, row in enumerate(array(where, value, rows)):
        entries = enumerate(array(f"{where}[{i}]", row, columns or i + 1))
        found.append([number(f"{where}[{i}][{j}]", x) for j, x in entries])
    return found


def symmetric(where: str, value: Any, least: int, most: int | None = None) -> Matrix:
    """A symmetric matrix with that many rows, from its lower triangle."""
    size = range(len(array(where, value, least, most)))
    low = matrix(where, value, len(size))
    return [[low[max(i, j)][min(i, j)] for j in size] for i in size]


def integers(rows: Matrix) -> tuple[list[list[int]], int]:
    """The rows times a common denominator, and that denominator."""
    unit = 1
    for divisor in {x.denominator for row in rows for x in row}:
        unit = lcm(unit, divisor)
        ensure(unit.bit_length() < MOST_BITS, "file", "denominators are too large")
    return [[x.numerator * (unit // x.denominator) for x in row] for row in rows], unit


def product(left: Matrix, right: Matrix) -> Matrix:
    """`left @ right.T`."""
    (a, p), (b, q) = integers(left), integers(right)
    return [[Fraction(sum(map(mul, x, y)), p * q) for y in b] for x in a]


def combine(factor: Fraction, rows: Matrix, other: Matrix) -> Matrix:
    """`factor · rows + other`."""
    pairs = zip(rows, other, strict=True)
    return [[factor * x + y for x, y in zip(*pair, strict=True)] for pair in pairs]


def read_tasks(data: dict[str, Any]) -> list[Matrix]:
    """`[[H_i, h_i], [h_iᵀ, c_i]]` of every task."""
    given = array("tasks", data["tasks"], 1, MOST_TASKS)
    weights = matrix("weights", [data["weights"]], 1, len(given))[0]
    formed = isinstance(given[0], dict) and "rows" in given[0]
    digest, tasks = hashlib.sha256(), []
    for i, (task, weight) in enumerate(zip(given, weights, strict=True)):
        ensure(weight >= 0, f"weights[{i}]", "is negative")
        fields(f"tasks[{i}]", task, name := "rows" if formed else "moments")
        if formed:
            rows = array(f"tasks[{i}].rows", task[name], 1, MOST_BYTES)
            width = len(array(f"tasks[{i}].rows[0]", rows[0], 2, MOST_INPUTS + 1))
            rows = matrix(f"tasks[{i}].rows", rows, len(rows), width)
            lines = (" ".join(map(str, row)) + "\n" for row in [*rows, []])
            digest.update("".join(lines).encode())
            columns = [list(column) for column in zip(*rows, strict=True)]
            moments = product(columns, columns)
        else:
            moments = symmetric(f"tasks[{i}].{name}", task[name], 2, MOST_INPUTS + 1)
        tasks.append([[weight * x for x in row] for row in moments])
        same = len(tasks[i]) == len(tasks[0])
        ensure(same, f"tasks[{i}]", "has another number of inputs than tasks[0]")
    same = not formed or data.get("rows_sha256") == digest.hexdigest()
    ensure(same, "rows_sha256", "is not that of the rows in the file")
    return tasks


def semidefinite(where: str, full: Matrix, factor: Any = None) -> None:
    """Reject a symmetric matrix that is not shown to be positive semidefinite.

    By fraction-free elimination (Bareiss): no pivot is negative, and the column of a
    zero pivot is zero. Or by a lower triangular `R` with `E_iis_i ≥ Σ_{j≠i} |E_ij|s_j`
    for `E = A − RRᵀ` (Gershgorin); the `s_i > 0` are powers of two near `A_ii^(-1/2)`.
    """
    a, unit = integers(full)
    n, last = len(a), 1
    if factor is not None:
        low, scale = integers(matrix(f"{where}.factor", factor, n))
        bits = [row[i].bit_length() // 2 for i, row in enumerate(a)]
        for i, row in enumerate(a):
            products = [sum(map(mul, low[i], other)) for other in low]
            rest = [scale**2 * x - unit * y for x, y in zip(row, products, strict=True)]
            sizes = [abs(x) << (max(bits) - b) for x, b in zip(rest, bits, strict=True)]
            fine = rest[i] >= 0 and 2 * sizes[i] >= sum(sizes)
            ensure(fine, where, f"the rest is not diagonally dominant in row {i}")
        return
    fine = n**4 * max(x.bit_length() for row in a for x in row) <= MOST_WORK
    ensure(fine, where, f"elimination of {n} rows is too much work: give a factor")
    for p in range(n):
        pivot, column = a[p][p], [row[p] for row in a]
        fine = pivot > 0 or (pivot == 0 and not any(column[p:]))
        ensure(fine, where, f"not positive semidefinite: pivot {p} of {n}")
        for i in range(p + 1, n) if pivot else ():
            for j in range(p + 1, i + 1):
                a[i][j] = (pivot * a[i][j] - column[i] * column[j]) // last
        last = pivot or last


def skew(tasks: list[Matrix], data: Any, claim: Fraction) -> None:
    """Reject the claim unless skew blocks prove it, at rank 1."""
    fields("evidence", data, "kind blocks", "factor")
    k, d = len(tasks), len(tasks[0]) - 1
    ensure(k * d < MOST_ROWS, "tasks", f"{k} tasks of {d} inputs are too many")
    blocks = iter(array("evidence.blocks", data["blocks"], k * (k - 1) // 2))
    full = [[Fraction(0)] * (k * d + 1) for _ in range(k * d + 1)]
    full[-1][-1] = sum((task[d][d] for task in tasks), -claim)
    for p in range(0, k * d, d):
        for a, row in enumerate(tasks[p // d][:d], p):
            full[a][p : p + d], full[a][-1], full[-1][a] = row[:d], row[d], row[d]
        for q in range(p + d, k * d, d):
            where = f"evidence.blocks[{p // d},{q // d}]"
            for a, row in enumerate(matrix(where, next(blocks), d - 1), 1):
                for b, x in enumerate(row):
                    full[p + a][q + b] = full[q + b][p + a] = x
                    full[p + b][q + a] = full[q + a][p + b] = -x
    semidefinite("evidence", full, data.get("factor"))


def metric(tasks: list[Matrix], data: Any, rank: int) -> Fraction:
    """The bound by a common metric `K`; `cover` is the matrix of (2)."""
    fields("evidence", data, "kind residuals shares moments level cover", "factors")
    ensure(data["kind"] == "metric", "evidence.kind", "must be 'skew' or 'metric'")
    k, d = len(tasks), len(tasks[0]) - 1
    factors = array("evidence.factors", data.get("factors", [None] * (k + 2)), k + 2)
    least = matrix("evidence.residuals", [data["residuals"]], 1, k)[0]
    shares = matrix("evidence.shares", [data["shares"]], 1, k)[0]
    moments = matrix("evidence.moments", data["moments"], k, d)
    level = matrix("evidence.level", [[data["level"]]], 1)[0][0]
    ensure(level >= 0, "evidence.level", "is negative")
    cover = symmetric("evidence.cover", data["cover"], d, d + MOST_INPUTS)
    common, kept = [row[:d] for row in cover[:d]], [row[d:] for row in cover[:d]]
    rest = combine(level, common, product(kept, kept))
    for i, (task, w, moment) in enumerate(zip(tasks, shares, moments, strict=True)):
        fine = w > 0 or (w == 0 and not any(moment))
        ensure(fine, f"evidence.shares[{i}]", "is negative, or 0 with a moment")
        column = [[x] for x in moment]
        rest = combine(Fraction(-1) / (w or 1), product(column, column), rest)
        upper = [[w * x for x in row] + [moment[j]] for j, row in enumerate(common)]
        full = combine(Fraction(-1), [*upper, [*moment, least[i]]], task)
        semidefinite(f"evidence.tasks[{i}]", full, factors[i])
    semidefinite("evidence.level", rest, factors[k])
    semidefinite("evidence.cover", cover, factors[k + 1])
    trace = sum(row[i] for i, row in enumerate(cover) if i >= d)
    return sum(least, -rank * level - trace)


def verify(text: str) -> str:
    """Check a certificate; returns what it proves, or raises `ValueError`."""
    ensure(len(text) <= MOST_BYTES, "file", f"has more than {MOST_BYTES} characters")
    needed = "format version rank weights tasks claim evidence"
    data = fields("file", parse(text), needed, "rows_sha256 note witness")
    known = (data["format"], repr(data["version"])) == (FORMAT, repr(VERSION))
    ensure(known, "version", f"only {FORMAT!r}, version {VERSION}, is read")
    rank, evidence, tasks = data["rank"], data["evidence"], read_tasks(data)
    ensure(rank in range(1, MOST_INPUTS), "rank", f"is not in 1 to {MOST_INPUTS - 1}")
    claim = fields("claim", data["claim"], "loss_at_least", "loss_at_most")
    least = number("claim.loss_at_least", claim["loss_at_least"])
    if isinstance(evidence, dict) and evidence.get("kind") == "skew":
        ensure(rank == 1, "evidence.kind", f"'skew' is for rank 1, and it is {rank}")
        skew(tasks, evidence, least)
    else:
        proven = metric(tasks, evidence, rank) >= least
        ensure(proven, "claim.loss_at_least", "is above what the evidence proves")
    if "loss_at_most" in claim:
        module = fields("witness", data.get("witness"), "shared heads")
        shared = matrix("witness.shared", module["shared"], len(tasks[0]) - 1, rank)
        heads = matrix("witness.heads", module["heads"], len(tasks), rank)
        most = number("claim.loss_at_most", claim["loss_at_most"])
        for task, theta in zip(tasks, product(heads, shared), strict=True):
            end = [[*theta, Fraction(-1)]]
            most -= product(end, product(end, task))[0][0]
        ensure(most >= 0, "claim.loss_at_most", "is below the loss of the witness")
    return f"loss >= {claim['loss_at_least'][:40]} by {evidence['kind']!r}"


def main(arguments: list[str] | None = None) -> int:
    """Check files: 0 if all are accepted, 1 if one is not, 2 for a bad command."""
    parser = argparse.ArgumentParser(description="Check certificates exactly.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options, status = parser.parse_args(arguments), 0
    for name in options.files:
        try:
            with Path(name).open(encoding="utf-8") as file:
                accepted, reason = True, verify(file.read(MOST_BYTES + 1))
        except (OSError, ValueError, RecursionError) as error:
            accepted, reason, status = False, str(error), 1
        verdict = {"file": name, "accepted": accepted, "reason": reason}
        line = f"{'ACCEPTED' if accepted else 'REJECTED'} {name}: {reason}"
        print(json.dumps(verdict) if options.json else line)
    return status


if __name__ == "__main__":
    sys.exit(main())
