"""A database's files on their way into an archive: small ones are fetched ahead, for each costs a round trip."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import ClientError

from privacy.hosting.files import File, Files
from privacy.tables.store import StoreBusyError

AHEAD = 8
"""Small files on their way at once."""
SMALL_BYTES = 1024 * 1024
"""What is fetched ahead, and held whole: at most `AHEAD` times this is in memory."""
CHUNK_BYTES = 256 * 1024

_GONE = ("NoSuchVersion", "NoSuchKey")


class FileLostError(Exception):
    """A file's row is there, and its bytes are not."""


_TRIES = 8
"""Looks at a file that others write at the same time."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file and its bytes, which belong together."""

    file: File
    chunks: Iterable[bytes]


def opened(files: Files, after: str | None) -> Generator[tuple[str, Opened | None], None, None]:
    """Every file from a cursor on, each with the cursor that lies after it; None for one that was deleted meanwhile.

    Raises: KeyDestroyedError, SealBrokenError, FileLostError, StoreBusyError.
    """
    waiting: deque[tuple[str, Future[Opened | None] | File]] = deque()
    with ThreadPoolExecutor(AHEAD, thread_name_prefix="files") as pool:
        try:
            for cursor, file in files.every(after):
                small = file.bytes <= SMALL_BYTES
                waiting.append((cursor, pool.submit(_open, files, file) if small else file))
                if len(waiting) == AHEAD:
                    yield _next(files, waiting)
            while waiting:
                yield _next(files, waiting)
        finally:
            pool.shutdown(cancel_futures=True)


def _next(files: Files, waiting: deque[tuple[str, Future[Opened | None] | File]]) -> tuple[str, Opened | None]:
    cursor, file = waiting.popleft()
    return cursor, _open(files, file) if isinstance(file, File) else file.result()


def _open(files: Files, listed: File) -> Opened | None:
    """A file as it was listed or, when it was replaced since, as it is now."""
    file: File | None = listed
    for _ in range(_TRIES):
        if file is None:
            return None
        try:
            body = files.open(file)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            replaced = file.key
            file = files.get(file.path)
            if file is not None and file.key == replaced:
                raise FileLostError from None
            continue
        if file.bytes <= SMALL_BYTES:
            return Opened(file, [body.read()])
        return Opened(file, iter(partial(body.read, CHUNK_BYTES), b""))
    raise StoreBusyError("the file is being written by others")
