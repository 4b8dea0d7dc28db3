import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from figures import __main__ as front
from figures import style
from figures.transfer import transfer

SOURCES = ["same covariance", "other diagonal", "other rotation"]
SAMPLES = np.array([30, 1_000, 100_000, 10_000_000])


@pytest.fixture
def data() -> xr.Dataset:
    generator = np.random.default_rng(0)
    alone = generator.gamma(4, 30, size=20)
    joint = generator.gamma(4, 20, size=(3, len(SAMPLES), 20))
    axes = ("source", "samples_source", "repeat")
    units = {"units": "labels' units squared", "long_name": "excess risk"}
    spec = {"dimension": 40, "samples_target": 20, "noise": 10.0}
    return xr.Dataset(
        {
            "risk_joint": (axes, joint, units),
            "risk_alone": (axes[2:], alone, units),
            "relative_gain": (axes, (alone - joint) / (alone + joint), {"units": "1"}),
        },
        coords={
            "source": SOURCES,
            "samples_source": (
                *("samples_source", SAMPLES),
                {"units": "samples", "long_name": "size of the source"},
            ),
        },
        attrs={"spec": json.dumps(spec)},
    )


def test_axes_are_labelled_with_units(data):
    left, right = transfer(data).axes
    assert left.get_xlabel() == right.get_xlabel() == "size of the source (samples)"
    assert left.get_ylabel() == "relative gain of the target"
    assert right.get_ylabel() == "excess risk (labels' units squared)"
    assert left.get_xscale() == right.get_xscale() == "log"


def test_lines_are_means_with_standard_errors_and_medians(data):
    left, right = transfer(data).axes
    gain = data["relative_gain"]
    for index, source in enumerate(SOURCES):
        (line,) = (one for one in left.lines if one.get_label() == source)
        mean = gain.sel(source=source).mean("repeat").values
        assert np.allclose(line.get_ydata(), mean)
        error = gain.sel(source=source).std("repeat", ddof=1).values / np.sqrt(20)
        band = np.asarray(left.collections[index].get_paths()[0].vertices)[:, 1]
        assert np.isclose(band.max(), (mean + error).max())
        assert np.isclose(band.min(), (mean - error).min())
        median = data["risk_joint"].sel(source=source).median("repeat").values
        assert any(np.allclose(one.get_ydata(), median) for one in right.lines[1:])


def test_lines_differ_without_colour():
    assert len({line.linestyle for line in style.LINES}) == len(style.LINES)
    assert len({line.marker for line in style.LINES}) == len(style.LINES)


def test_one_repeat_has_no_error_and_no_warning(data):
    assert not style.standard_error(data["relative_gain"][..., :1], "repeat").any()


def test_pictures_are_written_whole(data, tmp_path):
    png, pdf = front.save(transfer(data), tmp_path / "deep" / "transfer")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert {path.name for path in png.parent.iterdir()} == {png.name, pdf.name}


def test_an_error_while_writing_leaves_the_old_picture(data, tmp_path, monkeypatch):
    figure = transfer(data)
    (png, _) = front.save(figure, tmp_path / "transfer")
    before = png.read_bytes()

    def cut_short(path, **options):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(figure, "savefig", cut_short)
    with pytest.raises(OSError, match="no space"):
        front.save(figure, tmp_path / "transfer")
    assert png.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def places(folder: Path) -> list[str]:
    """Of stores and of records, neither those of the project."""
    return ["--results", str(folder), "--records", str(folder)]


def test_saved_studies_are_drawn(data, tmp_path, capsys):
    data.to_zarr(tmp_path / "transfer.zarr", zarr_format=2, consolidated=True)
    out = tmp_path / "pictures"
    assert front.main([*places(tmp_path), "--out", str(out)]) == 0
    assert str(out / "transfer.pdf") in capsys.readouterr().out


def test_a_missing_study_is_said_with_how_to_make_it(tmp_path, capsys):
    assert front.main([*places(tmp_path), "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    for name in front.FIGURES:
        assert f"python -m simulations {name} --out {tmp_path}" in said


@pytest.mark.parametrize("content", ["not json", '{"filters": [{"id": "pickle"}]}'])
def test_a_store_that_cannot_be_read_is_named(tmp_path, capsys, content):
    (tmp_path / "transfer.zarr").mkdir()
    (tmp_path / "transfer.zarr" / ".zmetadata").write_text(content)
    assert front.main([*places(tmp_path), "--out", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"figures: {tmp_path / 'transfer.zarr'} cannot be read")
    assert error.count("\n") == 1
