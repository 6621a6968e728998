"""A person at the deployed system, with everything that can be held about them: they see it, correct it, and are erased
but for what a law keeps, which goes on its date.
"""

import io
import json
import re
import uuid
import zipfile
from dataclasses import dataclass
from typing import Any

import isodate
import pytest

from local import certificates, tokens
from local.control_panel import ControlPanel
from tests.integration.deployed import PASSWORD, Deployed, found, trial, waited_for

FIVE_YEARS = isodate.parse_duration("P5Y")


@dataclass
class Person:
    """Somebody at their browser, and a word of theirs that nobody else says."""

    panel: ControlPanel
    run: str
    email: str
    account_id: str = ""
    database: str = ""

    def word(self, what: str) -> str:
        """A canary for a field."""
        return f"{what}-{self.run}"

    def data(self) -> list[dict[str, Any]]:
        """Everything that they are shown."""
        items: list[dict[str, Any]] = []
        query = "?limit=3"
        while True:
            page = self.panel.call("GET", f"/account/data{query}", expect=200).json()
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            query = f"?limit=3&cursor={page['next_cursor']}"


def person(system: Deployed) -> Person:
    """A subscriber with an order, an enquiry, a database with content, a wrong password and two sessions."""
    run = uuid.uuid4().hex[:10]
    who = Person(system.panel(), run, f"mailbox-{run}@example.com")
    order = {
        "amount": "49.90",
        "currency": "SGD",
        "description": who.word("order"),
        "reference": who.word("reference"),
        "processor": "paypal",
    }
    fields = {name: who.word(name) for name in ("name", "company", "sector", "interest")}
    address = f"{who.word('street')}\nSingapore"
    form = trial(who.email, kind="subscription", order=order, postal_address=address, phone="+6561237397", **fields)
    who.panel.call("POST", "/signups", form, expect=202)
    made = who.panel.call("POST", "/signups/confirmation", {"token": system.token(who.email)}, expect=201).json()
    who.account_id = made["account_id"]
    contact = trial(who.email, kind="contact", password=None, message=who.word("message"), name=who.word("name"))
    who.panel.call("POST", "/signups", contact, expect=202)
    who.database = who.panel.call("POST", "/databases", {"name": who.word("database")}, expect=201).json()["id"]
    who.panel.call("PUT", f"/databases/{who.database}/records/book/b-1", {"title": who.word("record")}, expect=200)
    system.panel().call("POST", "/sessions", {"email": who.email, "password": PASSWORD}, expect=201)
    system.panel().call("POST", "/sessions", {"email": who.email, "password": "not this one"}, expect=401)
    return who


def staff(system: Deployed, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """A call of the HelpDesk's."""
    token = tokens.token(system.engine.folder, "helpdesk", "somebody", system.now())
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "*/*"}
    answer = system.send(method, path, json.dumps(body).encode() if body is not None else None, headers)
    assert answer.status == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def erased(system: Deployed, request_id: str) -> dict[str, Any]:
    """A request's row, once its mail has left."""

    def over() -> dict[str, Any] | None:
        (row,) = [row for row in system.items("erasures") if row["id"] == request_id]
        return row if row["status"] == "erased" and "address" not in row else None

    return waited_for(over, "an erasure", 120)


@pytest.mark.promise("rights.access")
def test_a_person_sees_everything_and_takes_it_out(system: Deployed) -> None:
    who = person(system)
    shown = who.data()
    told = json.dumps(shown)
    for what in ("name", "company", "sector", "interest", "order", "reference", "street", "message", "database"):
        assert who.word(what) in told, what
    assert {"account", "billing", "enquiries", "sessions", "sign-in-attempts", "databases", "sign-up"} <= {
        item["category"] for item in shown
    }
    assert who.word("record") not in told  # a database's content is its own export
    export = who.panel.call("POST", "/account/data/exports", expect=202).json()["export_id"]

    def ready() -> dict[str, Any] | None:
        told: dict[str, Any] = who.panel.call("GET", f"/account/data/exports/{export}", expect=200).json()
        assert told["status"] != "failed", told
        return told if told["status"] == "ready" else None

    link = waited_for(ready, "an export of an account")["url"]
    content = system.pool.request("GET", link, timeout=30.0).data
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert who.word("order") in archive.read("billing/billing.csv").decode()
        manifest = json.loads(archive.read("manifest.json"))
        assert len(manifest["members"]) == len(archive.namelist()) - 1
    stranger = system.customer()
    assert who.run not in json.dumps(stranger.panel.call("GET", "/account/data?limit=1000", expect=200).json())
    stranger.panel.call("GET", f"/account/data/exports/{export}", expect=404)


@pytest.mark.promise("rights.rectify")
def test_what_is_corrected_is_nowhere_any_more(system: Deployed) -> None:
    who = person(system)
    correction = {name: f"new-{name}" for name in ("name", "company", "sector", "interest")}
    correction |= {"postal_address": "new street", "email": f"new-{uuid.uuid4().hex[:8]}@example.com"}
    told = who.panel.call("PATCH", "/account", correction, expect=200).json()
    assert told["email"] == who.email
    who.panel.call("POST", "/account/email/confirmation", {"token": system.token(correction["email"])}, expect=200)
    assert who.panel.call("GET", "/account", expect=200).json()["email"] == correction["email"]
    old = [who.word(name) for name in ("name", "company", "sector", "interest", "street")]
    assert found(system.everything(), [*old, who.email]) == []
    system.panel().call("POST", "/sessions", {"email": who.email, "password": PASSWORD}, expect=401)
    other = system.panel()
    other.call("POST", "/sessions", {"email": correction["email"], "password": PASSWORD}, expect=201)
    who.panel.call("PUT", "/account/password", {"current": PASSWORD, "new": "another long password"}, expect=204)
    other.call("GET", "/sessions/current", expect=401)


@pytest.mark.promise("rights.rectify")
def test_a_forgotten_password_is_set_by_the_link_in_the_mail(system: Deployed) -> None:
    who = person(system)
    system.panel().call("POST", "/password-resets", {"email": who.email}, expect=202)

    def arrived() -> str | None:
        texts = [mail.text for mail in system.mails(who.email)]
        links = [match[1] for text in texts if (match := re.search(r"/reset#token=(\S+)$", text, re.MULTILINE))]
        return links[-1] if links else None

    token = waited_for(arrived, "a mail with a link")
    new = {"token": token, "new": "another long password"}
    system.panel().call("POST", "/password-resets/confirmation", new, expect=204)
    who.panel.call("GET", "/account", expect=401)
    system.panel().call("POST", "/sessions", {"email": who.email, "password": new["new"]}, expect=201)


@pytest.mark.promise("rights.erase", "accounts.necessity", "databases.deletion")
def test_an_erased_person_is_nowhere_but_in_what_a_law_keeps_and_that_goes_on_its_date(apart: Deployed) -> None:
    system, who = apart, person(apart)
    bystander = person(apart)
    asked = who.panel.call(
        "POST", "/account/erasure", {"databases": "delete-now", "message": who.word("wish")}, expect=202
    ).json()
    route = f"/helpdesk/erasures/{asked['request_id']}/decision"
    decision = {"decision": "approve", "reason": "as asked"}
    listed = staff(system, "GET", "/helpdesk/erasures?limit=1000")["items"]
    assert asked["request_id"] in [row["request_id"] for row in listed]
    tried = staff(system, "POST", f"{route}?dry_run=true", decision)
    assert [kept["category"] for kept in tried["kept"]] == ["billing"]
    assert who.panel.call("GET", "/account/erasure", expect=200).json()["status"] == "requested"
    staff(system, "POST", route, decision)
    who.panel.call("GET", "/account", expect=401)
    row = erased(system, asked["request_id"])
    assert row["destroyed"] == [who.database]

    places = system.everything()
    by_law = ("name", "street", "order", "reference")
    for what in (*by_law, "company", "sector", "interest", "message", "wish", "database", "record", "mailbox"):
        where = found(places, [who.word(what)])
        assert all("billing" in place for place in where), (what, where)
        assert bool(where) == (what in by_law), what
    assert found(places, [who.account_id]) == []
    assert found(places, [bystander.word("company")]) != []

    mail = system.mails(who.email)[-1].text
    document, _ = json.JSONDecoder().raw_decode(mail[mail.index("{") :])
    key = json.dumps(system.panel().call("GET", "/certificates/key", expect=200).json()["public_key"])
    checked = certificates.check(json.dumps(document).encode(), key=json.loads(key).encode())
    assert checked.document["request_id"] == asked["request_id"]

    system.travel_to(system.now() + FIVE_YEARS)
    system.sweep("session_expiry")
    assert found(system.everything(), [who.run]) == []


@pytest.mark.promise("rights.erase", "databases.grace")
def test_who_keeps_their_databases_takes_out_everything_and_brings_nothing_in(system: Deployed) -> None:
    who = person(system)
    asked = who.panel.call("POST", "/account/erasure", {"databases": "keep-until-grace-ends"}, expect=202).json()
    decision = {"decision": "approve", "reason": "as asked"}
    staff(system, "POST", f"/helpdesk/erasures/{asked['request_id']}/decision", decision)

    def under_way() -> dict[str, Any] | None:
        told: dict[str, Any] = who.panel.call("GET", "/account/erasure", expect=200).json()
        ready = "databases" in {row["category"] for row in told["kept"]}
        return told if ready and {"billing", "enquiries"} <= {row["category"] for row in told["erased"]} else None

    told = waited_for(under_way, "an erasure to wait for its databases")
    assert {"account", "billing", "databases", "sessions"} <= {row["category"] for row in told["kept"]}
    database = f"/databases/{who.database}"
    for method, route, body in (
        ("POST", "/databases", {"name": who.word("late")}),
        ("PATCH", "/account", {"name": who.word("late")}),
        ("PATCH", "/account", {"email": f"late-{who.run}@example.com"}),
        ("PUT", "/account/marketing", {"agreed": True}),
        ("POST", f"{database}/support-requests", {"message": who.word("late")}),
        ("DELETE", f"{database}/cancellation", None),
    ):
        refused = who.panel.call(method, route, body, expect=409).json()
        assert "being erased" in refused["detail"], route
    assert found(system.everything(), [who.word("late")]) == []

    export = who.panel.call("POST", "/account/data/exports", expect=202).json()["export_id"]

    def ready() -> bool:
        return bool(who.panel.call("GET", f"/account/data/exports/{export}", expect=200).json()["status"] == "ready")

    waited_for(ready, "an export while an erasure waits")
    system.sweep("account_expiry")
    assert ready()
    who.panel.call("POST", f"{database}/exports", expect=202)
    system.panel().call("POST", "/sessions", {"email": who.email, "password": PASSWORD}, expect=201)
    who.panel.call("POST", f"{database}/deletion", {"confirm": who.word("database")}, expect=202)

    def over() -> bool:
        system.sweep("account_expiry")
        (row,) = [row for row in system.items("erasures") if row["id"] == asked["request_id"]]
        return row["status"] == "erased" and "address" not in row

    waited_for(over, "an erasure whose databases were deleted", 120)
    assert found(system.everything(), [who.account_id]) == []
