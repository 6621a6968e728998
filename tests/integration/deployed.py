"""The deployed system as its callers and its operators see it: HTTP, queues and schedules, and the engine's stores.

Nothing of the functions' own code is used here: what they do is seen from outside, or read from the engine itself.
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import urllib3
from boto3.dynamodb.types import TypeDeserializer

from local import functions, leftovers, outbox, travel
from local.control_panel import Answer, ControlPanel
from local.engine import ACCOUNT, Engine
from local.leftovers import Place
from tests import interface

PASSWORD = "a long and memorable password"
PROBLEM = "application/problem+json"
PATIENCE_SECONDS = 45.0
NDJSON = "application/x-ndjson"

T = TypeVar("T")


class Panel(ControlPanel):
    """A client for which each answer must be one that the published interface foresees."""

    def call(self, method: str, path: str, body: Any = None, **request: Any) -> Answer:
        """Send a request and give its answer."""
        answer = super().call(method, path, body, **request)
        interface.check(method, path, answer.status, answer.headers, answer.content)
        return answer


@dataclass
class Customer:
    """Somebody who signed up for a trial and confirmed it; `panel` holds the session's cookie."""

    panel: ControlPanel
    email: str
    account_id: str
    database: str
    region: str

    def put(self, model: str, key: str, data: Any, database: str | None = None) -> None:
        """Store a record."""
        self.panel.call("PUT", f"/databases/{database or self.database}/records/{model}/{key}", data, expect=200)

    def put_file(
        self, path: str, content: bytes, content_type: str = "text/plain", database: str | None = None
    ) -> None:
        """Store a small file."""
        self.panel.call(
            "PUT", file_route(database or self.database, path), content, expect=200, content_type=content_type
        )

    def records(self, model: str, database: str | None = None) -> dict[str, Any]:
        """All records of a model, by key."""
        return dict(self._all(f"/databases/{database or self.database}/records/{model}", "key", "data"))

    def files(self, database: str | None = None) -> dict[str, str]:
        """The SHA-256 of all files, by path."""
        return dict(self._all(f"/databases/{database or self.database}/files", "path", "sha256"))

    def export(self, database: str | None = None) -> tuple[str, dict[str, Any]]:
        """Ask for an export and wait until it is ready; its id, and what its route tells."""
        route = f"/databases/{database or self.database}/exports"
        export_id = self.panel.call("POST", route, expect=202).json()["export_id"]
        return export_id, self.followed(f"{route}/{export_id}", "ready")

    def imported(self, database: str, source: Mapping[str, str]) -> None:
        """Import into a database and wait until it is done."""
        job_id = self.panel.call("POST", f"/databases/{database}/import", dict(source), expect=202).json()["job_id"]
        self.followed(f"/databases/{database}/jobs/{job_id}", "done")

    def destroyed(self, database: str | None = None) -> dict[str, Any]:
        """Delete a database and wait until it is destroyed."""
        route = f"/databases/{database or self.database}"
        name = self.panel.call("GET", route, expect=200).json()["name"]
        self.panel.call("POST", f"{route}/deletion", {"confirm": name}, expect=202)
        return self.followed(f"{route}/deletion", "destroyed")

    def uploaded(self, content: bytes, content_type: str, database: str | None = None) -> str:
        """Send content in parts, by presigned links; the upload's id."""
        wanted = {"database_id": database or self.database, "bytes": len(content), "content_type": content_type}
        upload = self.panel.call("POST", "/uploads", wanted, expect=201).json()
        size = upload["part_size"]
        parts = [
            {
                "number": part["number"],
                "etag": self.panel.put_part(part["url"], content[(part["number"] - 1) * size :][:size]),
            }
            for part in upload["parts"]
        ]
        self.panel.call("POST", f"/uploads/{upload['upload_id']}/completion", {"parts": parts}, expect=200)
        return str(upload["upload_id"])

    def followed(self, route: str, status: str) -> dict[str, Any]:
        """Ask until the work has a status."""

        def over() -> dict[str, Any] | None:
            told: dict[str, Any] = self.panel.call("GET", route, expect=200).json()
            assert told["status"] in (status, "queued", "running", "deleting"), told
            return told if told["status"] == status else None

        return waited_for(over, f"{status} at {route}")

    def _all(self, route: str, name: str, value: str) -> Iterator[tuple[str, Any]]:
        cursor = ""
        while True:
            page = self.panel.call("GET", f"{route}?limit=1000{cursor}", expect=200).json()
            yield from ((entry[name], entry[value]) for entry in page["items"])
            if not page["next_cursor"]:
                return
            cursor = f"&cursor={quote(page['next_cursor'])}"


@dataclass(frozen=True)
class Deployed:
    """An engine with the real template deployed in both regions; `known` is its `endpoints.json`."""

    engine: Engine
    known: Mapping[str, Any]
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))

    @property
    def api(self) -> str:
        """Where all routes are."""
        return str(self.known["api"][self.known["home"]])

    @property
    def home(self) -> str:
        """The AWS region of the control tables and all routes."""
        return str(self.known["regions"][self.known["home"]])

    @property
    def regions(self) -> list[str]:
        """The AWS regions."""
        return list(self.known["regions"].values())

    # --- by HTTP ---------------------------------------------------------------------------------------------------

    def panel(self, cookie: str | None = None) -> ControlPanel:
        """A client of the API."""
        return Panel(self.api, cookie)

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A request with these headers alone, whatever becomes of it."""
        answer = self.pool.request(
            method, self.api + path, body=body, headers=dict(headers or {}), redirect=False, timeout=60.0
        )
        interface.check(method, path, answer.status, answer.headers, answer.data)
        return Answer(answer.status, answer.headers, answer.data)

    def customer(self, country: str = "SG", **changes: Any) -> Customer:
        """Somebody new, through the form, the mail and the link."""
        panel, address = self.panel(), new_address()
        panel.call("POST", "/signups", trial(address, **changes), expect=202, headers=visitor(country))
        made = panel.call("POST", "/signups/confirmation", {"token": self.token(address)}, expect=201).json()
        return Customer(panel, address, made["account_id"], made["database"]["id"], made["database"]["region"])

    def mails(self, address: str) -> list[outbox.Mail]:
        """The mails to somebody, newest last."""
        return [mail for mail in outbox.read(self.known["outbox"]) if address in mail.to]

    def token(self, address: str) -> str:
        """The token of the confirmation link, once the mail is there."""

        def arrived() -> str | None:
            for mail in self.mails(address):
                if link := re.search(r"^http://127\.0\.0\.1:8080/confirm#token=(\S+)$", mail.text, re.MULTILINE):
                    return link[1]
            return None

        return waited_for(arrived, "a confirmation mail")

    # --- by schedule, queue and clock ------------------------------------------------------------------------------

    def invoke(self, name: str, event: Any, region: str | None = None) -> functions.Answer:
        """Call a function with an event of any shape."""
        return functions.invoke(self.engine, region or self.home, name, event)

    def sweep(self, name: str) -> dict[str, dict[str, Any]]:
        """A schedule's tick: what the function did, by store."""
        answer = self.invoke(name, functions.scheduled_event(self.home, self.now()))
        assert not answer.failed, answer.payload
        swept: dict[str, dict[str, Any]] = answer.payload
        return swept

    def now(self) -> datetime:
        """The functions' time."""
        return travel.now(self.engine.folder)

    def travel_to(self, instant: datetime) -> None:
        """Set the functions' clock to an instant; from there it goes on."""
        travel.travel(self.engine, self.regions, instant - datetime.now(UTC))

    # --- into the engine's stores ----------------------------------------------------------------------------------

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client of the engine."""
        return self.engine.client(service, region or self.home)

    def items(self, thing: str, region: str | None = None, **condition: Any) -> list[dict[str, Any]]:
        """Everything in a table that a filter lets through, whoever may still read it."""
        scan = self.client("dynamodb", region).get_paginator("scan")
        pages = scan.paginate(TableName=f"perfectwork-{thing}", **condition)
        read = TypeDeserializer().deserialize
        return [{name: read(value) for name, value in item.items()} for page in pages for item in page["Items"]]

    def content(self, database: str, region: str) -> list[dict[str, Any]]:
        """A database's items in a region's content table: records, files and what is noted beside them."""
        return self.items(
            "content",
            region,
            FilterExpression="begins_with(place, :database)",
            ExpressionAttributeValues={":database": {"S": database}},
        )

    def objects(self, bucket: str, region: str, within: str = "") -> list[str]:
        """Keys of all object versions, delete markers and open uploads whose key holds a text."""
        s3, name = self.client("s3", region), f"perfectwork-{bucket}-{ACCOUNT}-{region}"
        found: list[str] = []
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            found += [entry["Key"] for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])]
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
            found += [entry["Key"] for entry in page.get("Uploads", [])]
        return [key for key in found if within in key]

    def everything(self) -> list[Place]:
        """All that the engine holds: items, object versions, markers, uploads, messages, log lines."""
        return list(leftovers.everything(self.engine.client, self.regions))

    def log(self, name: str, region: str | None = None) -> list[str]:
        """What a function has logged."""
        return list(functions.logs(self.engine, region or self.home, name))


def found(places: Sequence[Place], needles: Sequence[str | bytes], *, but_in: Sequence[str] = ()) -> list[str]:
    """Where any of the needles lies, some places apart."""
    wanted = [needle if isinstance(needle, bytes) else needle.encode() for needle in needles]
    looked_at = (place for place in places if not any(name in place.where for name in but_in))
    return sorted(set(leftovers.found(looked_at, wanted)))


def waited_for(look: Callable[[], T | None], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Look until there is something."""
    until = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < until, f"no {what} after {seconds:.0f} s"
        time.sleep(0.05)


def new_address() -> str:
    """An address that nobody has."""
    return f"ada.{uuid.uuid4().hex[:12]}@example.com"


def new_id(prefix: str) -> str:
    """An id of our shape that names nothing."""
    return f"{prefix}_{'a' * (26 if prefix in ('db', 'job') else 52)}"


def trial(address: str, **changes: Any) -> dict[str, Any]:
    """A form for a free trial; a change to None leaves a field out."""
    form: dict[str, Any] = {
        "kind": "trial",
        "name": "Ada Lovelace",
        "email": address,
        "password": PASSWORD,
        "marketing_consent": False,
        "captcha_token": "a token",
    }
    return {name: value for name, value in (form | changes).items() if value is not None}


def visitor(country: str) -> dict[str, str]:
    """What the edge says of a visitor."""
    return {"CloudFront-Viewer-Country": country}


def file_route(database: str, path: str) -> str:
    """The route of a file."""
    return f"/databases/{database}/files/content?path={quote(path, safe='')}"


def lines(rows: Mapping[str, Any]) -> bytes:
    """Records as a batch."""
    return "".join(json.dumps({"key": key, "data": data}) + "\n" for key, data in rows.items()).encode()


def assert_problem(answer: Answer, status: int, *, sent: Sequence[str] = (), what: str = "") -> dict[str, Any]:
    """The answer is a problem document (RFC 9457) of a status that repeats nothing of what was sent."""
    told = answer.content.decode("utf-8")
    assert answer.status == status, f"{what}: {answer.status} {told}"
    assert answer.headers["Content-Type"] == PROBLEM, what
    problem: dict[str, Any] = json.loads(told)
    assert problem["status"] == answer.status
    assert all(problem[name] for name in ("type", "title", "detail"))
    if answer.status == 422 and "errors" in problem:
        assert problem["errors"]
        assert all(set(error) == {"field", "message"} and error["message"] for error in problem["errors"])
    if answer.status in (429, 503):
        assert int(answer.headers["Retry-After"]) > 0
    assert "Traceback" not in told
    everything = told + json.dumps(dict(answer.headers))
    for value in sent:
        assert value not in everything, f"{what}: what was sent came back"
    return problem


def sqs_event(bodies: Sequence[str], queue: str, region: str) -> dict[str, Any]:
    """A batch of messages as SQS hands it to Lambda."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1795521600000",
                    "SenderId": "AROAEXAMPLE:somebody",
                    "ApproximateFirstReceiveTimestamp": "1795521600005",
                },
                "messageAttributes": {},
                "md5OfBody": "00000000000000000000000000000000",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{region}:{ACCOUNT}:perfectwork-{queue}",
                "awsRegion": region,
            }
            for number, body in enumerate(bodies)
        ]
    }
