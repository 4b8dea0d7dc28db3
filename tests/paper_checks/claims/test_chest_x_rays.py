"""W-X1 and W-X2 on chest X-rays: no line may learn a patient and be tested on him."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from paper_checks.benchmarks.label_pairs import LabelPairs, noisy_auc
from paper_checks.claims import chest_x_rays
from paper_checks.data.chest_images import NAME, SPLIT
from paper_checks.images.record import recorded
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from paper_checks.studies import pairs_of_labels
from tests.paper_checks.data.test_folder import Folder

PARTS = {"train": 120, "dev": 10, "test": 80}
ROWS = sum(PARTS.values())
# Training images that are those of test patients, labels and all.
SHARED = 70


def add(path: Path, kept: np.ndarray, patients: np.ndarray) -> Path:
    """Noise with labels of chance; 70 test images are images that are trained on."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (ROWS, 8, 8)).astype(np.uint8)
    labels = rng.integers(0, 2, (ROWS, 2))
    first = ROWS - PARTS["test"]
    for values in (blocks, labels):
        values[first : first + SHARED] = values[:SHARED]
    arrays = {
        "images": np.kron(blocks, np.ones((1, 8, 8), np.uint8))[kept],
        "labels": labels[kept],
        "split": np.repeat(list(PARTS), list(PARTS.values()))[kept],
        "names": np.array([f"{patient:08}_000.png" for patient in patients])[kept],
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # pyright: ignore[reportArgumentType]
    path.mkdir()
    fields = {"split": SPLIT, "rows": len(kept), "label_names": ["a", "b"]}
    Folder(path).add(NAME, "chest.npz", buffer.getvalue(), **fields)
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Patients in two parts; these rows not there; the same rows as if of others."""
    every, own = np.arange(ROWS), np.arange(ROWS)
    patients = own.copy()
    first = ROWS - PARTS["test"]
    patients[first : first + SHARED] = own[:SHARED]
    return (
        add(tmp_path / "shared", every, patients),
        add(tmp_path / "without", every[SHARED:], own),
        add(tmp_path / "hidden", every, own),
    )


def areas(folder: Path) -> np.ndarray:
    """Test AUC of both tasks on the rows that W-X2 sees, no label random."""
    train, test = (
        pairs_of_labels.load_part(folder, pairs_of_labels.CHEST, part)
        for part in ("train", "test")
    )
    return noisy_auc(LabelPairs(pairs=1), train, test, 0.0)[0]


@pytest.mark.parametrize(
    "measured", [areas, lambda folder: list(chest_x_rays.gains(folder).values())]
)
def test_shared_patients_are_neither_trained_nor_tested_on(
    folders: tuple[Path, Path, Path], measured: Callable
):
    shared, without, hidden = (np.array(measured(folder)) for folder in folders)
    np.testing.assert_array_equal(shared, without)
    # Names that hide the leak leave it in: it is there, and it is seen.
    assert np.abs(shared - hidden).min() > 0.01


def test_the_leak_is_all_that_can_be_learned(folders: tuple[Path, Path, Path]):
    shared, _, hidden = (areas(folder) for folder in folders)
    # Chance has a standard error of 0.065 on 40 images of either kind.
    assert np.abs(shared - 0.5).max() < 0.2
    assert hidden.max() > 0.8


def test_lines_say_that_no_patient_is_in_two_parts(
    folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(chest_x_rays, "gains", lambda _: {"printed": 0.5})
    found = chest_x_rays.CLAIM.find(Settings(data=folders[0]))
    said = [one.quantity for one in found.measurements]
    assert any("no patient in two parts, linear, weights printed" in s for s in said)
    used = pairs_of_labels.available(Settings(data=folders[0]))
    assert used[-1] == "chestxray14_mini64 (no patient in two parts)"


def test_it_needs_images_and_its_printed_numbers_agree():
    found = chest_x_rays.CLAIM.find(Settings())
    assert found.verdict is Verdict.NEEDS_DATA
    assert chest_x_rays.arithmetic_agrees()
    assert "The printed mean and sum agree: 14 x 0.4 = 5.6." in found.details


@pytest.mark.long
def test_the_line_on_the_images_is_that_on_record(data_folder: Path):
    on_record = recorded()["clean-densenet121"]["models"]["linear"]
    for name, gain in chest_x_rays.gains(data_folder).items():
        # Two test images that change places move a mean of nine AUCs by up to 0.02.
        assert gain == pytest.approx(on_record[name][0], abs=0.02)
