"""Names of members: which paths are safe, how pieces of records and files are called, what is worth compressing."""

import re
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from itertools import accumulate, chain, count
from posixpath import splitext
from unicodedata import normalize

from privacy.archive.errors import UnsafePathError

MANIFEST = "manifest.json"
README = "README.txt"
RECORDS = "records/"
FILES = "files/"

PATH_BYTES = 4096
"""Longest path of a member in UTF-8 bytes; Linux's PATH_MAX, well below the ZIP format's 65,535."""

PART_BYTES = 255
"""Longest part of a path in UTF-8 bytes: Linux's NAME_MAX."""

MODEL = re.compile(r"[a-z0-9_.-]{1,64}\Z")
"""The name of a model, as in the interface."""

_SUFFIX_BYTES = 16
"""A longer ending is no suffix that a program knows a file by."""

_IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt)."""

_UNWRITABLE = re.compile(r'[<>:"|?*]')
"""What Windows has in no name; unpackers write `_` for each (Python's zipfile, .NET's SanitizeZipFilePath)."""

# fmt: off
_COMPRESSED_SUFFIXES = frozenset({
    "7z", "aac", "apk", "avif", "br", "bz2", "docx", "epub", "flac", "gif", "gz", "heic", "heif", "jar",
    "jpeg", "jpg", "lz4", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "mpeg", "mpg", "odp", "ods", "odt",
    "ogg", "ogv", "opus", "parquet", "png", "pptx", "rar", "tgz", "webm", "webp", "woff", "woff2", "xlsx",
    "xz", "zip", "zst",
})
_COMPRESSED_TYPES = frozenset({
    "application/gzip", "application/vnd.rar", "application/x-7z-compressed", "application/x-bzip2",
    "application/x-gzip", "application/x-xz", "application/zip", "application/zstd", "font/woff",
    "font/woff2",
})
_PLAIN_MEDIA_TYPES = frozenset({
    "audio/midi", "audio/wav", "audio/x-wav", "image/bmp", "image/svg+xml", "image/tiff", "image/x-ms-bmp",
})
# fmt: on


def check_path(path: str) -> str:
    """Return `path` when it names a place below the archive's root on every system.

    Raises:
        UnsafePathError: it is empty, too long, absolute, has an empty, `.` or `..` part, a backslash, a NUL or a
            drive letter, or cannot be written as UTF-8.
    """
    try:
        length = len(path.encode("utf-8"))
    except UnicodeEncodeError:
        raise UnsafePathError("The path cannot be written as UTF-8.") from None
    if not 0 < length <= PATH_BYTES:
        raise UnsafePathError(f"A path has 1 to {PATH_BYTES} bytes in UTF-8.")
    if "\0" in path or "\\" in path:
        raise UnsafePathError("A path has no backslash and no NUL character.")
    if re.match(r"[A-Za-z]:", path):
        raise UnsafePathError("A path does not start with a drive letter.")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise UnsafePathError("A path is relative and has no empty, `.` or `..` part.")
    return path


class FileNames:
    """The paths of an archive's files so far, and the one that the next file gets.

    Unpacked on any system, no file takes another's place: none has a path that is a folder of another one, and no two
    have paths that some file system takes for one. What is kept follows from the paths alone, however they came; it
    is one string a file.
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._folded = sorted(map(_folded, paths))

    def add(self, path: str) -> None:
        """Take in the path of a file."""
        insort(self._folded, _folded(path))

    def path_for(self, path: str) -> str:
        """Return `path` or, when a file cannot lie there beside those so far, one where it can.

        Only the part that is in the way is changed. Its mark is made of the path down to it, so that the files of one
        folder stay together; where that does not help, of the whole path, which no other file has.
        """
        clash = self._clash(path)
        if clash is None:
            return path
        sources = chain((clash,), (f"{path}/{number}" for number in count()))
        others = (_marked(clash, source, is_folder=clash != path) + path[len(clash) :] for source in sources)
        return next(other for other in others if self._clash(other) is None)

    def _clash(self, path: str) -> str | None:
        """The shortest beginning of `path` that is a file, or `path` itself when it is a folder; else None."""
        folded = _folded(path)
        for beginning, key in zip(_beginnings(path), _beginnings(folded), strict=True):
            if self._first_from(key) == key:
                return beginning
        return path if self._first_from(f"{folded}/").startswith(f"{folded}/") else None

    def _first_from(self, key: str) -> str:
        at = bisect_left(self._folded, key)
        return self._folded[at] if at < len(self._folded) else ""


def _beginnings(path: str) -> Iterator[str]:
    return accumulate(path.split("/"), "{}/{}".format)


def _marked(path: str, source: str, *, is_folder: bool) -> str:
    """Return a path with a mark made of `source` on its last part, before the suffix of a file.

    Eight characters after the `~` cannot be mistaken for a short name of Windows (`PHOTOS~1.PNG`).
    """
    folder, _, part = path.rpartition("/")
    stem, suffix = (part, "") if is_folder else splitext(part)
    if len(suffix.encode()) > _SUFFIX_BYTES:
        stem, suffix = part, ""
    mark = f"~{sha256(source.encode()).hexdigest()[:8]}{suffix}"
    room = PART_BYTES - len(mark.encode())
    return f"{folder}/{stem.encode()[:room].decode(errors='ignore')}{mark}"


def _folded(path: str) -> str:
    """Return what is the same for all paths that some file system or unpacker takes for one; it has as many parts.

    It is coarser than each of them: NFD without ignorable characters and case (Linux's casefold, NFDICF in
    `linux/unicode.h`; APFS and HFS+), upper case (NTFS, FAT), and `_` for what Windows cannot write.
    """
    path = _UNWRITABLE.sub("_", normalize("NFD", path))
    if path.isascii():
        return path.lower()
    return normalize("NFD", _IGNORED.sub("", path).upper().casefold())


def piece_path(model: str, number: int, taken: Collection[str]) -> str:
    """Return the path of a model's piece, counted from 1, that is not yet `taken`.

    A model may be called `a.2`, so that its first piece and the second one of `a` would share a path. Whoever
    comes later gets a `~`, which no model's name can hold; the manifest says which model a member belongs to.
    """
    path = f"{RECORDS}{model}.jsonl" if number == 1 else f"{RECORDS}{model}.{number}.jsonl"
    return f"{RECORDS}{model}~{number}.jsonl" if path in taken else path


def model_of(path: str, paths: Collection[str]) -> str | None:
    """Return the model that a records member without a `model` in the manifest belongs to, None when none fits.

    `<base>.<n>` is a further piece only where the piece before it is there too; else it is a model of that name.
    """
    if not (path.startswith(RECORDS) and path.endswith(".jsonl")):
        return None
    name = path[len(RECORDS) : -len(".jsonl")]
    piece = re.fullmatch(r"(.+)\.([1-9][0-9]{0,5})", name, re.ASCII)
    if piece is not None and int(piece[2]) >= 2:
        base, number = piece[1], int(piece[2])
        before = base if number == 2 else f"{base}.{number - 1}"
        if f"{RECORDS}{before}.jsonl" in paths:
            name = base
    return name if MODEL.match(name) else None


def is_compressible(path: str, media_type: str | None = None) -> bool:
    """Return False for what is compressed already (pictures, films, archives, office documents)."""
    suffix = path.rsplit("/", 1)[-1].rpartition(".")[2].lower()
    if suffix in _COMPRESSED_SUFFIXES:
        return False
    if media_type is None:
        return True
    kind = media_type.split(";")[0].strip().lower()
    if kind in _COMPRESSED_TYPES:
        return False
    return kind in _PLAIN_MEDIA_TYPES or kind.split("/")[0] not in ("audio", "image", "video")
