import json
import os

import pytest

from simulations.files import replace_folder, write_json, write_whole

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


def test_a_new_file_has_the_mode_that_the_umask_gives(tmp_path):
    write_whole(tmp_path / "a", "text")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_folder_is_replaced_as_a_whole_or_left_as_it_was(tmp_path):
    path = tmp_path / "deep" / "folder"
    for name in ("old", "new"):
        with replace_folder(path) as new:
            new.mkdir()
            (new / name).touch()
    assert [file.name for file in path.iterdir()] == ["new"]

    def write(then: str, must_be_new: bool) -> None:
        with replace_folder(path, must_be_new=must_be_new) as new:
            new.mkdir()
            (new / "newest").touch()
            if then == "fail":
                raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write("fail", must_be_new=False)
    with pytest.raises(OSError, match="not empty"):
        write("finish", must_be_new=True)
    assert [file.name for file in path.iterdir()] == ["new"]
    assert [file.name for file in path.parent.iterdir()] == ["folder"]
