"""A sealed backup gives back what was written, from any place on; whatever else it is, it does not open."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from privacy.archive.multipart import MultipartStream
from privacy.archive.ranges import RangeReader
from privacy.portability.sealed import (
    FRAME_BYTES,
    SEALED_BYTES,
    SEGMENT_FRAMES,
    BackupBrokenError,
    Checked,
    SealedReader,
    SealedSink,
    Seals,
    check,
    frames_in,
)
from privacy.vault.keys import DataKey
from privacy.vault.sealing import SEAL_BYTES
from tests.unit.archive.fakes import BUCKET, KEY, SCRATCH, MemorySink, MemoryStore

pytestmark = pytest.mark.promise("databases.backups")

KEYS = [DataKey(f"db_{number}", bytes([number]) * 32, bytes(32)) for number in (1, 2)]
SEALS = Seals(KEYS[0], "bak_1")
CHANCE = random.Random(3)
NOISE = CHANCE.randbytes(3 * FRAME_BYTES + 5)


def sealed(plain: bytes, seals: Seals = SEALS) -> bytes:
    sink = MemorySink()
    stream = SealedSink(sink, seals)
    for start in range(0, len(plain), 300_001):
        stream.write(plain[start : start + 300_001])
    stream.finish()
    return bytes(sink.data)


def stored(data: bytes) -> RangeReader:
    store = MemoryStore()
    store.put_object(Bucket=BUCKET, Key=KEY, Body=data)
    return RangeReader(store, BUCKET, KEY)


def opened(data: bytes, seals: Seals = SEALS) -> bytes:
    return SealedReader(stored(data), seals).read()


SIZES = [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES + 5]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_written_comes_back_and_nothing_of_it_shows(size: int) -> None:
    data = sealed(NOISE[:size])
    frames = max(1, -(-size // FRAME_BYTES))
    assert (len(data), frames_in(len(data))) == (size + frames * SEAL_BYTES, frames)
    assert opened(data) == NOISE[:size]
    assert check(stored(data), SEALS, Checked(), lambda _: None).frames == frames
    assert size < 20 or NOISE[:20] not in data


def test_it_can_be_read_from_any_place() -> None:
    reader = SealedReader(stored(sealed(NOISE)), SEALS)
    assert reader.seek(0, 2) == len(NOISE)
    for _ in range(40):
        start, size = CHANCE.randrange(len(NOISE)), CHANCE.randrange(FRAME_BYTES)
        reader.seek(start)
        assert reader.read(size) == NOISE[start : start + size]
    assert reader.read(10**9) == NOISE[reader.seek(0, 1) :] or reader.tell() == len(NOISE)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


FRAMES = [sealed(NOISE)[start : start + SEALED_BYTES] for start in range(0, 4 * SEALED_BYTES, SEALED_BYTES)]
WHOLE = b"".join(FRAMES)
BROKEN = {
    "the first byte flipped": flipped(WHOLE, 0),
    "a byte of the middle flipped": flipped(WHOLE, SEALED_BYTES + 70_000),
    "the last byte flipped": flipped(WHOLE, len(WHOLE) - 1),
    "cut in a frame": WHOLE[:-3],
    "cut in a seal": WHOLE[: 3 * SEALED_BYTES + SEAL_BYTES - 1],
    "cut after a frame": b"".join(FRAMES[:3]),
    "two frames exchanged": FRAMES[1] + FRAMES[0] + FRAMES[2] + FRAMES[3],
    "a frame twice": FRAMES[0] + FRAMES[0] + FRAMES[2] + FRAMES[3],
    "a frame missing": FRAMES[0] + FRAMES[2] + FRAMES[3],
    "something behind it": WHOLE + bytes(100),
    "nothing": b"",
    "another backup of the database": sealed(NOISE, replace(SEALS, backup_id="bak_2")),
    "a backup of another database": sealed(NOISE, replace(SEALS, key=KEYS[1])),
    "another database's, under this one's key": sealed(NOISE, Seals(replace(KEYS[0], database_id="db_2"), "bak_1")),
    "a frame of another backup": FRAMES[0] + sealed(NOISE, replace(SEALS, backup_id="bak_2"))[SEALED_BYTES:],
    "no seal at all": NOISE,
}


def read_all(data: bytes) -> object:
    return opened(data)


def check_all(data: bytes) -> object:
    return check(stored(data), SEALS, Checked(), lambda _: None)


@pytest.mark.parametrize("read", [read_all, check_all])
@pytest.mark.parametrize("case", BROKEN)
def test_anything_else_does_not_open_and_says_so(case: str, read: Callable[[bytes], object]) -> None:
    with pytest.raises(BackupBrokenError, match=r"^The backup was (altered, or is another one|cut short)\.$"):
        read(BROKEN[case])


def test_another_worker_goes_on_where_the_last_checkpoint_was_taken() -> None:
    store = MemoryStore()
    place: dict[str, Any] = {"bucket": BUCKET, "key": KEY, "scratch": SCRATCH}
    stream = SealedSink(MultipartStream(store, **place), SEALS)
    for start in range(0, len(NOISE), 700_000):
        stream.write(NOISE[start : start + 700_000])
        saved = stream.checkpoint()
        stream.write(b"what the worker that dies writes after it" * 40_000)
        stream.release()
        assert saved["offset"] == min(start + 700_000, len(NOISE))
        stream = SealedSink.resume(MultipartStream.resume(store, saved["sink"], **place), SEALS, saved)
        assert stream.tell() == saved["offset"]
    stream.finish()
    assert opened(store.bytes_of(KEY)) == NOISE
    assert all(NOISE[start : start + 20] not in store.bytes_of(KEY) for start in range(0, len(NOISE), 100_000))


def test_a_journal_opens_as_its_own_only() -> None:
    journal = SEALS.seal_journal(b"{}")
    assert SEALS.unseal_journal(journal) == b"{}"
    for other in (replace(SEALS, backup_id="bak_2"), replace(SEALS, key=KEYS[1])):
        with pytest.raises(BackupBrokenError):
            other.unseal_journal(journal)
    with pytest.raises(BackupBrokenError):
        SEALS.unseal(journal, 0, last=True)


def test_a_check_that_another_worker_ends_gives_the_same_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.portability.sealed.SEGMENT_FRAMES", 2)
    data = sealed(NOISE)
    places: list[Checked] = []
    whole = check(stored(data), SEALS, Checked(), places.append)
    assert [place.frames for place in places] == [2]  # the second segment is the last
    assert check(stored(data), SEALS, places[0], places.append) == whole
    segments = [hashlib.sha256(data[start : start + 2 * SEALED_BYTES]).digest() for start in (0, 2 * SEALED_BYTES)]
    first = hashlib.sha256(segments[0]).digest()
    assert whole == Checked(4, hashlib.sha256(first + segments[1]).hexdigest())


def test_a_segment_of_a_check_takes_seconds() -> None:
    assert SEGMENT_FRAMES * FRAME_BYTES == 256 * 1024**2
