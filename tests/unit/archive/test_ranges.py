"""An S3 object read in ranges: the same bytes as a file, few calls, and never a mixture of two versions."""

import io
import os
import random
from typing import Any

import pytest

from privacy.archive.errors import ArchiveChangedError
from privacy.archive.multipart import completed
from privacy.archive.ranges import LONGEST_READ_BYTES, RangeReader, object_sha256
from privacy.archive.reader import ArchiveReader

from .fakes import BUCKET, KEY, MemoryStore, ServiceError
from .samples import MOVIES, PICTURE, sample


def stored(data: bytes) -> MemoryStore:
    s3 = MemoryStore()
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=data)
    return s3


@pytest.mark.parametrize(
    "seed", [int(os.environ.get("SEED", random.randrange(10**6)))], ids=lambda seed: f"SEED={seed}"
)
def test_it_reads_like_a_file(seed: int) -> None:
    chance = random.Random(seed)
    data = chance.randbytes(900_000)
    reader, file = RangeReader(stored(data), BUCKET, KEY), io.BytesIO(data)
    for _ in range(300):
        offset, whence = chance.choice([(chance.randrange(950_000), 0), (-chance.randrange(900_000), 2), (5, 1)])
        assert reader.seek(offset, whence) == file.seek(offset, whence)
        size = chance.choice([0, 1, 30, 5000, 70_000, 300_000])
        assert reader.read(size) == file.read(size)
        assert reader.tell() == file.tell()


def test_reading_in_order_takes_few_calls_and_a_bounded_window() -> None:
    data = bytes(20 * LONGEST_READ_BYTES)
    s3 = stored(data)
    reader = RangeReader(s3, BUCKET, KEY)
    while reader.read(256 * 1024):
        pass
    assert s3.counted("get_object") <= 20 + 7
    assert {call["IfMatch"] for name, call in s3.calls if name == "get_object"} == {reader.etag}


def test_an_export_is_read_from_s3() -> None:
    reader = ArchiveReader(RangeReader(stored(sample()), BUCKET, KEY))
    reader.verify()
    assert [line for _, line in reader.records()] == MOVIES
    assert [stream.read(len(PICTURE) + 1) for _, stream in reader.files()] == [PICTURE, b""]


def test_an_object_replaced_meanwhile_is_an_error() -> None:
    s3 = stored(bytes(500_000))
    reader = RangeReader(s3, BUCKET, KEY)
    reader.read(10)
    s3.put_object(Key=KEY, Body=bytes(500_000))
    reader.seek(400_000)
    with pytest.raises(ArchiveChangedError):
        reader.read(10)


def test_an_object_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ArchiveChangedError):
        RangeReader(MemoryStore(), BUCKET, KEY)


def test_the_version_is_part_of_every_call() -> None:
    s3 = stored(b"abc")
    RangeReader(s3, BUCKET, KEY, version_id="v1").read(3)
    assert [call["VersionId"] for name, call in s3.calls if name != "put_object"] == ["v1", "v1"]


class Flaky(MemoryStore):
    """Connections break in the middle of the body, a given number of times."""

    breaks = 0

    def get_object(self, **call: Any) -> dict[str, Any]:
        answer = super().get_object(**call)
        if self.breaks:
            self.breaks -= 1
            answer["Body"] = BrokenBody()
        return answer


class BrokenBody:
    def read(self) -> bytes:
        raise ConnectionResetError


@pytest.mark.parametrize(("breaks", "survives"), [(2, True), (3, False)])
def test_a_broken_connection_is_tried_three_times(breaks: int, survives: bool) -> None:
    s3 = Flaky()
    s3.put_object(Key=KEY, Body=b"abc")
    reader = RangeReader(s3, BUCKET, KEY)
    s3.breaks = breaks
    if survives:
        assert reader.read(3) == b"abc"
    else:
        with pytest.raises(ConnectionResetError):
            reader.read(3)


def test_other_errors_of_the_service_pass_unchanged() -> None:
    class Denying(MemoryStore):
        def get_object(self, **call: Any) -> dict[str, Any]:
            raise ServiceError("AccessDenied")

    s3 = Denying()
    s3.put_object(Key=KEY, Body=b"abc")
    with pytest.raises(ServiceError):
        RangeReader(s3, BUCKET, KEY).read(1)


def test_the_digest_of_an_archive_by_several_workers_is_read_back() -> None:
    s3 = stored(b"abc")
    assert object_sha256(RangeReader(s3, BUCKET, KEY)).startswith("ba7816bf")
    assert completed(s3, BUCKET, KEY) is not None


def test_a_whole_object_is_read_in_pieces_that_are_on_their_way_together_and_in_order() -> None:
    data = random.Random(3).randbytes(5 * LONGEST_READ_BYTES + 17)
    s3 = stored(data)
    pieces = list(RangeReader(s3, BUCKET, KEY).pieces())
    assert b"".join(pieces) == data
    assert [len(piece) for piece in pieces] == [LONGEST_READ_BYTES] * 5 + [17]
    assert list(RangeReader(stored(b""), BUCKET, KEY).pieces()) == []


def test_what_is_raised_between_two_pieces_ends_the_reading() -> None:
    s3 = stored(bytes(40 * LONGEST_READ_BYTES))

    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        object_sha256(RangeReader(s3, BUCKET, KEY), stop)
    assert s3.counted("get_object") <= 5


class WholeStore(MemoryStore):
    """Ignores that a range was asked for, as a server may."""

    def get_object(self, **call: Any) -> dict[str, Any]:
        call.pop("Range", None)
        return super().get_object(**call)


def test_a_server_that_ignores_the_range_is_read_all_the_same() -> None:
    store, data = WholeStore(), random.Random(2).randbytes(2 * LONGEST_READ_BYTES + 7)
    store.put_object(Bucket=BUCKET, Key=KEY, Body=data)
    reader = RangeReader(store, BUCKET, KEY)
    assert b"".join(reader.pieces()) == data
    for place in (0, 1, len(data) // 2, len(data) - 3):
        reader.seek(place)
        assert reader.read(1000) == data[place : place + 1000]
