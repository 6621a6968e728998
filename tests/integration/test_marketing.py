"""Marketing on the deployed system: from the HelpDesk's campaign to the mailbox, and the way out of it."""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from local import tokens
from local.control_panel import Answer
from local.outbox import Mail
from tests.integration.deployed import Customer, Deployed, assert_problem, found, waited_for

pytestmark = pytest.mark.promise("marketing.opt-out")

FUNCTION = "perfectwork-marketing-sending"
ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Mailer:
    """Stands in SES's place: keeps what it is asked to send, and refuses as often as it is told to."""

    mails: list[dict[str, Any]] = field(default_factory=list)
    refusals: int = 0
    refused: int = 0

    def to(self, address: str) -> list[dict[str, Any]]:
        return [mail for mail in self.mails if address in mail["Destination"]["ToAddresses"]]


@pytest.fixture
def mailer(system: Deployed) -> Iterator[Mailer]:
    """SES as the sending function then finds it: the engine's own keeps no headers (ministack 1.5.33)."""
    kept = Mailer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            refuse = kept.refused < kept.refusals
            if refuse:
                kept.refused += 1
            else:
                kept.mails.append(asked)
            body = b'{"message": "canary-of-ses"}' if refuse else b'{"MessageId": "1"}'
            self.send_response(429 if refuse else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if refuse:
                self.send_header("x-amzn-ErrorType", "TooManyRequestsException")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    functions = system.client("lambda")
    before = functions.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
    there = {"AWS_ENDPOINT_URL_SESV2": f"http://127.0.0.1:{server.server_port}"}
    functions.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": before | there})
    yield kept
    functions.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": before})
    server.shutdown()
    server.server_close()


def staff(system: Deployed, method: str, path: str, body: Any = None) -> Answer:
    token = tokens.token(system.engine.folder, "helpdesk", "a-person-of-staff", datetime.now(UTC))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return system.send(method, path, json.dumps(body).encode() if body else None, headers)


def begun(system: Deployed, audience: str = "all") -> tuple[str, str]:
    """A campaign's id and its subject, which no other one has."""
    subject = f"News {uuid.uuid4().hex[:8]}"
    body = {"subject": subject, "text": "What moves slowly.", "audience": audience}
    answer = staff(system, "POST", "/helpdesk/campaigns", body)
    assert answer.status == 202, answer.content
    return str(answer.json()["campaign_id"]), subject


def done(system: Deployed, campaign_id: str) -> dict[str, Any]:
    """How a campaign ended."""

    def over() -> dict[str, Any] | None:
        told: dict[str, Any] = staff(system, "GET", f"/helpdesk/campaigns/{campaign_id}").json()
        return told if told["status"] == "done" and not told["unclear"] else None  # the last may be on its way to SES

    return waited_for(over, "end of the campaign")


def got(system: Deployed, who: Customer, subject: str) -> list[Mail]:
    return [mail for mail in system.mails(who.email) if mail.subject == subject]


def row(system: Deployed, who: Customer) -> dict[str, Any]:
    (account,) = (item for item in system.items("accounts") if item["id"] == who.account_id)
    return account


def test_who_agreed_gets_one_message_and_one_click_is_the_end_of_them(system: Deployed) -> None:
    agreed, other = system.customer(marketing_consent=True), system.customer()
    campaign_id, subject = begun(system)
    told = done(system, campaign_id)
    assert (told["waiting"], told["unclear"]) == (0, 0)
    assert told["sent"] >= 1
    (mail,) = got(system, agreed, subject)
    assert got(system, other, subject) == []
    found_link = re.search(r"^http://127\.0\.0\.1:8080/opt-out#token=(\S+)$", mail.text, re.MULTILINE)
    assert found_link
    route = f"/marketing/opt-out/{found_link[1]}"

    before = row(system, agreed)
    for accept in ("*/*", "text/html", None):
        looked = system.send("GET", route, headers={"Accept": accept} if accept else {})
        assert looked.status == 200
    assert row(system, agreed) == before

    for _ in range(2):
        clicked = system.send("POST", route, ONE_CLICK, FORM)
        assert (clicked.status, clicked.json()) == (200, {"agreed": False})
        assert "Set-Cookie" not in clicked.headers
    assert agreed.panel.call("GET", "/account/marketing", expect=200).json()["agreed"] is False
    campaign_id, subject = begun(system)
    done(system, campaign_id)
    assert got(system, agreed, subject) == []


def test_a_choice_in_the_control_panel_counts_at_once(system: Deployed) -> None:
    somebody = system.customer()
    shown = somebody.panel.call("GET", "/account/marketing", expect=200).json()
    assert shown["agreed"] is False
    assert shown["wording"].startswith("Yes, send me news")
    somebody.panel.call("PUT", "/account/marketing", {"agreed": True}, expect=200)
    campaign_id, subject = begun(system, "trial")
    done(system, campaign_id)
    assert len(got(system, somebody, subject)) == 1
    campaign_id, subject = begun(system, "subscription")
    assert done(system, campaign_id)["sent"] == 0
    assert got(system, somebody, subject) == []


def test_both_headers_are_there_and_a_mailbox_s_click_on_them_works(system: Deployed, mailer: Mailer) -> None:
    agreed = system.customer(marketing_consent=True)
    campaign_id, subject = begun(system)
    done(system, campaign_id)
    (mail,) = mailer.to(agreed.email)
    said = mail["Content"]["Simple"]
    assert said["Subject"]["Data"] == subject
    headers = {header["Name"]: header["Value"] for header in said["Headers"]}
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<(\S+)>", headers["List-Unsubscribe"])
    assert link
    assert link[1].startswith(f"{system.api}/marketing/opt-out/")
    clicked = system.pool.request("POST", link[1], fields={"List-Unsubscribe": "One-Click"}, redirect=False)
    assert clicked.status == 200  # as multipart/form-data, the other way that RFC 8058 names
    assert row(system, agreed)["marketing"]["agreed"] is False
    assert system.mails(agreed.email)[-1].subject != subject


def test_what_waits_in_the_queue_does_not_leave_after_an_opt_out(system: Deployed, mailer: Mailer) -> None:
    goes, stays = system.customer(marketing_consent=True), system.customer(marketing_consent=True)
    mailer.refusals = 1000
    campaign_id, _ = begun(system)
    waited_for(lambda: mailer.refused >= 2, "messages that SES refused")
    goes.panel.call("PUT", "/account/marketing", {"agreed": False}, expect=200)
    mailer.refusals = 0
    told = done(system, campaign_id)
    assert told["skipped"] == 1
    assert mailer.to(goes.email) == []
    assert len(mailer.to(stays.email)) == 1


def test_no_address_is_in_a_queue_a_log_or_a_campaign_s_row(system: Deployed) -> None:
    agreed = system.customer(marketing_consent=True)
    campaign_id, _ = begun(system)
    done(system, campaign_id)
    assert found(system.everything(), [agreed.email], but_in=["accounts"]) == []
    rows = [item for item in system.items("campaigns") if item["id"].startswith(campaign_id)]
    assert len(rows) >= 2
    assert agreed.account_id not in str(rows)
    logged = "\n".join(system.log("marketing_sending") + system.log("marketing") + system.log("helpdesk"))
    assert "canary-of-ses" not in logged
    assert agreed.account_id not in logged


def test_a_forged_link_is_a_problem_and_no_crash(system: Deployed) -> None:
    for token in ("x", "A" * 140, "%2e", "acc_" + "a" * 26):
        for method in ("GET", "POST"):
            assert_problem(system.send(method, f"/marketing/opt-out/{token}", ONE_CLICK, FORM), 404)
