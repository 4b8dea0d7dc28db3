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
    with pytest.raises(ValueError, match="X-1 is defined in claims_of_one and in"):
        registry.found_in(tmp_path)
