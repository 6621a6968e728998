"""One S3 object written front to back: parts, checkpoints, and what is left behind."""

import os
import random
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from privacy.archive.errors import ArchiveStateError, ArchiveTooLargeError, UploadLostError
from privacy.archive.multipart import (
    MIB,
    PARTS,
    PARTS_OF_ONE_SIZE,
    SMALLEST_PART_BYTES,
    MultipartStream,
    abort_all,
    completed,
    part_size,
)

from .fakes import BUCKET, KEY, SCRATCH, CrashError, CrashingStore, MemoryStore, ServiceError

SSE = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/perfectwork-data"}


def stream(s3: Any, **options: Any) -> MultipartStream:
    settings = {
        "bucket": BUCKET,
        "key": KEY,
        "scratch": SCRATCH,
        "part_bytes": SMALLEST_PART_BYTES,
        **options,
    }
    return MultipartStream(s3, **settings)


def resume(s3: Any, checkpoint: dict[str, Any]) -> MultipartStream:
    return MultipartStream.resume(s3, checkpoint, bucket=BUCKET, key=KEY, scratch=SCRATCH)


@pytest.fixture
def moto_s3() -> Iterator[Any]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        s3.create_bucket(Bucket=BUCKET)
        yield s3


@pytest.mark.parametrize("size", [0, 1, SMALLEST_PART_BYTES - 1, SMALLEST_PART_BYTES, 2 * SMALLEST_PART_BYTES + 1])
def test_what_is_written_is_what_is_stored(moto_s3: Any, size: int) -> None:
    data = random.Random(size).randbytes(size)
    with stream(moto_s3, encryption={"ServerSideEncryption": "aws:kms"}) as file:
        for start in range(0, size, 700_001):
            file.write(data[start : start + 700_001])
        assert file.tell() == size
        stored = file.finish()
    answer = moto_s3.get_object(Bucket=BUCKET, Key=KEY)
    assert answer["Body"].read() == data
    assert (stored.bytes, stored.etag) == (size, answer["ETag"])
    assert answer["ServerSideEncryption"] == "aws:kms"
    assert answer["ContentType"] == "application/zip"


def test_a_checkpoint_is_resumed_by_another_worker_at_the_same_offset(moto_s3: Any) -> None:
    data = os.urandom(3 * SMALLEST_PART_BYTES + 17)
    cut = SMALLEST_PART_BYTES + 1234
    with stream(moto_s3) as first:
        first.write(data[:cut])
        checkpoint = first.checkpoint()
        first.write(data[:cut])  # what comes after a checkpoint and is not saved is forgotten
    with resume(moto_s3, checkpoint) as second:
        assert second.tell() == cut
        second.write(data[cut:])
        stored = second.finish()
    assert moto_s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == data
    assert stored.sha256 is None
    assert [item["Key"] for item in moto_s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [KEY]


def test_a_small_archive_takes_one_call() -> None:
    s3 = MemoryStore()
    with stream(s3) as file:
        file.write(b"small")
        file.finish()
    assert [name for name, _ in s3.calls] == ["put_object"]


def test_the_digest_of_an_unbroken_run_is_that_of_the_object() -> None:
    s3 = MemoryStore()
    with stream(s3) as file:
        file.write(b"abc")
        assert file.finish().sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.promise("security.measures")
def test_every_call_that_stores_names_our_key() -> None:
    s3 = MemoryStore()
    with stream(s3, encryption=SSE) as file:
        file.write(b"x" * (SMALLEST_PART_BYTES + 1))
        file.checkpoint()
        file.finish()
    storing = [call for name, call in s3.calls if name in ("put_object", "create_multipart_upload")]
    assert len(storing) == 2
    assert all(SSE.items() <= call.items() for call in storing)


def test_a_crash_before_the_checkpoint_is_saved_leaves_the_one_before_usable() -> None:
    s3 = MemoryStore()
    with stream(s3) as file:
        file.write(b"a" * 100)
        saved = file.checkpoint()
        file.write(b"b" * 100)
        file.checkpoint()  # never saved
    with resume(s3, saved) as file:
        file.write(b"c")
        file.finish()
    assert s3.bytes_of(KEY) == b"a" * 100 + b"c"


def test_old_tails_do_not_pile_up() -> None:
    s3 = MemoryStore()
    with stream(s3) as file:
        for _ in range(5):
            file.write(b"a")
            file.checkpoint()
            assert len(s3.objects) <= 2
        file.finish()
    assert list(s3.objects) == [KEY]


def test_a_tail_of_another_worker_is_refused() -> None:
    s3 = MemoryStore()
    with stream(s3) as file:
        file.write(b"a" * 100)
        saved = file.checkpoint()
    s3.put_object(Key=saved["tail"]["key"], Body=b"b" * 100)
    with pytest.raises(UploadLostError):
        resume(s3, saved)
    s3.delete_object(Key=saved["tail"]["key"])
    with pytest.raises(UploadLostError):
        resume(s3, saved)


def test_two_workers_on_one_upload_never_mix_their_parts() -> None:
    s3 = MemoryStore()
    with stream(s3) as first:
        first.write(b"a" * (SMALLEST_PART_BYTES + 1))
        saved = first.checkpoint()
        first.write(b"b" * SMALLEST_PART_BYTES)
        with resume(s3, saved) as second:
            second.write(b"c" * SMALLEST_PART_BYTES)
            second.checkpoint()
            first.checkpoint()
            # Whoever's part was overwritten is told; the object is one worker's or nobody's.
            outcomes = []
            for worker in (first, second):
                try:
                    worker.finish()
                    outcomes.append("done")
                except UploadLostError:
                    outcomes.append("lost")
    assert outcomes.count("done") <= 1
    assert s3.objects.get(KEY, (b"a" * (SMALLEST_PART_BYTES + 1), ""))[0][SMALLEST_PART_BYTES + 1 :] in (
        b"",
        b"b" * SMALLEST_PART_BYTES,
        b"c" * SMALLEST_PART_BYTES,
    )


def test_an_upload_that_is_gone_is_named_so() -> None:
    s3 = MemoryStore()
    with stream(s3) as file:
        file.write(b"a" * SMALLEST_PART_BYTES)
        saved = file.checkpoint()
        file.abort()
    with resume(s3, saved) as again:
        again.write(b"b" * SMALLEST_PART_BYTES)
        with pytest.raises(UploadLostError):
            again.finish()


def test_abort_leaves_nothing_and_may_be_repeated() -> None:
    s3 = MemoryStore()
    with stream(s3) as file:
        file.write(b"a" * (2 * SMALLEST_PART_BYTES + 5))
        saved = file.checkpoint()
        file.abort()
        file.abort()
    assert (s3.objects, s3.uploads) == ({}, {})
    assert saved["tail"] is not None


def test_uploads_that_no_state_knows_are_found_and_aborted(moto_s3: Any) -> None:
    for s3 in (MemoryStore(), moto_s3):
        for _ in range(3):
            with stream(s3) as file:
                file.write(b"a" * SMALLEST_PART_BYTES)
        assert abort_all(s3, BUCKET, KEY) == 3
        assert abort_all(s3, BUCKET, KEY) == 0


def test_a_failed_part_stops_the_writing() -> None:
    s3 = CrashingStore(MemoryStore(), 2, after=False)  # create, then the first part
    with stream(s3) as file:
        with pytest.raises(CrashError):
            file.write(b"a" * (6 * SMALLEST_PART_BYTES))
        with pytest.raises(ArchiveStateError):
            file.write(b"a")
        with pytest.raises(ArchiveStateError):
            file.checkpoint()


def test_parts_on_their_way_are_bounded() -> None:
    class Counting(MemoryStore):
        now = most = 0

        def upload_part(self, **call: Any) -> dict[str, Any]:
            with self._lock:
                self.now += 1
                self.most = max(self.most, self.now)
            answer = super().upload_part(**call)
            with self._lock:
                self.now -= 1
            return answer

    s3 = Counting()
    with stream(s3, in_flight=2) as file:
        file.write(b"a" * (8 * SMALLEST_PART_BYTES))
        file.finish()
    assert 1 <= s3.most <= 2


def test_parts_grow_so_that_ten_thousand_hold_hundreds_of_gigabytes() -> None:
    sizes = [part_size(number) for number in range(1, PARTS + 1)]
    assert sizes[0] == sizes[PARTS_OF_ONE_SIZE - 1] == 8 * MIB
    assert sizes[PARTS_OF_ONE_SIZE] == 16 * MIB
    assert sizes[-1] == 128 * MIB
    assert sum(sizes) // 1024**3 == 484


def test_beyond_the_last_part_the_error_is_clear() -> None:
    s3 = MemoryStore()
    parts = [{"number": number, "etag": "x", "crc32": "AAAAAA=="} for number in range(1, PARTS)]
    full = {"upload_id": "u", "offset": 1, "part_bytes": SMALLEST_PART_BYTES, "parts": parts, "tail": None}
    s3.uploads["u"] = {}
    with resume(s3, full) as file:
        last = b"a" * part_size(PARTS, SMALLEST_PART_BYTES)
        file.write(last)
        file.write(b"one more")
        with pytest.raises(ArchiveTooLargeError):
            file.finish()


def test_a_finished_upload_is_recognised() -> None:
    s3 = MemoryStore()
    assert completed(s3, BUCKET, KEY) is None
    with stream(s3) as file:
        file.write(b"abc")
        stored = file.finish()
    found = completed(s3, BUCKET, KEY)
    assert found is not None
    assert (found.bytes, found.etag) == (stored.bytes, stored.etag)


def test_a_part_below_the_services_minimum_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        stream(MemoryStore(), part_bytes=SMALLEST_PART_BYTES - 1)


def test_other_errors_of_the_service_pass_unchanged() -> None:
    class Denying(MemoryStore):
        def head_object(self, **call: Any) -> dict[str, Any]:
            raise ServiceError("403")

    with pytest.raises(ServiceError):
        completed(Denying(), BUCKET, KEY)
