"""Instances of every route that has exact proofs, random and adversarial."""

import json
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from tests.strategies import KINDS, rows
from theory import check
from theory.certificates import NotProvenError
from theory.linear import shared_optimum
from theory.linear.result import SharedOptimum
from theory.tasks import TaskStatistics

# k, d, r: each is a compilation.
SHAPES = {
    "single": ((2, 4, 2), (3, 4, 3), (3, 1, 1)),
    "common": ((3, 4, 2), (2, 4, 1), (4, 3, 1)),
    "pair": ((2, 4, 1), (2, 2, 1)),
    "bracket": ((3, 4, 2),),
}
ADVERSARIAL = ("integers", "collinear", "float32", "units", "twins", "weights")


class Instance(NamedTuple):
    """Rows, weights and rank."""

    covariates: list[np.ndarray]
    labels: list[np.ndarray]
    weights: np.ndarray
    rank: int

    def optimum(self) -> SharedOptimum:
        """What `shared_optimum` finds."""
        statistics = TaskStatistics.from_data(self.covariates, self.labels)
        return shared_optimum(statistics, self.rank, self.weights)

    def certificate(self) -> tuple[SharedOptimum, str | None]:
        """The optimum, and its certificate if there is one."""
        found = self.optimum()
        try:
            text = found.certificate(self.covariates, self.labels, self.weights)
        except NotProvenError:
            return found, None
        return found, text


def draw(route: str, seed: int) -> Instance:
    """An instance of a route; every second one is adversarial."""
    rng = np.random.default_rng([seed, len(route)])
    k, d, rank = SHAPES[route][seed // 2 % len(SHAPES[route])]
    kind = ("plain", *ADVERSARIAL, *KINDS)[seed // 2 % 13] if seed % 2 else "plain"
    base: Any = kind if kind in KINDS else "plain"
    covariates, labels = rows(seed, k, d, base)
    weights = 10 ** rng.uniform(-1, 1, k)
    if kind == "integers":
        covariates = [np.round(2 * x) for x in covariates]
        labels = [np.round(3 * y) + np.arange(len(y)) % 2 for y in labels]
    elif kind == "collinear" and d > 1:
        for x in covariates:
            x[:, 1] = x[:, 0] + 10 ** rng.uniform(-9, -2) * x[:, 1]
    elif kind == "float32":
        copy = covariates[0].astype(np.float32).astype(float)
        covariates = [covariates[0]] + [copy] * (k - 1)
        labels = [np.resize(y, len(copy)) for y in labels]
    elif kind == "units":
        covariates = [x * 10.0 ** rng.uniform(-8, 8, d) for x in covariates]
    elif kind == "twins":
        covariates = [covariates[0]] * k
        labels = [labels[0]] * (k - 1) + [-labels[0]]
    elif kind == "weights":
        weights = 10 ** rng.uniform(-12, 3, k)
    if route == "common":
        covariates = [covariates[0]] * k
        labels = [np.resize(y, len(covariates[0])) for y in labels]
        labels = [y + (np.arange(len(y)) == 0) * (np.ptp(y) == 0) for y in labels]
    return Instance(covariates, labels, weights, rank)


def accepted(text: str) -> bool:
    """Whether the checker accepts."""
    try:
        check.verify(text)
    except ValueError:
        return False
    return True


def raised(text: str) -> str:
    """A false certificate: it claims more than the loss of its own witness."""
    data = json.loads(text)
    loss = check.number("loss", data["claim"].pop("loss_at_most"))
    data["claim"]["loss_at_least"] = str(loss + (1 + abs(loss)) / 10**9)
    del data["witness"]
    return json.dumps(data)


def with_other_data(text: str, seed: int) -> str:
    """A certificate in which one number of the instance is another."""
    rng, data = np.random.default_rng(seed), json.loads(text)
    task = data["tasks"][rng.integers(len(data["tasks"]))]
    lines = next(iter(task.values()))
    line = lines[rng.integers(len(lines))]
    entry = rng.integers(len(line))
    line[entry] = str(check.number("entry", line[entry]) + Fraction(1, 1000))
    return json.dumps(data)


def with_other_evidence(text: str, seed: int) -> str:
    """A certificate in which one number of the evidence is another."""
    rng, data = np.random.default_rng(seed), json.loads(text)
    places: list[tuple[Any, int]] = []

    def walk(value: Any) -> None:
        for i, entry in enumerate(value):
            if isinstance(entry, list):
                walk(entry)
            elif entry is not None:
                places.append((value, i))

    walk([v for v in data["evidence"].values() if isinstance(v, list)])
    if not places:
        return text  # evidence without a number: the tasks alone prove it
    holder, i = places[rng.integers(len(places))]
    old = check.number("entry", holder[i])
    holder[i] = str(old + Fraction(float(rng.normal())) * (abs(old) or 1))
    return json.dumps(data)
