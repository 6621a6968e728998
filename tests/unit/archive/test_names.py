"""Names: which are safe, which are free, and what is worth compressing."""

import pytest

from privacy.archive.errors import UnsafePathError
from privacy.archive.names import PATH_BYTES, check_path, is_compressible, model_of, piece_path


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "files/a b/ü.txt",
        "files/...",
        "files/..a",
        "files/a..",
        "files/a:b",
        "files/\u202eabc",
        "é" * (PATH_BYTES // 2),
    ],
)
def test_ordinary_paths_pass(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/..",
        "a/../b",
        "a/./b",
        "a\\b",
        "a\0",
        "c:a",
        "\ud800",
        "x" * (PATH_BYTES + 1),
    ],
)
def test_paths_that_leave_their_place_are_refused(path: str) -> None:
    with pytest.raises(UnsafePathError):
        check_path(path)


def test_pieces_are_named_as_in_the_interface() -> None:
    assert piece_path("movies", 1, ()) == "records/movies.jsonl"
    assert piece_path("movies", 2, ()) == "records/movies.2.jsonl"


def test_a_taken_name_is_told_apart_by_a_character_that_no_model_has() -> None:
    assert piece_path("a", 2, {"records/a.2.jsonl"}) == "records/a~2.jsonl"
    assert piece_path("a.2", 1, {"records/a.2.jsonl"}) == "records/a.2~1.jsonl"


@pytest.mark.parametrize(
    ("path", "others", "model"),
    [
        ("records/a.jsonl", [], "a"),
        ("records/a.2.jsonl", ["records/a.jsonl"], "a"),
        ("records/a.2.jsonl", [], "a.2"),
        ("records/a.3.jsonl", ["records/a.jsonl"], "a.3"),
        ("records/a.3.jsonl", ["records/a.jsonl", "records/a.2.jsonl"], "a"),
        ("records/a.1.jsonl", ["records/a.jsonl"], "a.1"),
        ("records/a.02.jsonl", ["records/a.jsonl"], "a.02"),
        ("records/A.jsonl", [], None),
        ("records/a/b.jsonl", [], None),
        ("records/a.json", [], None),
        ("files/a.jsonl", [], None),
    ],
)
def test_without_a_manifests_word_the_name_says_which_model(path: str, others: list[str], model: str | None) -> None:
    assert model_of(path, {path, *others}) == model


@pytest.mark.parametrize(
    ("path", "media_type", "compressible"),
    [
        ("files/a.PNG", None, False),
        ("files/a.jpeg", "image/jpeg", False),
        ("files/a", "image/png", False),
        ("files/a", "video/mp4; codecs=x", False),
        ("files/a.tar.gz", "application/octet-stream", False),
        ("files/a.svg", "image/svg+xml", True),
        ("files/a.bmp", "image/bmp", True),
        ("files/a.csv", "text/csv", True),
        ("files.zip/a", None, True),
        ("files/zip", None, False),
    ],
)
def test_what_is_compressed_already_is_known_by_name_or_type(
    path: str, media_type: str | None, compressible: bool
) -> None:
    assert is_compressible(path, media_type) is compressible
