"""The two claims of docs/write-a-claim.md run, and end as the page says."""

import json
import re
from pathlib import Path

from paper_checks import __main__ as front

PAGE = (Path(__file__).parents[1] / "docs" / "write-a-claim.md").read_text()


def test_the_true_claim_of_the_page_holds_and_the_false_one_fails(tmp_path, capsys):
    true, false = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(true.splitlines()) <= 60
    mine = tmp_path / "my_claims"
    mine.mkdir()
    (mine / "sine.py").write_text(true)
    (mine / "half.py").write_text(false)
    words = ["--claims", str(mine), "--results", str(tmp_path / "results")]
    assert front.main([*words, "--record"]) == 0
    assert "1 hold, 1 fail" in capsys.readouterr().out
    kept = json.loads((mine / "findings.json").read_text())["bundled data"]["findings"]
    assert {name: one["verdict"] for name, one in kept.items()} == {
        "X-HALF": "fails",
        "X-SIN": "holds",
    }
    assert kept["X-SIN"]["attack"]["needed"] == ["isotropic inputs"]
    worst = tmp_path / "results" / "worst_instances"
    assert {path.name for path in worst.iterdir()} > {"X-SIN.npz", "X-HALF.npz"}
