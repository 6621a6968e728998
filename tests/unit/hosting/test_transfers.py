"""The transfer bucket: parts that fit, sizes that are told, links that end."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from privacy.hosting import Host
from privacy.hosting.transfers import (
    MAX_UPLOAD_BYTES,
    PartsRefusedError,
    Transfers,
    export_key,
    staging_key,
)

KEY = staging_key("db_a", "upl_a")
MIB = 1024**2


@pytest.fixture
def transfers(host: Host) -> Transfers:
    return Transfers(host)


def stored(transfers: Transfers, upload: str, number: int, content: bytes) -> tuple[int, str]:
    answer = transfers.host.s3.upload_part(
        Bucket=transfers.host.transfer_bucket, Key=KEY, UploadId=upload, PartNumber=number, Body=content
    )
    return number, answer["ETag"]


def test_parts_become_one_object_and_joining_them_again_is_no_error(transfers: Transfers) -> None:
    upload = transfers.begin(KEY)
    parts = [stored(transfers, upload, 1, b"a" * 5 * MIB), stored(transfers, upload, 2, b"b")]
    assert transfers.size(KEY) is None
    transfers.complete(KEY, upload, parts)
    transfers.complete(KEY, upload, parts)
    assert transfers.size(KEY) == 5 * MIB + 1


def test_the_parts_that_are_stored_are_told_until_they_are_joined(transfers: Transfers) -> None:
    upload = transfers.begin(KEY)
    assert transfers.parts(KEY, upload) == {}
    (_, last), (_, first) = stored(transfers, upload, 7, b"b"), stored(transfers, upload, 2, b"a" * 5 * MIB)
    told = {2: (first.strip('"'), 5 * MIB), 7: (last.strip('"'), 1)}
    assert transfers.parts(KEY, upload) == told
    transfers.complete(KEY, upload, [(2, first), (7, last)])
    assert transfers.parts(KEY, upload) is None


def test_the_parts_of_more_than_one_page_are_told(host: Host) -> None:
    class Paged:
        """S3 with a page for each part."""

        def __init__(self) -> None:
            self.asked: list[int] = []

        def list_parts(self, **call: Any) -> dict[str, Any]:
            marker = int(call.get("PartNumberMarker", 0))
            self.asked.append(marker)
            page = {"Parts": [{"PartNumber": marker + 1, "ETag": f'"{marker}"', "Size": 5}], "IsTruncated": marker < 2}
            return page | {"NextPartNumberMarker": marker + 1}

    s3 = Paged()
    assert Transfers(replace(host, s3=s3)).parts(KEY, "upload") == {1: ("0", 5), 2: ("1", 5), 3: ("2", 5)}
    assert s3.asked == [0, 1, 2]


def test_parts_that_were_never_stored_are_refused(transfers: Transfers) -> None:
    upload = transfers.begin(KEY)
    number, etag = stored(transfers, upload, 1, b"a")
    for wrong in ([(number, '"0123456789abcdef0123456789abcdef"')], [(number, etag), (2, etag)]):
        with pytest.raises(PartsRefusedError):
            transfers.complete(KEY, upload, wrong)
    assert transfers.size(KEY) is None


def test_parts_but_the_last_that_are_too_small_are_refused(transfers: Transfers) -> None:
    upload = transfers.begin(KEY)
    parts = [stored(transfers, upload, 1, b"a"), stored(transfers, upload, 2, b"b")]
    with pytest.raises(PartsRefusedError):
        transfers.complete(KEY, upload, parts)


def test_giving_an_upload_up_twice_is_no_error(transfers: Transfers) -> None:
    upload = transfers.begin(KEY)
    stored(transfers, upload, 1, b"a")
    transfers.abort(KEY, upload)
    transfers.abort(KEY, upload)
    assert transfers.size(KEY) is None


class Failing:
    """S3 that answers a completion with an error (moto fails in a way of its own when it has forgotten an upload)."""

    def __init__(self, code: str) -> None:
        self.code = code

    def complete_multipart_upload(self, **_: object) -> None:
        raise ClientError({"Error": {"Code": self.code, "Message": ""}}, "CompleteMultipartUpload")


def test_an_upload_that_s3_forgot_is_no_error_and_any_other_failure_is(host: Host) -> None:
    Transfers(replace(host, s3=Failing("NoSuchUpload"))).complete(KEY, "upload", [(1, "etag")])
    with pytest.raises(ClientError):
        Transfers(replace(host, s3=Failing("InternalError"))).complete(KEY, "upload", [(1, "etag")])


@pytest.mark.parametrize("code", ["InvalidPart", "InvalidPartOrder", "EntityTooSmall"])
def test_what_s3_refuses_is_told_as_such(host: Host, code: str) -> None:
    with pytest.raises(PartsRefusedError):
        Transfers(replace(host, s3=Failing(code))).complete(KEY, "upload", [(1, "etag")])


def test_the_links_of_an_upload_cover_it_with_a_hundred_parts_at_most(
    transfers: Transfers, subtests: pytest.Subtests
) -> None:
    cases: list[tuple[int, int]] = [
        (1, 1),
        (8 * MIB, 1),
        (8 * MIB + 1, 2),
        (800 * MIB + 1, 100),
        (MAX_UPLOAD_BYTES, 100),
    ]
    for size, number in cases:
        with subtests.test(size=size, number=number):
            part_size, links = transfers.part_links(KEY, "upload", size, 60)
            assert len(links) == number
            assert (number - 1) * part_size < size <= number * part_size
            assert [link["number"] for link in links] == list(range(1, number + 1))
            assert 5 * MIB <= part_size <= 5 * 1024 * MIB


@pytest.mark.promise("exports.retention")
def test_a_link_lives_for_as_long_as_it_was_minted_for_and_downloads_a_zip(transfers: Transfers) -> None:
    link = parse_qs(urlsplit(transfers.link(export_key("db_a", "exp_a"), "export.zip", 900)).query)
    assert link["X-Amz-Expires"] == ["900"]
    assert link["response-content-type"] == ["application/zip"]
    assert link["response-content-disposition"] == ['attachment; filename="export.zip"']


def test_a_size_is_asked_of_the_very_key(transfers: Transfers) -> None:
    transfers.put(KEY + "longer", b"12345")
    assert transfers.size(KEY) is None
    transfers.put(KEY, b"123")
    assert transfers.size(KEY) == 3
    transfers.remove(KEY)
    transfers.remove(KEY)
    assert transfers.size(KEY) is None
