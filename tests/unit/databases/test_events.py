"""Each sample event of the control panel, as AWS would send it, gets the answer that it is a sample of."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from databases.parts import Parts
from privacy.models.databases import Database, Status
from privacy.models.jobs import Job, JobStatus, Kind
from tests.template.source import ROOT
from tests.unit.customers import Customer, database
from tests.unit.engine import NOON, sample, send

ANSWERS = {
    "create": 201,
    "create-in-a-country": 201,
    "list": 200,
    "show": 200,
    "cancel": 200,
    "reactivate": 200,
    "delete": 202,
    "follow-deletion": 200,
    "certificate": 409,  # it is not destroyed yet
    "certificate-key": 200,
    "export": 202,
    "follow-export": 200,
    "import-a-zip": 202,
    "import-an-upload": 202,
    "import-an-export": 409,  # it is not ready yet
    "follow-job": 200,
    "list-backups": 200,
    "move": 409,  # an export is under way
    "ask-for-support": 201,
    "show-access": 200,
    "bad-empty-message": 422,
    "bad-unknown-region": 422,
    "bad-direction-in-a-name": 422,
    "bad-nul-in-a-name": 422,
    "bad-empty-name": 422,
    "bad-unknown-field": 422,
    "bad-malformed-json": 400,
    "bad-other-encoding": 400,
    "bad-form-encoded": 415,
    "bad-unknown-country": 422,
    "bad-another-name": 422,
    "bad-id": 404,
    "bad-no-cookie": 401,
    "bad-another-site": 403,
    "bad-no-zip": 422,
    "bad-two-sources": 422,
    "bad-cursor": 422,
}
STATES = {"reactivate": Status.DEACTIVATED, "follow-deletion": Status.DELETING}
SUFFIXES = ("exp_" + "a" * 26, "upl_" + "a" * 26)


def prepared(name: str, ada: Customer, made: Database) -> Any:
    """A sample with the customer's cookie and database in it; bodies are not touched but by their ids."""
    event = sample(f"databases/{name}")
    if event["body"]:
        raw = base64.b64decode(event["body"])
        for prefix in SUFFIXES:
            raw = raw.replace(prefix.encode(), (prefix[:4] + made.id[3:]).encode())
        event["body"] = base64.b64encode(raw).decode()
    text = json.dumps(event).replace("put-a-token-of-a-cookie-here", ada.token).replace("db_" + "a" * 26, made.id)
    for prefix in SUFFIXES:
        text = text.replace(prefix, prefix[:4] + made.id[3:])
    return json.loads(text)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_sample_gets_its_answer(ada: Customer, app: Any, parts: Parts, name: str) -> None:
    made = database(parts, ada.owner)
    export_id, upload_id = "exp_" + made.id[3:] + "b" * 26, "upl_" + made.id[3:] + "c" * 26
    parts.jobs.create(Job(made.id, export_id, Kind.EXPORT, JobStatus.QUEUED, NOON))
    parts.jobs.create(Job(made.id, "job_" + "d" * 26, Kind.IMPORT, JobStatus.QUEUED, NOON))
    upload = Job(made.id, upload_id, Kind.UPLOAD, JobStatus.OPEN, NOON, detail={"bytes": 7})
    parts.jobs.create(upload)
    parts.jobs.settle(upload, JobStatus.COMPLETE)
    if name in STATES:
        parts.databases.change(made, STATES[name], NOON)
    answer = send(app, prepared(name, ada, made))
    assert answer.status == ANSWERS[name], answer.body
    assert answer.headers["content-type"] == f"application/{'problem+' if answer.status >= 400 else ''}json"


def test_every_sample_is_here() -> None:
    assert {path.stem for path in Path(ROOT / "events/databases").glob("*.json")} == set(ANSWERS)
