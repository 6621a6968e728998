"""Each sample event of the content routes, as AWS would send it, gets the answer that it is a sample of."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from content.parts import Parts
from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.records import Records, new_record
from privacy.models.databases import Database
from privacy.models.jobs import Job, JobStatus, Kind
from tests.template.source import ROOT
from tests.unit.customers import Customer
from tests.unit.engine import NOON, sample, send

ANSWERS = {
    "list-models": 200,
    "list-records": 200,
    "batch": 200,
    "batch-with-a-broken-third-line": 200,
    "put-record": 200,
    "get-record": 200,
    "delete-record": 204,
    "list-files": 200,
    "put-file": 200,
    "get-file": 200,
    "delete-file": 204,
    "put-file-from-an-upload": 202,
    "begin-upload": 201,
    "complete-upload": 200,
    "bad-key-with-a-number-sign": 422,
    "bad-key-with-a-slash": 422,
    "bad-model": 422,
    "bad-malformed-json": 400,
    "bad-other-encoding": 400,
    "bad-nesting": 400,
    "bad-no-object": 422,
    "bad-batch-as-json": 415,
    "bad-path-upwards": 422,
    "bad-path-with-nul": 422,
    "bad-path-with-direction": 422,
    "bad-no-path": 422,
    "bad-content-type": 422,
    "bad-upload-size": 422,
    "bad-upload-id": 404,
    "bad-no-cookie": 401,
    "bad-another-site": 403,
}


def prepared(name: str, ada: Customer, made: Database) -> Any:
    """A sample with the customer's cookie and database in it."""
    event = sample(f"content/{name}")
    if event["body"]:
        raw = base64.b64decode(event["body"]).replace(b"db_" + b"a" * 26, made.id.encode())
        event["body"] = base64.b64encode(raw).decode()
    text = json.dumps(event).replace("put-a-token-of-a-cookie-here", ada.token).replace("db_" + "a" * 26, made.id)
    return json.loads(text.replace("upl_" + "a" * 26, "upl_" + made.id[3:]))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_sample_gets_its_answer(ada: Customer, app: Any, parts: Parts, made: Database, host: Host, name: str) -> None:
    Records(host, made.id).put(new_record("movie", "m-1", b"{}", NOON))
    files = Files(host, made.id)
    files.put("Bilder/größte 1.png", "image/png", b"\x89PNG", NOON)
    upload_id = "upl_" + made.id[3:] + "c" * 26
    detail = {"bytes": 7, "s3_upload": "x", "sealed": files.sealed_type(upload_id, "video/mp4")}
    upload = Job(made.id, upload_id, Kind.UPLOAD, JobStatus.OPEN, NOON, detail=detail)
    parts.jobs.create(upload)
    parts.jobs.settle(upload, JobStatus.COMPLETE)
    answer = send(app, prepared(name, ada, made))
    assert answer.status == ANSWERS[name], answer.body
    if answer.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_sample_is_here() -> None:
    assert {path.stem for path in Path(ROOT / "events/content").glob("*.json")} == set(ANSWERS)
