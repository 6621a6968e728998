"""An S3 object as a seekable file, read in ranges and pinned to the version that was there at the start."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from privacy.archive.errors import ArchiveChangedError
from privacy.archive.positions import PositionedReader
from privacy.archive.store import ObjectStore, error_code

FIRST_READ_BYTES = 64 * 1024
LONGEST_READ_BYTES = 4 * 1024 * 1024
"""Read-ahead doubles from the first to this while reading is sequential; memory is at most twice the latter."""
ATTEMPTS = 3
AHEAD = 4
"""Ranges on their way at once where a whole object is read from front to end; memory is this times the longest read."""


class RangeReader(PositionedReader):
    """A read-only, seekable file over one S3 object that cannot change underneath.

    Args:
        s3: a boto3 client in the bucket's region.
        version_id: for a versioned bucket; else the ETag alone pins the object.
        transient: exceptions of a broken connection, after which a range is asked for again; for botocore
            `(BotoCoreError, OSError)`.

    Raises:
        ArchiveChangedError: the object is not there, or was replaced after the reader was made.
    """

    def __init__(
        self,
        s3: ObjectStore,
        bucket: str,
        key: str,
        *,
        version_id: str | None = None,
        transient: tuple[type[Exception], ...] = (OSError,),
    ) -> None:
        super().__init__()
        self._s3 = s3
        self._place: Mapping[str, Any] = {"Bucket": bucket, "Key": key}
        if version_id is not None:
            self._place = {**self._place, "VersionId": version_id}
        self._transient = transient
        try:
            head = s3.head_object(**self._place)
        except Exception as error:
            if error_code(error) in ("404", "NoSuchKey", "NoSuchVersion", "NotFound"):
                raise ArchiveChangedError("The archive is not in its place.") from None
            raise
        self.bytes = int(head["ContentLength"])
        self.etag = str(head["ETag"])
        self._window = b""
        self._window_start = 0
        self._ahead = FIRST_READ_BYTES
        self.requests = 0

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """Yield the object's bytes from an offset to the end, some ranges on their way while one is used."""
        waiting: deque[Future[bytes]] = deque()
        starts = iter(range(start, self.bytes, LONGEST_READ_BYTES))
        with ThreadPoolExecutor(AHEAD, thread_name_prefix="ranges") as pool:
            try:
                for at in starts:
                    waiting.append(pool.submit(self._get, at, min(at + LONGEST_READ_BYTES, self.bytes)))
                    if len(waiting) == AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _at(self, position: int) -> memoryview:
        if not self._window_start <= position < self._window_start + len(self._window):
            self._fill()
        return memoryview(self._window)[position - self._window_start :]

    def _fill(self) -> None:
        sequential = self._position == self._window_start + len(self._window)
        self._ahead = min(self._ahead * 2, LONGEST_READ_BYTES) if sequential else FIRST_READ_BYTES
        end = min(self._position + self._ahead, self.bytes)
        self._window = self._get(self._position, end)
        self._window_start = self._position

    def _get(self, start: int, end: int) -> bytes:
        for attempt in range(1, ATTEMPTS + 1):
            self.requests += 1
            try:
                answer = self._s3.get_object(**self._place, Range=f"bytes={start}-{end - 1}", IfMatch=self.etag)
                data = self._cut(answer, start, end)
            except self._transient:
                if attempt == ATTEMPTS:
                    raise
                continue
            except Exception as error:
                gone = ("PreconditionFailed", "412", "NoSuchKey", "NoSuchVersion", "InvalidRange", "404")
                if error_code(error) in gone:
                    raise ArchiveChangedError("The archive was replaced while it was read.") from None
                raise
            if len(data) == end - start:
                return data
        raise ArchiveChangedError("The archive came shorter than it is.")

    def _cut(self, answer: Mapping[str, Any], start: int, end: int) -> bytes:
        """A range out of an answer, which may be all of the object: a server may ignore that a range was asked for
        (RFC 9110, 14.2), and ministack does where a version is named.
        """
        body = answer["Body"]
        if int(answer["ContentLength"]) == self.bytes and end - start < self.bytes:
            skipped = 0
            while skipped < start and (passed := body.read(min(start - skipped, FIRST_READ_BYTES))):
                skipped += len(passed)
            data: bytes = body.read(end - start)
            body.close()
            return data
        data = body.read()
        return data


def object_sha256(reader: RangeReader, on_piece: Callable[[], None] | None = None) -> str:
    """Return the SHA-256 of an object's bytes by reading it once, for an archive that several workers wrote.

    `on_piece` is called after each piece; what it raises ends the reading.
    """
    digest = hashlib.sha256()
    for piece in reader.pieces():
        digest.update(piece)
        if on_piece is not None:
            on_piece()
    return digest.hexdigest()
