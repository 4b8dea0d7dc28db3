"""One door to all command lines."""

import subprocess
import sys

import pytest

from paper_checks.front_door import COMMANDS, main


def test_without_a_command_it_says_which_there_are(capsys):
    assert main([]) == 2
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(said.count(f"\n  {name} ") == 2 for name in COMMANDS)


def test_a_command_that_there_is_not_is_named(capsys):
    assert main(["verfy"]) == 2
    assert "no command 'verfy'" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_words_reach_the_command(tmp_path, capsys):
    path = tmp_path / "none.json"
    assert main(["check", str(path)]) == 1
    assert "none.json" in capsys.readouterr().out


def test_help_imports_no_jax():
    code = (
        "import sys; from paper_checks.front_door import main; main(['--help']); "
        "sys.exit('jax' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
