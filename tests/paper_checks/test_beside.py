from paper_checks import ledger
from paper_checks.beside import sweeping
from paper_checks.settings import Settings
from paper_checks.studies import simulated
from tests.paper_checks.test_ledger import finding


def test_the_process_is_gone_when_the_block_ends(tmp_path):
    with sweeping(Settings(results=tmp_path), all_figures=False) as process:
        assert process.poll() is None
    assert process.returncode != 0
    assert not list(tmp_path.glob("*.zarr"))


def test_claims_that_rest_on_sweeps_come_last_and_the_table_keeps_its_order(
    monkeypatch,
):
    told = []
    names = ("W-F2", "W-P1", "W-F3", "W-LM")
    claims = {name: lambda _, name=name: finding(name) for name in names}
    monkeypatch.setattr(ledger, "CLAIMS", claims)
    found = ledger.measure(
        Settings(), [], told.append, swept=lambda: told.append("swept")
    )
    assert told == ["W-P1", "W-LM", "swept", "W-F2", "W-F3"]
    assert [one.claim for one in found] == list(names)


def test_every_claim_that_is_swept_has_sweeps():
    assert set(ledger.CLAIMS) >= ledger.SWEPT
    both = simulated.all_sweeps(everything=True)
    assert set(both) > set(simulated.FOR_CLAIMS) | set(simulated.FOR_FIGURES_IN_FULL)
