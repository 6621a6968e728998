"""A canary in every field that somebody can fill: afterwards none is in a log, a queue, an error or the wrong table."""

import json
import time
import uuid
from dataclasses import dataclass, field
from functools import partial

import pytest

from local.leftovers import Place
from tests.integration.deployed import NDJSON, Deployed, file_route, found, lines, trial, waited_for

ASIA = "ap-southeast-1"
QUEUES = {
    "mail": "mail",
    "deletion": "database_deletion",
    "export": "database_export",
    "import": "database_import",
    "backup": "database_backup",
    "restore": "database_restore",
    "disclosure": "disclosure",
}
"""Each queue of home and its worker."""


@dataclass
class Canaries:
    """Words that nobody else says, by what they were put into."""

    run: str = field(default_factory=lambda: uuid.uuid4().hex[:10])
    words: dict[str, str] = field(default_factory=dict)

    def of(self, what: str) -> str:
        """The canary of a field."""
        return self.words.setdefault(what, f"canary{len(self.words)}x{self.run}")

    def among(self, *prefixes: str) -> dict[str, str]:
        """Those of some fields."""
        return {what: word for what, word in self.words.items() if what.startswith(prefixes)}


@dataclass(frozen=True)
class Planted:
    """What was planted, where everything then lay, and what the engine held before the link was followed."""

    canaries: Canaries
    waiting: list[Place]
    waiting_words: dict[str, str]
    places: list[Place]


@pytest.fixture(scope="module")
def planted(system: Deployed) -> Planted:
    """A whole way through the system with a canary in each field, right and wrong requests alike."""
    canaries = Canaries()
    of = canaries.of
    panel = system.panel()

    def refused(method: str, path: str, body: object = None, kind: str = "application/json", **more: str) -> None:
        """Nothing of what was sent is in the answer, whatever the matter."""
        sent = {"Accept": "*/*", "X-Requested-With": "tests", "Cookie": f"session_id={panel.cookie}", **more}
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        answer = system.send(method, path, raw, sent | {"Content-Type": kind})
        assert 400 <= answer.status < 500 or "down" in str(body), f"{method} {answer.status} {answer.content!r}"
        told = answer.content + repr(answer.headers).encode()
        assert not [what for what, word in canaries.words.items() if word.encode() in told]

    # --- a visit
    headers = {
        "User-Agent": f"Mozilla/5.0 ({of('visit user agent')})",
        "Cookie": f"session_id={of('visit cookie')}; {of('visit cookie name')}=1",
        "Referer": f"https://perfectwork.app/{of('visited page')}",
        "Accept-Language": f"en-{of('visit language header')}",
    }
    who = f"{of('visit user')}:{of('visit password')}"
    referrer = f"https://{who}@search.example/?q={of('visit query')}#{of('visit fragment')}"
    panel.call("POST", "/visits", {"referrer": referrer, "language": "en"}, expect=202, headers=headers)
    refused("POST", "/visits", {of("visit unknown field"): of("visit unknown value")})
    refused("POST", "/visits", {"language": of("visit language") * 9})

    # --- a sign-up that waits, and one that is refused
    address = f"{of('signup email')}@example.com"
    form = trial(
        address,
        name=of("signup name"),
        company=of("signup company"),
        sector=of("signup sector"),
        interest=of("signup interest"),
        phone="+65 6123 7397",
        password=of("signup password") + " and more",
        captcha_token=of("captcha token"),
    )
    agent = {"User-Agent": of("signup user agent"), "Idempotency-Key": of("signup idempotency key")}
    panel.call("POST", "/signups", form, expect=202, headers=agent)
    token = system.token(address)
    waiting_words = canaries.among("signup", "captcha")
    waiting = system.everything()
    for wrong in (
        {"card": of("card field") + " 4111 1111 1111 1111"},
        {"company": f"{of('card company')} 4111 1111 1111 1111"},
        {of("signup unknown field"): of("signup unknown value")},
        {"name": of("signup NUL") + "\0"},
        {"captcha_token": "down", "name": of("name while the verifier is down")},
        {"kind": of("signup kind")},
    ):
        refused("POST", "/signups", form | wrong)
    refused("POST", "/signups", (of("malformed body") + "{").encode())
    order = {"amount": "49.90", "currency": "SGD", "processor": "stripe"} | {
        "description": of("bill order"),
        "reference": of("bill reference"),
    }
    buyer = f"{of('bill email')}@example.com"
    bill = {"name": of("bill name"), "postal_address": of("bill address"), "order": order}
    subscription = trial(buyer, kind="subscription", **bill)
    panel.call("POST", "/signups", subscription, expect=202)
    enquirer = f"{of('enquiry email')}@example.com"
    enquiry = trial(enquirer, kind="contact", name=of("enquiry name"), password=None, message=of("enquiry message"))
    panel.call("POST", "/signups", enquiry, expect=202)
    waited_for(lambda: system.mails(enquirer), "acknowledgement")

    # --- accounts and sessions
    refused("POST", "/signups/confirmation", {"token": of("forged link")})
    system.panel().call("POST", "/signups/confirmation", {"token": system.token(buyer)}, expect=201)
    made = panel.call("POST", "/signups/confirmation", {"token": token}, expect=201, headers=agent).json()
    canaries.words["link"] = token
    canaries.words["session"] = str(panel.cookie)
    database = made["database"]["id"]
    wrong_password = {"email": address, "password": of("wrong password")}
    refused("POST", "/sessions", wrong_password)
    refused(
        "POST", "/sessions", {"email": f"{of('unknown address')}@example.com", "password": of("password of nobody")}
    )
    system.panel(of("forged cookie")).call("GET", "/sessions/current", expect=401)

    # --- a database and its content
    key = {"Idempotency-Key": of("database idempotency key")}
    named = panel.call("POST", "/databases", {"name": of("database name")}, expect=201, headers=key).json()["id"]
    refused("POST", "/databases", {"name": of("second database name")}, **key)
    refused("POST", "/databases", {"name": "a", "country": of("country")})
    model, record = of("record model"), of("record key")
    route = f"/databases/{database}/records/{model}"
    panel.call("PUT", f"{route}/{record}", {of("record field"): of("record value")}, expect=200)
    batch = lines({of("batch key"): {of("batch field"): of("batch value")}}) + of("broken line").encode()
    panel.call("POST", route, batch, expect=200, content_type=NDJSON)
    refused("PUT", f"{route}/{record}", (of("malformed record") + "{").encode())
    refused("PUT", f"{route}/%00{of('wrong key')}", {})
    refused("GET", f"{route}?cursor={of('cursor')}&limit={of('limit')}")
    path = file_route(database, f"{of('file folder')}/{of('file name')}.txt")
    panel.call("PUT", path, of("file content").encode(), expect=200, content_type=f"text/{of('file type')}")
    refused("PUT", file_route(database, f"../{of('wrong path')}"), b"x", "text/plain")
    refused("PUT", file_route(database, "a"), of("refused content").encode(), f"{of('wrong type')}")
    wanted = {"database_id": database, "bytes": 20, "content_type": f"text/{of('upload type')}"}
    upload = panel.call("POST", "/uploads", wanted, expect=201).json()
    content = of("upload content").encode().ljust(20, b".")
    etag = panel.put_part(upload["parts"][0]["url"], content)
    parts = {"parts": [{"number": 1, "etag": etag}]}
    refused("POST", f"/uploads/{upload['upload_id']}/completion", {"parts": [{"number": 1, "etag": of("etag")}]})
    panel.call("POST", f"/uploads/{upload['upload_id']}/completion", parts, expect=200)
    placed = f"{file_route(database, of('upload path'))}&upload_id={upload['upload_id']}"
    job = panel.call("PUT", placed, expect=202).json()["job_id"]
    _followed(system, panel.cookie, f"/databases/{database}/jobs/{job}", "done")

    # --- out, in, away
    key = {"Idempotency-Key": of("export key")}
    export = panel.call("POST", f"/databases/{database}/exports", expect=202, headers=key)
    told = f"/databases/{database}/exports/{export.json()['export_id']}"
    _followed(system, panel.cookie, told, "ready")
    imported = panel.call("POST", f"/databases/{named}/import", export.json(), expect=202).json()["job_id"]
    _followed(system, panel.cookie, f"/databases/{named}/jobs/{imported}", "done")
    refused("POST", f"/databases/{named}/import", b"PK" + of("refused ZIP").encode(), "application/zip")
    empty = panel.call("POST", "/databases", {"name": of("empty database name")}, expect=201).json()["id"]
    zipped = b"PK" + of("broken ZIP").encode()
    route = f"/databases/{empty}/import"
    broken = panel.call("POST", route, zipped, expect=202, content_type="application/zip").json()["job_id"]
    _followed(system, panel.cookie, f"/databases/{empty}/jobs/{broken}", "failed")
    refused("POST", f"/databases/{named}/deletion", {"confirm": of("wrong confirmation")})
    panel.call("POST", f"/databases/{named}/deletion", {"confirm": of("database name")}, expect=202)
    _followed(system, panel.cookie, f"/databases/{named}/deletion", "destroyed")

    # --- what should never be in a queue
    _send_broken_messages(system, of("queue message"))
    for sweep in ("session_expiry", "log_purging", "database_expiry"):
        system.sweep(sweep)
    planted = Planted(canaries, waiting, waiting_words, system.everything())
    for queue in QUEUES:  # nobody else shall wait for the end of the broken messages
        system.client("sqs").purge_queue(QueueUrl=_address(system, queue))
    return planted


def _address(system: Deployed, queue: str) -> str:
    return str(system.client("sqs").get_queue_url(QueueName=f"perfectwork-{queue}")["QueueUrl"])


def _followed(system: Deployed, cookie: str | None, route: str, status: str) -> None:
    panel = system.panel(cookie)
    waited_for(lambda: panel.call("GET", route, expect=200).json()["status"] == status, f"{status} at {route}")


def _send_broken_messages(system: Deployed, word: str) -> None:
    """Into each queue by SQS itself, and wait until its worker has told of one more failure."""

    def failures(worker: str) -> int:
        return sum('"level":"ERROR"' in line for line in system.log(worker))

    before = {worker: failures(worker) for worker in QUEUES.values()}
    for queue in QUEUES:
        system.client("sqs").send_message(QueueUrl=_address(system, queue), MessageBody=json.dumps({"email": word}))
    for worker, count in before.items():
        waited_for(partial(lambda worker, count: failures(worker) > count, worker, count), f"failure of {worker}")
    time.sleep(0.2)  # the platform's own lines come after the function's


def where(places: list[Place], words: dict[str, str], *, but_in: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """For each canary that is somewhere, where."""
    seen = {what: found(places, [word], but_in=but_in) for what, word in words.items()}
    return {what: all_of for what, all_of in seen.items() if all_of}


@pytest.mark.promise("security.measures", "signup.password")
def test_no_canary_is_in_any_log(planted: Planted) -> None:
    logs = [place for place in planted.places if " log " in place.where]
    assert len({place.where for place in logs}) >= 12  # every function has one
    assert found(logs, ["MalformedMessageError"])  # what did not work is there, by its kind
    assert where(logs, planted.canaries.words) == {}


@pytest.mark.promise("security.measures")
def test_no_canary_is_in_any_queue_but_the_one_that_was_sent_there(planted: Planted) -> None:
    queues = [place for place in planted.places if " queue " in place.where]
    words = {what: word for what, word in planted.canaries.words.items() if what != "queue message"}
    assert where(queues, words) == {}


@pytest.mark.promise("signup.confirmed")
def test_before_its_confirmation_nothing_of_a_sign_up_can_be_read_anywhere(planted: Planted) -> None:
    assert len(planted.waiting_words) >= 8
    assert where(planted.waiting, planted.waiting_words) == {}


@pytest.mark.promise("signup.password", "signup.captcha", "signup.no-cards", "signup.confirmed")
def test_what_must_never_be_stored_is_nowhere(planted: Planted) -> None:
    never = planted.canaries.among(
        "signup password",
        "wrong password",
        "password of nobody",
        "captcha token",
        "card",
        "link",
        "session",
        "forged",
        "signup user agent",
        "signup unknown",
        "signup NUL",
        "signup kind",
        "malformed",
        "wrong",
        "refused",
        "broken line",
        "unknown",
        "name while",
        "cursor",
        "limit",
        "etag",
        "country",
    )
    assert len(never) > 20
    assert where(planted.places, never) == {}


@pytest.mark.promise("visits.fields", "visits.unlinked")
def test_of_a_visit_nothing_but_its_summary_is_anywhere(planted: Planted) -> None:
    assert where(planted.places, planted.canaries.among("visit")) == {}


@pytest.mark.promise("visits.unlinked")
def test_no_visit_names_an_account_a_session_or_an_address(planted: Planted) -> None:
    visits = [place for place in planted.places if place.where.endswith("table perfectwork-visits")]
    assert visits
    assert not found(visits, ["acc_", "db_", "@", planted.canaries.words["session"]])


@pytest.mark.promise("accounts.necessity", "contact.inquiry")
def test_who_signed_up_is_in_the_account_alone_and_who_asked_in_the_enquiry_alone(planted: Planted) -> None:
    words = planted.canaries.words
    accounts, bills, enquiries = (f"{ASIA} table perfectwork-{name}" for name in ("accounts", "billing", "enquiries"))
    for what in ("signup name", "signup email", "signup sector", "signup interest", "bill email"):
        assert found(planted.places, [words[what]]) == [accounts], what
    for what in ("bill order", "bill reference"):
        assert found(planted.places, [words[what]]) == [bills], what
    for what in ("bill name", "bill address"):
        assert set(found(planted.places, [words[what]])) <= {accounts, bills}, what
    for what in ("enquiry name", "enquiry email", "enquiry message"):
        assert found(planted.places, [words[what]]) == [enquiries], what


@pytest.mark.promise("databases.ownership", "databases.destroyed")
def test_names_and_values_of_a_database_s_content_can_be_read_in_no_table(planted: Planted) -> None:
    """They are sealed under its own key. A file's bytes lie in the bucket, and an export holds them for its week."""
    tables = [place for place in planted.places if " table " in place.where]
    content = planted.canaries.among("record", "batch", "file", "upload")
    assert len(content) >= 12
    assert where(tables, content) == {}
    # A name is not in the name of an object either.
    names = [Place(place.where, b"") for place in planted.places]
    assert where(names, content) == {}


@pytest.mark.promise("databases.destroyed")
def test_the_name_of_a_destroyed_database_is_nowhere(planted: Planted) -> None:
    assert where(planted.places, planted.canaries.among("database name", "second database name")) == {}


def test_idempotency_keys_are_kept_as_digests_only(planted: Planted) -> None:
    keys = planted.canaries.among("signup idempotency", "database idempotency", "export key")
    assert len(keys) == 3
    assert where(planted.places, keys) == {}
