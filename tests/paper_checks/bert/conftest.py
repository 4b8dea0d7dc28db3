"""A data folder of made-up tasks with a small model in it."""

from pathlib import Path

import pytest

from tests.paper_checks.bert.made_up import add_task
from tests.paper_checks.bert.small import write_folder
from tests.paper_checks.data.test_folder import Folder


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    folder = Folder(path)
    for name in ("cola", "rte", "sst2"):
        add_task(folder, name, rows=48)
    write_folder(path / "model")
    return path
