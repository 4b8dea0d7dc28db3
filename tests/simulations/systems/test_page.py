"""docs/multi-task-systems.md is what the code says, and its example runs."""

import re

import pytest

from simulations.systems.registry import registered
from simulations.systems.table import PAGE, table, with_table

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_is_that_of_the_code():
    assert with_table(TEXT) == TEXT
    lines = table().splitlines()
    assert len(lines) == 2 + len(registered())
    assert {len(re.split(r"(?<!\\)\|", line)) for line in lines} == {9}


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="once, got 0"):
        with_table("nothing")


def test_the_example_runs(capsys: pytest.CaptureFixture[str]):
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(example, str(PAGE), "exec"), {})
    assert "certified" in capsys.readouterr().out
