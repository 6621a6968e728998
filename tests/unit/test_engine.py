"""The engine goes back to a moment: what was there is there again, and nothing else."""

from typing import Any

import pytest

from privacy.aws import client
from tests.unit import engine
from tests.unit.engine import AMERICAS, ASIA, NOON, SetClock

pytestmark = pytest.mark.usefixtures("stores")

BUCKET = engine.NAMES.bucket("content", ASIA)


def state() -> dict[str, Any]:
    """What the calls of our code can see of the stores, the parts of an upload and the bytes of each version too."""
    s3 = client("s3", ASIA)
    listed = s3.list_object_versions(Bucket=BUCKET)
    versions = [(entry["Key"], entry["VersionId"], entry["IsLatest"]) for entry in listed.get("Versions", [])]
    uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return {
        "everything": engine.everything(),
        "versions": versions,
        "markers": [(entry["Key"], entry["VersionId"]) for entry in listed.get("DeleteMarkers", [])],
        "bodies": [s3.get_object(Bucket=BUCKET, Key=key, VersionId=id_)["Body"].read() for key, id_, _ in versions],
        "parts": [
            [part["ETag"] for part in s3.list_parts(Bucket=BUCKET, Key=up["Key"], UploadId=up["UploadId"])["Parts"]]
            for up in uploads
        ],
        "secret": client("secretsmanager", ASIA).list_secrets()["SecretList"][0]["Name"],
        "keys": sorted(key["KeyId"] for key in client("kms", ASIA).list_keys()["Keys"]),
    }


def change(text: str) -> None:
    """One more of everything."""
    for region in (ASIA, AMERICAS):
        client("sqs", region).send_message(QueueUrl=queue(region), MessageBody=text)
        client("dynamodb", region).put_item(
            TableName=engine.NAMES.table("keys"), Item={"database_id": {"S": text}, "key": {"B": text.encode()}}
        )
    s3 = client("s3", ASIA)
    for key in ("same", text):
        s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    s3.delete_object(Bucket=BUCKET, Key=text)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=text)["UploadId"]
    s3.upload_part(Bucket=BUCKET, Key=text, UploadId=upload, PartNumber=1, Body=text.encode())


def queue(region: str) -> str:
    url: str = client("sqs", region).get_queue_url(QueueName=f"{engine.STACK}-deletion")["QueueUrl"]
    return url


def test_it_goes_back_to_a_moment_as_often_as_is_wanted(clock: SetClock) -> None:
    change("before")
    change("again")
    expected, then = state(), engine.moment(clock)
    assert (len(expected["versions"]), len(expected["markers"]), len(expected["parts"])) == (4, 2, 2)
    for number in range(3):
        clock.advance(hours=1)
        change(f"later {number}")
        for version in expected["versions"]:
            client("s3", ASIA).delete_object(Bucket=BUCKET, Key=version[0], VersionId=version[1])
        assert engine.messages("deletion")
        assert state() != expected
        engine.back_to(then)
        assert state() == expected
        assert clock() == NOON


def test_what_lies_in_a_moment_is_nobody_s_to_change(clock: SetClock) -> None:
    change("before")
    then = engine.moment(clock)
    item = {"database_id": {"S": "before"}}
    for _ in range(2):
        engine.back_to(then)
        table = engine.NAMES.table("keys")
        stored = client("dynamodb", ASIA).get_item(TableName=table, Key=item)["Item"]
        assert "more" not in stored
        client("dynamodb", ASIA).update_item(
            TableName=table,
            Key=item,
            UpdateExpression="SET more = :v",
            ExpressionAttributeValues={":v": {"S": "x"}},
        )


@pytest.mark.parametrize("turn", range(2))
def test_each_deployment_is_empty_and_whole(turn: int) -> None:
    found = state()
    assert (found["everything"], found["versions"], found["markers"], found["parts"]) == (b"", [], [], [])
    assert len(found["keys"]) >= 3
    change("left behind")
