"""Unpacked on any disk, an export holds every file; read again, every file has its own path."""

import io
import json
import random
import shutil
import subprocess
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate, permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from privacy.archive.errors import ArchiveError, ArchiveStateError, DuplicateMemberError, ManifestError, UnsafePathError
from privacy.archive.names import PART_BYTES, PATH_BYTES, FileNames
from privacy.archive.reader import ArchiveReader
from privacy.archive.writer import ArchiveWriter
from privacy.models.fields import FilePath

from .fakes import NOW, MemorySink
from .samples import entry, export_of, finish

UNZIP = shutil.which("unzip")


def contents(paths: Iterable[str]) -> dict[str, bytes]:
    """Files under these paths, each with bytes of its own."""
    return {path: f"{number}: {path}".encode() for number, path in enumerate(dict.fromkeys(paths))}


def archive_of(files: Mapping[str, bytes], *, workers: bool = False) -> bytes:
    """An export of these files in this order; with `workers`, each member is written by another one."""
    sink = MemorySink()
    writer = ArchiveWriter(sink)
    for path, content in files.items():
        with writer.member(f"files/{path}", modified=NOW, compress=True, size=len(content)) as output:
            output.write(content)
        if workers:
            state = json.loads(json.dumps(writer.state()))
            writer.abandon()
            writer = ArchiveWriter.resume(sink, state)
    finish(writer)
    return bytes(sink.data)


def members_of(data: bytes) -> dict[str, str]:
    """The name of each file's member by the file's path."""
    reader = ArchiveReader.from_bytes(data)
    return {member.file_path: member.entry.path for member in reader.members if member.file_path is not None}


def brought_back(data: bytes) -> dict[str | None, bytes]:
    """Every file as an import reads it."""
    reader = ArchiveReader.from_bytes(data)
    assert reader.verify().files == len(list(reader.files()))
    return {member.file_path: stream.read(10**6) for member, stream in reader.files()}


def unpacked(data: bytes, folder: Path) -> list[bytes]:
    """What lies below `files` once an archive is unpacked, sorted."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    return sorted(path.read_bytes() for path in (folder / "files").rglob("*") if path.is_file())


WINDOWS = str.maketrans('<>:"|?*', "_______")
DISKS: dict[str, Callable[[str], str]] = {
    "Linux": str,
    "Windows": lambda name: name.translate(WINDOWS).upper(),
    "Windows, lower": lambda name: name.translate(WINDOWS).lower(),
    "HFS+": lambda name: unicodedata.normalize("NFD", name).replace("\u200d", "").lower(),
    "APFS": lambda name: unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold()),
    "ext4 with casefold": lambda name: unicodedata.normalize("NFD", name.replace("\ufe0f", "")).casefold(),
}
"""What a disk takes for one name: each as its own rules have it, none of them the archive's."""


def check_disks(names: Iterable[str]) -> None:
    """Every disk holds as many files as there are names, and none of them is a folder."""
    names = list(names)
    for disk, key in DISKS.items():
        files = {key(name) for name in names}
        folders = {folder for name in files for folder in accumulate(name.split("/")[:-1], "{}/{}".format)}
        assert len(files) == len(names), disk
        assert not files & folders, disk


# --- which files yield ----------------------------------------------------------------------------------------------


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize(
    ("first", "later"),
    [
        ("a", "a/b"), ("a/b", "a"), ("A", "a/b"), ("a/b/c", "A/B"), ("a/b", "a/b/c/d"),
        ("Photo.png", "photo.png"), ("A/photo.png", "a/Photo.PNG"), ("stra\u00dfe", "STRASSE"), ("\u1e9e", "ss"),
        ("\u00c9t\u00e9", "\u00e9T\u00c9"), ("\u0131", "I"), ("\u03c3", "\u03c2"), ("\u2764", "\u2764\ufe0f"),
        ("a\u200db", "ab"), ("12:30", "12_30"), ("a?/b", "a*"),
    ],
)  # fmt: skip
def test_the_later_of_two_files_that_are_in_each_others_way_yields(first: str, later: str) -> None:
    data = archive_of(contents([first, later]))
    members = members_of(data)
    assert members[first] == f"files/{first}"
    assert members[later] != f"files/{later}"
    check_disks(members.values())
    assert brought_back(data) == contents([first, later])


@pytest.mark.promise("databases.export")
def test_all_other_files_lie_under_their_paths_and_no_entry_says_more() -> None:
    paths = [
        "a/b",
        "A/c",
        "a!",
        "a.",
        "ab",
        "b/a",
        "con",
        "12:30",
        "a~2",
        "PHOTOS~1.PNG",
        "\u00df",
        "s",
        "a/b2",
        "files",
        "~",
    ]
    data = archive_of(contents(paths))
    assert members_of(data) == {path: f"files/{path}" for path in paths}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert all("file" not in row for row in json.loads(archive.read("manifest.json"))["members"])


def test_the_manifest_says_the_path_of_a_file_that_yields_and_the_readme_says_so() -> None:
    with zipfile.ZipFile(io.BytesIO(archive_of(contents(["a", "a/b"])))) as archive:
        rows = json.loads(archive.read("manifest.json"))["members"]
        assert b'"file"' in archive.read("README.txt")
    assert [row.get("file") for row in rows] == [None, "a/b", None]
    assert rows[1]["path"].startswith("files/a~")
    assert rows[1]["path"].endswith("/b")


def test_a_file_keeps_its_suffix_and_a_folder_its_files() -> None:
    members = members_of(archive_of(contents(["p.png", "P.png", "d.d", "d.d/1", "D.d/2", "d.d/sub/3", ".a", ".A"])))
    assert members["P.png"].startswith("files/P~")
    assert members["P.png"].endswith(".png")
    assert members[".A"].startswith("files/.A~")
    folder = members["d.d/1"].removesuffix("/1")
    assert folder.startswith("files/d.d~")
    assert members["d.d/sub/3"] == f"{folder}/sub/3"
    assert members["D.d/2"] not in (f"{folder}/2", "files/D.d/2")


def test_a_file_that_yields_has_the_same_name_in_every_export() -> None:
    names = {members_of(archive_of(contents([*others, "A"])))["A"] for others in (["a"], ["x", "a"], ["a/b"])}
    assert len(names) == 1


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize("path", ["a", "a/b", "A/b"])
def test_names_that_look_like_the_replacement_are_in_nobodys_way_in_any_order(path: str, tmp_path: Path) -> None:
    wanted = "a/b" if path == "a" else "a"
    name = members_of(archive_of(contents([wanted, path])))[path].removeprefix("files/")
    hostile = [path, wanted, name, name.upper(), f"{name}/b"]
    for number, order in enumerate(permutations(hostile)):
        data = archive_of(contents(order), workers=True)
        check_disks(members_of(data).values())
        assert brought_back(data) == contents(order)
        assert unpacked(data, tmp_path / str(number)) == sorted(contents(order).values())


def test_a_part_stays_as_short_as_disks_have_them() -> None:
    long = ["x" * 255, "\u00e9" * 127, "x" * 250 + ".jpeg", "\U0001f600" * 63, "x." + "y" * 253]
    paths = [path for name in long for path in (name, name.upper(), f"{name}/b")]
    members = members_of(archive_of(contents(paths)))
    assert members.keys() == set(paths)
    check_disks(members.values())
    assert max(len(part.encode()) for name in members.values() for part in name.split("/")) == PART_BYTES
    assert members[long[2].upper()].endswith(".JPEG")


def test_a_chain_of_files_in_each_others_way_has_short_names_and_each_is_found_at_once() -> None:
    class Counted(FileNames):
        looks = 0

        def _clash(self, path: str) -> str | None:
            self.looks += 1
            return super()._clash(path)

    chain = ["/".join("a" * depth) for depth in range(1, 513)]
    for order in (chain, chain[::-1], random.Random(1).sample(chain, 512)):
        names, given = Counted(), []
        for path in order:
            given.append(names.path_for(f"files/{path}"))
            names.add(given[-1])
        assert max(map(len, given)) <= len("files/") + 1024 + 9 < PATH_BYTES
        assert names.looks <= 3 * len(chain)
        check_disks(given)


def test_no_character_has_a_case_or_a_form_that_is_not_in_the_way_of_it() -> None:
    forms: list[Callable[[str], str]] = [str.lower, str.upper, str.casefold, lambda c: unicodedata.normalize("NFD", c)]
    for code in [*range(0x21, 0x2F), *range(0x30, 0xD800), *range(0x10400, 0x10500), *range(0x1E900, 0x1E960)]:
        character = chr(code)
        if character in "\\\x7f":
            continue
        names = FileNames([f"files/{character}"])
        for form in {form(character) for form in forms}:
            assert names.path_for(f"files/{form}") != f"files/{form}", hex(code)


# --- out, on to a disk, and in again -------------------------------------------------------------------------------

_PATH: TypeAdapter[str] = TypeAdapter(FilePath)


def _accepted(path: str) -> bool:
    try:
        return _PATH.validate_python(path) == path
    except ValidationError:
        return False


PARTS = st.sampled_from([
    "a", "A", "b", "B", "\u00df", "ss", "SS", "\u00e9", "\u00c9", "\u2764", "\u2764\ufe0f", "a~", "a~2", "a:", "a_",
    "a?", "x.png", "X.png", "x.PNG", "files", ".a",
])  # fmt: skip
TEXTS = st.text("aAb/~.:_ \u00e9\u0131Is\u017f\u200d", min_size=1, max_size=6)
PATHS = (st.lists(PARTS, min_size=1, max_size=3).map("/".join) | TEXTS).filter(_accepted)


@pytest.mark.promise("databases.export")
@given(paths=st.lists(PATHS, max_size=14, unique=True), yielding=st.lists(st.integers(0, 13), max_size=4))
@settings(max_examples=300, deadline=None)
def test_whatever_the_paths_are_every_file_is_unpacked_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str], yielding: list[int]
) -> None:
    members = list(members_of(archive_of(contents(paths))).values())
    # Paths that the archive itself gave, before and behind those that they were given for.
    given = [members[index].removeprefix("files/") for index in yielding if index < len(members)]
    files = contents([*given[::2], *paths, *given[1::2]])
    data = archive_of(files)
    names = members_of(data)
    check_disks(names.values())
    assert list(names) == list(files)
    assert all(_accepted(name) for name in names.values())
    assert brought_back(data) == files
    assert archive_of(files, workers=True) == data
    if files:
        assert unpacked(data, tmp_path_factory.mktemp("unpacked")) == sorted(files.values())


@pytest.mark.skipif(UNZIP is None, reason="unzip is not installed")
@pytest.mark.promise("databases.export")
def test_unzip_writes_every_byte(tmp_path: Path) -> None:
    files = contents(
        ["a", "a/b", "a/c/d", "A", "A/b", "a~2", "a~/b", "Photo.png", "photo.png", "photo.png/x", "\u00e9", "\u00c9"]
    )
    (tmp_path / "export.zip").write_bytes(archive_of(files))
    subprocess.run([str(UNZIP), "-q", "export.zip"], cwd=tmp_path, check=True, timeout=60, stdin=subprocess.DEVNULL)  # noqa: S603
    rows = json.loads((tmp_path / "manifest.json").read_bytes())["members"]
    found = {
        row.get("file", row["path"].removeprefix("files/")): (tmp_path / row["path"]).read_bytes()
        for row in rows
        if row["path"].startswith("files/")
    }
    assert found == files


def test_what_is_unpacked_and_packed_again_has_its_paths_still(tmp_path: Path) -> None:
    files = contents(["a", "a/b", "A"])
    with zipfile.ZipFile(io.BytesIO(archive_of(files))) as archive:
        archive.extractall(tmp_path)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(tmp_path.rglob("*")):
            archive.write(path, str(path.relative_to(tmp_path)))
    assert brought_back(packed.getvalue()) == files


# --- how the next worker goes on -----------------------------------------------------------------------------------


@pytest.mark.promise("databases.export")
def test_a_worker_after_each_member_writes_the_same_archive() -> None:
    mark = members_of(archive_of(contents(["a", "a/b"])))["a/b"].removeprefix("files/")
    files = contents(["a", "a/b", "A", mark, f"{mark}/c", "a/b/c", "a/B", "b/c", "b"])
    assert archive_of(files, workers=True) == archive_of(files)


def test_a_file_is_written_once_whatever_its_name_became() -> None:
    sink = MemorySink()
    writer = ArchiveWriter(sink)
    for path in ("a", "a/b"):
        writer.begin(f"files/{path}", modified=NOW, compress=True, size=0).close()
    given = writer.entries[1].path
    state = writer.state()
    for again in (writer, ArchiveWriter.resume(sink, state)):
        for path in ("files/a", "files/a/b"):
            with pytest.raises(DuplicateMemberError):
                again.begin(path, modified=NOW, compress=True)
    writer.begin(given, modified=NOW, compress=True, size=0).close()  # another file, whose path is that name
    assert [entry.file for entry in writer.entries] == [None, "a/b", given.removeprefix("files/")]


def test_the_state_of_a_release_that_let_files_be_in_each_others_way_is_refused() -> None:
    with ArchiveWriter(MemorySink()) as writer:
        state = writer.state()
    with pytest.raises(ArchiveStateError):
        ArchiveWriter.resume(MemorySink(), state | {"version": 1})


# --- manifests that mean harm --------------------------------------------------------------------------------------

CANARY = "canary-7f3a"


def renamed(*members: tuple[str, Any]) -> bytes:
    """An archive whose members, by path, claim to be these files; None for one that claims nothing."""
    line = b"1\n"
    rows = [entry(path, line) | ({} if file is None else {"file": file}) for path, file in members]
    return export_of({path: line for path, _ in members}, entries=rows)


@pytest.mark.parametrize(
    "members",
    [
        [("files/a~1", "x"), ("files/a~2", "x")],
        [("files/x", None), ("files/a~1", "x")],
        [("files/a~1", "x"), ("files/x", None)],
        [("files/a", "b"), ("files/b", "b")],
        [("files/a", "b"), ("files/b", "a"), ("files/c", "b")],
    ],
)
def test_two_members_that_claim_to_be_one_file(members: list[tuple[str, str | None]]) -> None:
    with pytest.raises(DuplicateMemberError):
        ArchiveReader.from_bytes(renamed(*members))


def test_members_may_have_each_others_paths() -> None:
    reader = ArchiveReader.from_bytes(renamed(("files/a", "b"), ("files/b", "a"), ("files/c", "c")))
    assert [member.file_path for member in reader.members] == ["b", "a", "c"]


@pytest.mark.parametrize("path", ["records/m.jsonl", "README.txt"])
@pytest.mark.parametrize("file", ["x", "", "records/m.jsonl"])
def test_what_is_no_file_has_no_path_of_a_file(path: str, file: str) -> None:
    with pytest.raises(ManifestError):
        ArchiveReader.from_bytes(renamed((path, file)))


@pytest.mark.parametrize("file", [1, True, [], {}, ["x"]])
def test_a_path_of_another_shape(file: Any) -> None:
    with pytest.raises(ManifestError):
        ArchiveReader.from_bytes(renamed(("files/a", file)))


@pytest.mark.parametrize(
    "file",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "a\\b", "C:/x", "a\0b", "\ud800", "x" * (PATH_BYTES + 1)],
)
def test_a_files_path_that_climbs_out(file: str) -> None:
    with pytest.raises(UnsafePathError):
        ArchiveReader.from_bytes(renamed(("files/a", file)))


def test_no_error_names_a_file() -> None:
    for data in (
        renamed(("files/a", f"../{CANARY}")),
        renamed(("files/a", CANARY), ("files/b", CANARY)),
        renamed(("records/m.jsonl", CANARY)),
        renamed(("files/a", [CANARY])),
    ):
        with pytest.raises(ArchiveError) as caught:
            ArchiveReader.from_bytes(data)
        assert CANARY not in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
