"""Which chunk is tried when, where workers die: without workers."""

from collections import deque
from typing import Any
from unittest.mock import create_autospec

import pytest

distributed = pytest.importorskip("distributed")

from simulations.engine.cluster import _Flow  # noqa: E402


def ended(killed: bool) -> Any:
    """A future that has ended; the worker of its chunk died if it was killed."""
    future = create_autospec(distributed.Future, instance=True)
    future.status = "error" if killed else "finished"
    future.exception.return_value = distributed.KilledWorker("task", None, 1)
    return future


def run(hungry: set[int], window: int = 4) -> tuple[list[list[int]], _Flow]:
    """Batches of chunks as they were tried; one that is hungry kills all beside it."""
    flow: Any = _Flow(deque(range(8)), window=window)
    tried: list[list[int]] = []
    while flow.unfinished():
        batch = []
        while (chunk := flow.next_chunk()) is not None:
            batch.append(chunk)
            flow.running[chunk] = chunk
        tried.append(batch)
        killed = bool(hungry & set(batch))
        for chunk in batch:
            future = ended(killed)
            flow.running[future] = flow.running.pop(chunk)
            if flow.take(future):
                flow.running.pop(future)
    return tried, flow


def test_chunks_beside_one_that_kills_their_worker_are_tried_again_alone():
    tried, flow = run({2})
    assert tried == [[0, 1, 2, 3], [4, 5, 6, 7], [0], [1], [2], [3]]
    assert flow.given_up == [2]


def test_all_that_kill_their_worker_alone_are_given_up():
    tried, flow = run({0, 5}, window=2)
    assert flow.given_up == [0, 5]
    every = [chunk for batch in tried for chunk in batch]
    assert sorted(every) == sorted([*range(8), 0, 1, 4, 5])


def test_where_no_worker_dies_each_chunk_is_tried_once():
    tried, flow = run(set(), window=3)
    assert tried == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert not flow.given_up
