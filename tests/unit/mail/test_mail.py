"""The mail worker: what each message becomes, and what never leaves."""

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

import signup.app
import signup.parts
from mail.app import build
from mail.parts import MailSettings, Parts, assemble
from mail.post import Post
from privacy.models.access import REQUEST, SupportRequest
from privacy.models.ids import new_id
from privacy.settings import load
from privacy.tables.access import new_access_id
from privacy.tables.store import transact
from tests.unit.engine import SITE, Context, SetClock, environment, failures, http, items, messages, sample, sqs_event
from tests.unit.people import CANARIES, MESSAGE, PASSWORD, canaries, confirmed, form, signed_up, token_of
from tests.unit.subscribers import subscriber

ADDRESS = CANARIES["email"]


@dataclass
class Ses:
    """Stands for SES: keeps what it is given, or breaks the way SES does, which tells the address."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    broken: int = 0

    def send_email(self, **mail: Any) -> dict[str, str]:
        if self.broken:
            self.broken -= 1
            (to,) = mail["Destination"]["ToAddresses"]
            raise ClientError({"Error": {"Code": "MessageRejected", "Message": f"{to} is not verified"}}, "SendEmail")
        self.sent.append(mail)
        return {"MessageId": "1"}

    @property
    def to(self) -> list[str]:
        return [mail["Destination"]["ToAddresses"][0] for mail in self.sent]

    @property
    def texts(self) -> list[str]:
        return [mail["Content"]["Simple"]["Body"]["Text"]["Data"] for mail in self.sent]

    @property
    def subjects(self) -> list[str]:
        return [mail["Content"]["Simple"]["Subject"]["Data"] for mail in self.sent]


@pytest.fixture
def ses() -> Ses:
    return Ses()


@pytest.fixture
def parts(stores: None, clock: SetClock, ses: Ses) -> Parts:
    assembled = assemble(load(MailSettings, environment("MailFunction")), clock)
    return replace(assembled, post=Post(replace(assembled.post.letters, ses=ses)))


@pytest.fixture
def handler(parts: Parts) -> Any:
    return build(lambda: parts)


@pytest.fixture
def signup_parts(stores: None, clock: SetClock) -> signup.parts.Parts:
    settings = load(signup.parts.SignupSettings, environment("SignupFunction", CaptchaVerifier="local"))
    return signup.parts.assemble(settings, clock)


@pytest.fixture
def website(signup_parts: signup.parts.Parts) -> Any:
    return signup.app.build(lambda: signup_parts)


def deliver(handler: Any, *bodies: Any) -> list[str]:
    """Hand over these messages, or all that wait; which of them failed."""
    return failures(handler(sqs_event(bodies or messages("mail")), Context()))


def link(text: str) -> str:
    """The token of the link that stands alone on a line."""
    (found,) = re.findall(rf"^{SITE}/confirm#token=(\S+)$", text, re.MULTILINE)
    return str(found)


# --- sign-ups ------------------------------------------------------------------------------------------------------


@pytest.mark.promise("signup.confirmed")
@pytest.mark.parametrize("kind", ["registration", "download", "subscription", "trial"])
def test_a_sign_up_gets_its_link_alone_on_a_line_and_the_link_works(
    handler: Any, ses: Ses, website: Any, kind: str
) -> None:
    signed_up(website, kind)
    assert deliver(handler) == []
    assert ses.to == [ADDRESS]
    assert "1 December 2026, 12:00 UTC" in ses.texts[0]
    answer = http(website, "POST", "/signups/confirmation", body={"token": link(ses.texts[0])})
    assert answer.status == 201


def test_a_mail_comes_from_the_verified_sender_in_plain_utf_8(handler: Any, ses: Ses, website: Any) -> None:
    signed_up(website)
    deliver(handler)
    (mail,) = ses.sent
    assert mail["FromEmailAddress"] == "no-reply@perfectwork.app"
    assert mail["Content"]["Simple"]["Body"].keys() == {"Text"}
    assert mail["Content"]["Simple"]["Body"]["Text"]["Charset"] == "UTF-8"


@pytest.mark.promise("signup.confirmed")
@pytest.mark.parametrize("email", [ADDRESS, "Canary-Mailbox-OXBOW@EXAMPLE.org"])
def test_a_known_address_is_told_so_by_mail_and_the_new_form_is_deleted(
    handler: Any, ses: Ses, website: Any, signup_parts: signup.parts.Parts, email: str
) -> None:
    confirmed(website, signup_parts, "registration")
    messages("mail")
    reference = signed_up(website, "trial", email=email)
    assert deliver(handler) == []
    assert ses.to == [ADDRESS]
    assert "already" in ses.texts[0]
    assert "#token=" not in ses.texts[0]
    assert reference not in [row["id"] for row in items("signups")]
    assert len(items("signups")) == 1  # the receipt of the first one


@pytest.mark.promise("signup.confirmed")
def test_a_confirmed_sign_up_is_not_written_about_again(
    handler: Any, ses: Ses, website: Any, signup_parts: signup.parts.Parts
) -> None:
    confirmed(website, signup_parts, "trial")
    assert deliver(handler) == []
    assert ses.sent == []
    assert items("signups")[0]["account_id"]


@pytest.mark.promise("signup.confirmed")
@pytest.mark.parametrize(("late", "mails"), [(7 * 86400 - 1, 1), (7 * 86400, 0)])
def test_a_sign_up_is_not_written_about_from_the_second_of_its_expiry(
    handler: Any, ses: Ses, website: Any, clock: SetClock, late: int, mails: int
) -> None:
    signed_up(website)
    clock.advance(seconds=late)
    assert deliver(handler) == []
    assert len(ses.sent) == mails


def test_a_sign_up_that_is_gone_is_done(handler: Any, ses: Ses, website: Any, parts: Parts) -> None:
    parts.signups.discard(signed_up(website))
    assert deliver(handler) == []
    assert ses.sent == []


def test_a_message_that_comes_twice_sends_the_same_link_twice(handler: Any, ses: Ses, website: Any) -> None:
    reference = signed_up(website)
    body = {"kind": "signup", "id": reference}
    assert deliver(handler, body, body) == []
    assert ses.texts[0] == ses.texts[1]


@pytest.mark.promise("signup.trial")
def test_a_sign_up_that_is_confirmed_while_its_mail_is_written_keeps_its_receipt(
    parts: Parts, ses: Ses, website: Any, signup_parts: signup.parts.Parts
) -> None:
    reference = signed_up(website)
    token = token_of(signup_parts, reference)

    class Meanwhile:
        def send_email(self, **mail: Any) -> Any:
            http(website, "POST", "/signups/confirmation", body={"token": token})
            return ses.send_email(**mail)

    handler = build(lambda: replace(parts, post=Post(replace(parts.post.letters, ses=Meanwhile()))))
    assert deliver(handler) == []
    parts.signups.discard(reference)
    assert items("signups")[0]["account_id"]


def test_a_worker_that_died_between_the_mail_and_the_deletion_finishes_when_it_comes_again(
    parts: Parts, handler: Any, ses: Ses, website: Any, signup_parts: signup.parts.Parts
) -> None:
    confirmed(website, signup_parts, "registration")
    messages("mail")
    body = {"kind": "signup", "id": signed_up(website, "trial")}

    class Dying:
        """Signups whose worker ends before it deletes anything."""

        def __getattr__(self, name: str) -> Any:
            return getattr(parts.signups, name)

        def discard(self, signup_id: str) -> None:
            raise MemoryError

    dying = build(lambda: replace(parts, signups=Dying()))  # type: ignore[arg-type]  # a fake by hand
    assert deliver(dying, body) == ["message-0"]
    assert deliver(handler, body) == []
    assert len(ses.sent) == 2
    assert len(items("signups")) == 1


# --- enquiries -----------------------------------------------------------------------------------------------------


@pytest.mark.promise("contact.inquiry")
def test_an_enquiry_is_acknowledged_and_the_helpdesk_hears_its_reference(
    handler: Any, ses: Ses, website: Any, clock: SetClock
) -> None:
    clock.set(datetime(2027, 1, 31, 9, 30, tzinfo=UTC))
    reference = signed_up(website, "contact")
    assert deliver(handler) == []
    assert ses.to == [ADDRESS, "helpdesk@perfectwork.app"]
    for text in ses.texts:
        assert reference in text.splitlines()
        assert "28 February 2027, 09:30 UTC" in text
    for canary in canaries("contact"):
        assert canary not in ses.texts[1] + ses.subjects[1]


@pytest.mark.promise("accounts.necessity")
def test_an_enquiry_whose_period_is_over_is_not_written_about(
    handler: Any, ses: Ses, website: Any, clock: SetClock
) -> None:
    signed_up(website, "contact")
    body = messages("mail")
    clock.set(datetime(2027, 11, 24, 12, 0, tzinfo=UTC))
    assert deliver(handler, *body) == []
    assert ses.sent == []


def test_no_word_that_a_visitor_typed_is_in_any_mail(
    handler: Any, ses: Ses, website: Any, signup_parts: signup.parts.Parts
) -> None:
    signed_up(website, "subscription")
    signed_up(website, "contact")
    deliver(handler)
    confirmed(website, signup_parts, "registration")
    signed_up(website, "trial")
    deliver(handler)
    assert len(ses.sent) == 4
    written = "".join(re.sub(r"token=\S+", "", text) for text in ses.texts) + "".join(ses.subjects)
    for canary in (*canaries("subscription"), MESSAGE, PASSWORD):
        assert canary not in written


# --- requests for support ------------------------------------------------------------------------------------------


@pytest.mark.promise("helpdesk.access")
def test_the_helpdesk_hears_that_support_is_asked_for_and_not_what(
    handler: Any, parts: Parts, ses: Ses, clock: SetClock
) -> None:
    database_id = new_id("db")
    request = SupportRequest(new_access_id(REQUEST, database_id, clock()), clock(), "canary-message")
    transact(parts.access.table.client, [parts.access.create_operation(request)])
    never = new_access_id(REQUEST, database_id, clock())
    assert (
        deliver(handler, *({"kind": "support", "id": one} for one in (request.id, never, "sup_x", database_id))) == []
    )
    assert ses.to == ["helpdesk@perfectwork.app"]
    assert database_id in ses.texts[0]
    assert request.id in ses.texts[0]
    assert "canary" not in repr(ses.sent)
    clock.set(datetime(2027, 11, 24, 12, 0, tzinfo=UTC))
    assert deliver(handler, {"kind": "support", "id": request.id}) == []
    assert len(ses.sent) == 1


# --- a change of the policy ----------------------------------------------------------------------------------------


@pytest.mark.promise("policy.versions")
def test_a_change_of_the_policy_is_told_in_words_with_the_way_to_it(handler: Any, ses: Ses) -> None:
    account_id = subscriber("somebody@example.org", agreed=False)
    assert deliver(handler, {"kind": "policy", "id": account_id, "version": "2026-11-27"}) == []
    (text,) = ses.texts
    assert ses.to == ["somebody@example.org"]
    assert "The version of 27 November 2026" in text
    assert "- The text and counts of a marketing message: 6 months instead of 12." in text
    assert "Amazon Web Services" in text
    assert f"\n{SITE}/policy/changes?from=2026-11-24&to=2026-11-27\n" in text


@pytest.mark.promise("policy.versions")
def test_who_is_gone_closed_or_of_that_version_hears_nothing_of_it(handler: Any, ses: Ses, parts: Parts) -> None:
    of_today, closed = subscriber("a@example.org"), subscriber("b@example.org")
    rows = parts.accounts.table
    rows.update({"id": of_today}, {"policy_version": "2026-11-27"}, Attr("id").exists())
    transact(rows.client, [parts.accounts.close_operation(closed)])
    for account_id in (of_today, closed, new_id("acc")):
        assert deliver(handler, {"kind": "policy", "id": account_id, "version": "2026-11-27"}) == []
    assert ses.sent == []


@pytest.mark.parametrize("version", ["2026-11-24", "1999-01-01", "x", ""])
def test_a_version_without_one_before_it_is_no_message_of_ours(handler: Any, ses: Ses, version: str) -> None:
    message = {"kind": "policy", "id": subscriber("a@example.org")} | ({"version": version} if version else {})
    assert deliver(handler, message) != []
    assert ses.sent == []


# --- what goes wrong -----------------------------------------------------------------------------------------------

BAD = {
    "bad-no-json": ["00000000-0000-4000-8000-000000000000"],
    "bad-unknown-kind": ["00000000-0000-4000-8000-000000000000"],
    "bad-address-in-a-message": ["00000000-0000-4000-8000-000000000000"],
    "bad-one-in-a-batch": ["00000001-0000-4000-8000-000000000000"],
    "bad-first-version": ["00000000-0000-4000-8000-000000000000"],
    "signup": [],
    "enquiry": [],
    "support": [],
    "policy": [],
    "batch": [],
}


@pytest.mark.parametrize("name", BAD)
def test_a_message_that_is_none_of_ours_fails_alone(
    handler: Any, ses: Ses, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert failures(handler(sample(f"mail/{name}"), Context())) == BAD[name]
    assert ses.sent == []
    out, err = capfd.readouterr()
    assert ("MalformedMessageError" in out) == name.startswith("bad")
    assert "mei.tan" not in out + err


HOSTILE = [
    "",
    "null",
    "[]",
    "7",
    '"signup"',
    "{}",
    '{"kind": "signup"}',
    '{"kind": "signup", "id": 7}',
    '{"kind": "signup", "id": "sgn_a", "email": "canary@example.org"}',
    '{"kind": "signup", "id": "canary, x"}',
    "canary \x00\udcff",
    "[" * 200_000,
]


def test_a_hostile_message_fails_and_its_content_is_in_no_log(
    handler: Any, ses: Ses, capfd: pytest.CaptureFixture[str]
) -> None:
    for body in HOSTILE:
        assert deliver(handler, body) == ["message-0"]
    assert ses.sent == []
    out, err = capfd.readouterr()
    assert "canary" not in out + err


def test_a_mail_that_ses_refuses_is_tried_again_and_its_address_is_in_no_log(
    handler: Any, ses: Ses, website: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = signed_up(website), signed_up(website, email="somebody-oxbow@example.org")
    ses.broken = 1
    bodies = [{"kind": "signup", "id": first}, {"kind": "signup", "id": second}]
    assert deliver(handler, *bodies) == ["message-0"]
    assert ses.to == ["somebody-oxbow@example.org"]
    out, err = capfd.readouterr()
    assert '"MessageRejected"' in out
    for canary in ("oxbow", first):
        assert canary not in out + err + caplog.text
    assert deliver(handler, bodies[0]) == []
    assert ses.to[1:] == [ADDRESS]


def test_no_batch_raises_whatever_is_in_it(handler: Any) -> None:
    assert deliver(handler, *["no JSON"] * 10) == [f"message-{number}" for number in range(10)]


def test_the_batch_before_leaves_nothing_in_the_next(handler: Any, ses: Ses, website: Any) -> None:
    assert deliver(handler, "no JSON") == ["message-0"]
    signed_up(website)
    assert deliver(handler) == []
    assert len(ses.sent) == 1


def test_form_and_message_agree_on_every_kind(handler: Any, ses: Ses, website: Any) -> None:
    for kind in ("registration", "download", "subscription", "trial", "contact"):
        http(website, "POST", "/signups", body=form(kind))
    asked = [json.loads(body) for body in messages("mail")]
    assert {message["kind"] for message in asked} == {"signup", "enquiry"}
    assert deliver(handler, *asked) == []
    assert len(ses.sent) == 6
