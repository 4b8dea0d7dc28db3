import pytest

from paper_checks.judge import registry

FILE = """
from paper_checks.judge import Evidence, StudyClaim

CLAIMS = tuple(
    StudyClaim(id=number, title="t", source="s", statement="s", headline="h",
               study=lambda _: None, judged=lambda _: Evidence())
    for number in {numbers}
)
"""


def write(folder, **files):
    for name, numbers in files.items():
        (folder / f"{name}.py").write_text(FILE.format(numbers=numbers))


def test_every_claim_is_found_and_has_a_file():
    known = registry.registered()
    assert {"W-P1", "W-P3", "W-T2h", "W-F6t", "M-CX"} <= set(known)
    together = registry.by_file(list(known))
    assert sorted(name for names in together for name in names) == sorted(known)


def test_numbers_are_listed_by_source_and_then_by_number():
    names = ["M-CR", "W-P10", "R-L1", "W-P3", "W-P3r", "X-1", "F-2"]
    wanted = ["W-P3", "W-P3r", "W-P10", "R-L1", "F-2", "M-CR", "X-1"]
    assert registry.in_order(names) == wanted


def test_an_unknown_claim_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"no claim \['W-XX'\]: there are .*W-P1"):
        registry.chosen(registry.registered(), ["W-E5", "W-XX"])


def test_claims_of_another_folder_are_found_and_grouped_by_file(tmp_path):
    write(tmp_path, one=["X-2", "X-1"], other=["X-3"])
    assert list(registry.known(tmp_path)) == ["X-1", "X-2", "X-3"]
    assert registry.by_file(["X-1", "X-3"], tmp_path) == [["X-1"], ["X-3"]]


def test_what_is_wrong_with_a_folder_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"claims: no folder .*nowhere"):
        registry.found_in(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"no file of .* defines CLAIM"):
        registry.found_in(tmp_path)
    write(tmp_path, one=["X-1"], other=["X-1"])
    with pytest.raises(
        ValueError, match=r"X-1 is defined in .*one\.py and in .*other\.py"
    ):
        registry.found_in(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CLAIM = (", r"bad\.py cannot be imported: bad\.py, line 1: SyntaxError"),
        ("\nimport not_there", r"bad\.py, line 2: ModuleNotFoundError: .*not_there"),
        ("raise SystemExit(0)", r"bad\.py, line 1: SystemExit: 0"),
        ("CLAIM = 3", r"bad\.py: CLAIM must be a Claim or a StudyClaim, got a int"),
        ("CLAIMS = 3", r"bad\.py: CLAIMS must be a tuple of claims, got a int"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path, text, message):
    write(tmp_path, good=["X-1"])
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(ValueError, match=message):
        registry.found_in(tmp_path)


@pytest.mark.parametrize(
    ("number", "title", "message"),
    [
        ("X/1", "t", "id: 'X/1' must be letters"),
        ("", "t", "id: '' must be letters"),
        ("X-1", " ", "X-1: title is empty"),
        ("X-1", "t" * 71, "X-1: title must have at most 70 characters, got 71: 'ttt"),
    ],
)
def test_a_number_that_is_no_file_name_and_missing_words_are_refused(
    tmp_path, number, title, message
):
    text = FILE.format(numbers=[number]).replace('title="t"', f'title="{title}"')
    (tmp_path / "one.py").write_text(text)
    with pytest.raises(ValueError, match=message):
        registry.found_in(tmp_path)
