"""The places of a database: listing them to the end, and looking at what S3 refused."""

from typing import Any

import pytest

from privacy.removal.stores import Objects, RemovalRefusedError


class NoSuchUpload(Exception):  # noqa: N818  # S3's name
    """The upload is over."""


class Scripted:
    """An S3 client that answers what it was told to, in order."""

    class exceptions:  # noqa: N801  # botocore's name
        NoSuchUpload = NoSuchUpload

    def __init__(self, **answers: list[dict[str, Any]]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> dict[str, Any]:
            self.asked.append((name, arguments))
            answer = self.answers[name].pop(0)
            if answer.get("raise"):
                raise NoSuchUpload
            return answer

        return call


def objects(s3: Scripted) -> Objects:
    return Objects("files", "0", "asia", s3, "bucket", ("db_a/",))


def test_an_empty_page_that_another_follows_is_not_taken_for_the_end() -> None:
    s3 = Scripted(
        list_object_versions=[
            {"IsTruncated": True, "NextKeyMarker": "k", "NextVersionIdMarker": "v"},
            {"Versions": [{"Key": "db_a/1", "VersionId": "7"}]},
        ],
        list_multipart_uploads=[
            {"IsTruncated": True, "NextKeyMarker": "k", "NextUploadIdMarker": "u"},
            {"Uploads": [{"Key": "db_a/2", "UploadId": "9"}]},
        ],
    )

    assert objects(s3).left() == [("version", "db_a/1", "7"), ("upload", "db_a/2", "9")]
    assert s3.asked[1][1]["KeyMarker"] == "k"
    assert s3.asked[1][1]["VersionIdMarker"] == "v"
    assert s3.asked[3][1]["UploadIdMarker"] == "u"


def test_versions_markers_and_uploads_are_removed_by_their_own_ids() -> None:
    s3 = Scripted(delete_objects=[{}], abort_multipart_upload=[{}])

    objects(s3).remove([("version", "db_a/1", "7"), ("version", "db_a/1", "8"), ("upload", "db_a/2", "9")])

    versions = [{"Key": "db_a/1", "VersionId": "7"}, {"Key": "db_a/1", "VersionId": "8"}]
    assert s3.asked[0][1]["Delete"] == {"Objects": versions, "Quiet": True}
    assert s3.asked[1][1]["UploadId"] == "9"


def test_what_s3_keeps_in_spite_of_a_bulk_delete_is_an_error_that_names_no_key() -> None:
    s3 = Scripted(delete_objects=[{"Errors": [{"Key": "db_a/secret", "Code": "AccessDenied"}]}])

    with pytest.raises(RemovalRefusedError, match="1 object versions") as raised:
        objects(s3).remove([("version", "db_a/secret", "7")])
    assert "secret" not in str(raised.value)


def test_an_upload_that_is_over_already_is_no_error() -> None:
    s3 = Scripted(abort_multipart_upload=[{"raise": True}, {}])

    objects(s3).remove([("upload", "db_a/1", "7"), ("upload", "db_a/2", "8")])

    assert len(s3.asked) == 2
