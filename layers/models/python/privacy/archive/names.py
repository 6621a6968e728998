"""Names of members: which paths are safe, how pieces of records are called, what is worth compressing."""

import re
from collections.abc import Collection

from privacy.archive.errors import UnsafePathError

MANIFEST = "manifest.json"
README = "README.txt"
RECORDS = "records/"
FILES = "files/"

PATH_BYTES = 4096
"""Longest path of a member in UTF-8 bytes; Linux's PATH_MAX, well below the ZIP format's 65,535."""

MODEL = re.compile(r"[a-z0-9_.-]{1,64}\Z")
"""The name of a model, as in the interface."""

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
