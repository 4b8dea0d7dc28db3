"""Records and studies of sentence sets that tests make up; nothing is trained."""

import pytest
import xarray as xr

from paper_checks.networks.encoders import Kind
from paper_checks.sentences import record
from paper_checks.studies import sentence_claim
from tests.paper_checks.sentences.sentence_data import NOTICED


@pytest.fixture
def on_record(tmp_path, monkeypatch):
    """A folder of records, of which there is none yet."""
    read = record.recorded
    monkeypatch.setattr(record, "recorded", lambda name: read(name, tmp_path))

    def put(name: str, data: xr.Dataset, kind: Kind = "mlp") -> None:
        said = data.assign_attrs(encoder=kind, command=f"train the {kind}")
        record.write(said, record.path_of(name, kind, tmp_path))

    return put


@pytest.fixture
def given(monkeypatch, on_record):
    """Lets tests say what studies and the control give; nothing is trained."""
    kept: dict = {"control": NOTICED}
    monkeypatch.setattr(sentence_claim, "study", lambda _, name: kept["study"])
    monkeypatch.setattr(sentence_claim, "control", lambda _: kept["control"])
    monkeypatch.setattr(sentence_claim, "missing", lambda _: ())
    return kept
