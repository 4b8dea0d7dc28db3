import json
import os

import pytest

from simulations.files import write_json

NAN, INF = float("nan"), float("inf")


def test_nan_is_null_wherever_it_stands(tmp_path):
    path = tmp_path / "new" / "a.json"
    write_json(path, {"a": NAN, "b": [1.5, (NAN, True)], "c": {"d": "nan"}})
    plain = {"a": None, "b": [1.5, [None, True]], "c": {"d": "nan"}}
    assert json.loads(path.read_text()) == plain


def test_what_fails_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": INF})

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
