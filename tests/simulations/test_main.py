import dataclasses

import pytest

from simulations import store
from simulations.__main__ import main
from simulations.experiments.registry import EXPERIMENTS

SMALL = [
    *("transfer", "--dimension", "4", "--samples-target", "3"),
    *("--samples-source", "6", "--repeats", "2"),
]


@pytest.mark.long
def test_a_study_is_run_once_then_reused_then_refused(tmp_path, capsys):
    out = ["--out", str(tmp_path)]
    assert main([*SMALL, *out]) == 0
    assert "written" in capsys.readouterr().out
    assert store.load(tmp_path / "transfer.zarr").sizes["repeat"] == 2
    assert main([*SMALL, *out]) == 0
    assert "reused" in capsys.readouterr().out
    assert main([*SMALL, *out, "--seed", "9"]) == 1
    error = capsys.readouterr().err
    assert "seed 0, asked for 9" in error
    assert error.count("\n") == 1
    assert main([*SMALL, *out, "--seed", "9", "--rewrite"]) == 0


def test_a_bad_spec_is_refused_before_anything_is_written(tmp_path, capsys):
    with pytest.raises(SystemExit) as done:
        main([*SMALL, "--noise", "-1", "--out", str(tmp_path)])
    assert done.value.code == 2
    assert "noise must be in [0, inf), got -1.0" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_field_has_a_help_text(name, capsys):
    with pytest.raises(SystemExit) as done:
        main([name, "--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    assert "--seed" in text
    kind = EXPERIMENTS[name]
    said = "".join(str(one.__doc__) for one in kind.__mro__)
    for field in dataclasses.fields(kind):
        assert f"\n        {field.name}: " in said
