"""Each sample event of the routes of recordings, as AWS would send it, gets the answer that it is a sample of."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from privacy.hosting import Host
from privacy.models.databases import Database
from recordings.parts import Parts
from tests.template.source import ROOT
from tests.unit.customers import Customer
from tests.unit.engine import sample, send
from tests.unit.recordings.brought import bring, uploaded
from tests.unit.staff import Issuer

ANSWERS = {
    "bring": 201,
    "list": 200,
    "delete": 204,
    "mark-processed": 200,
    "bad-no-cookie": 401,
    "bad-another-site": 403,
    "bad-time": 422,
    "bad-time-without-offset": 422,
    "bad-in-the-future": 422,
    "bad-over-already": 422,
    "bad-upload-id": 404,
    "bad-recording-id": 404,
    "bad-status": 422,
    "bad-no-token": 401,
}


@pytest.mark.promise("recordings.retention")
@pytest.mark.parametrize("name", ANSWERS)
def test_a_sample_gets_its_answer(
    ada: Customer, app: Any, parts: Parts, made: Database, host: Host, issuer: Issuer, name: str
) -> None:
    upload_id = uploaded(parts, made)
    if "/{recording_id}" in sample(f"recordings/{name}")["resource"]:
        assert bring(ada, upload_id).status == 201
    event = sample(f"recordings/{name}")
    body, sent = upload_id[4:].encode(), b"a" * 26 + b"c" * 26
    if event["body"]:
        event["body"] = base64.b64encode(base64.b64decode(event["body"]).replace(sent, body)).decode()
    text = json.dumps(event).replace("put-a-token-of-a-cookie-here", ada.token).replace(sent.decode(), body.decode())
    answer = send(app, json.loads(text.replace("put-a-token-of-make-token-here", issuer.token("helpdesk"))))
    assert answer.status == ANSWERS[name], answer.body
    if answer.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_sample_is_here() -> None:
    assert {path.stem for path in Path(ROOT / "events/recordings").glob("*.json")} == set(ANSWERS)
