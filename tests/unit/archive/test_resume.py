"""A worker may die at any call: the next one goes on from what was saved last, and the ZIP is the same."""

import os
import random
from typing import Any

import pytest

from privacy.archive import journal
from privacy.archive.multipart import SMALLEST_PART_BYTES, MultipartStream, abort_all, completed
from privacy.archive.pieces import RecordPieces
from privacy.archive.reader import ArchiveReader
from privacy.archive.writer import ArchiveWriter

from .fakes import BUCKET, KEY, NOW, SCRATCH, CrashError, CrashingStore, MemoryStore
from .samples import finish

STATE = SCRATCH + "state"
FILES = {f"files/{number}.bin": random.Random(number).randbytes(2_500_000 + number) for number in range(5)}
LINES = [b'{"key":"k%d","data":{},"updated_at":"2024-05-01T10:00:00Z"}' % number for number in range(40)]
PLACE: dict[str, Any] = {
    "bucket": BUCKET,
    "key": KEY,
    "scratch": SCRATCH,
    "part_bytes": SMALLEST_PART_BYTES,
}


def work(s3: Any) -> None:
    """One worker's run: it saves the archive's state at every member's end."""
    if completed(s3, BUCKET, KEY) is not None:
        tidy(s3)
        return
    state = journal.load(s3, BUCKET, STATE)
    if state is None:
        writer = ArchiveWriter(MultipartStream(s3, **PLACE))
    else:
        writer = ArchiveWriter.resume(MultipartStream.resume(s3, state["stream"], **PLACE), state)
    with writer:
        written = sum(entry.records or 0 for entry in writer.entries)
        pieces = RecordPieces(writer, "movies", modified=NOW, piece_bytes=900)
        for line in LINES[written:]:
            if pieces.add(line):
                journal.save(s3, BUCKET, STATE, writer.state())
        if pieces.cut():
            journal.save(s3, BUCKET, STATE, writer.state())
        done = {entry.path for entry in writer.entries}
        for path, content in FILES.items():
            if path not in done:
                with writer.member(path, modified=NOW, compress=False, size=len(content)) as output:
                    output.write(content[:1_000_000])
                    output.write(content[1_000_000:])
                journal.save(s3, BUCKET, STATE, writer.state())
        finish(writer)
    tidy(s3)


def tidy(s3: Any) -> None:
    """What a finished export leaves beside the ZIP goes."""
    journal.clear(s3, BUCKET, SCRATCH)
    abort_all(s3, BUCKET, KEY)


def unbroken() -> tuple[bytes, int]:
    s3 = MemoryStore()
    work(s3)
    return s3.bytes_of(KEY), len(s3.calls)


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_after_a_crash_at_any_call_the_zip_is_the_same(after: bool) -> None:
    expected, calls = unbroken()
    assert ArchiveReader.from_bytes(expected).verify().records == len(LINES)
    for crash_at in range(1, calls + 1):
        s3 = MemoryStore()
        crashing = CrashingStore(s3, crash_at, after=after)
        with pytest.raises(CrashError):
            work(crashing)
        work(s3)
        assert s3.bytes_of(KEY) == expected, f"crash at call {crash_at}"
        assert (list(s3.objects), s3.uploads) == ([KEY], {}), f"crash at call {crash_at}"


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize(
    "seed", [int(os.environ.get("SEED", random.randrange(10**6)))], ids=lambda seed: f"SEED={seed}"
)
def test_however_many_workers_die_the_zip_is_the_same(seed: int) -> None:
    chance = random.Random(seed)
    expected, _ = unbroken()
    for _ in range(5):
        s3 = MemoryStore()
        for _ in range(200):
            try:
                work(CrashingStore(s3, chance.randint(6, 15), after=chance.random() < 0.5))
            except CrashError:
                continue
            break
        assert s3.bytes_of(KEY) == expected


def test_the_state_survives_its_journal() -> None:
    s3 = MemoryStore()
    assert journal.load(s3, BUCKET, STATE) is None
    state = {"version": 1, "members": [["files/é", 1.5, None]], "stream": {"offset": 2**40}}
    journal.save(s3, BUCKET, STATE, state, {"ServerSideEncryption": "aws:kms"})
    assert journal.load(s3, BUCKET, STATE) == state
    assert s3.calls[-2][1]["ServerSideEncryption"] == "aws:kms"


def test_clearing_removes_page_after_page_and_nothing_beside() -> None:
    s3 = MemoryStore()
    for number in range(5):
        s3.put_object(Key=f"{SCRATCH}tail-{number}", Body=b"")
    s3.put_object(Key=KEY, Body=b"")
    assert journal.clear(s3, BUCKET, SCRATCH) == 5
    assert list(s3.objects) == [KEY]
