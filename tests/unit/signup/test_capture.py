"""Taking a form: what is stored of it, what is refused, and what the answer tells."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from privacy.queues import Queues
from privacy.vault.passwords import matches
from privacy.vault.sealing import SealBrokenError, unseal
from signup.app import build
from signup.parts import Parts
from tests.unit.engine import SetClock, everything, http, items, messages, sample, send, table
from tests.unit.people import (
    ADDRESS,
    CANARIES,
    MESSAGE,
    ORDER,
    PASSWORD,
    WITH_PASSWORD,
    canaries,
    form,
    signed_up,
    token_of,
)

KINDS = ("registration", "download", "subscription", "trial", "contact")
ACCOUNT_KINDS = KINDS[:-1]
CARD = "4111111111111111"


def opened(parts: Parts, reference: str) -> Any:
    """What waits for a link, opened with its token."""
    signup = parts.signups.get(reference, parts.clock())
    assert signup is not None
    assert signup.sealed is not None
    return json.loads(unseal(parts.links().sealing_key(token_of(parts, reference)), signup.sealed, reference))


# --- what is stored ------------------------------------------------------------------------------------------------


@pytest.mark.promise("signup.fields", "signup.confirmed")
@pytest.mark.parametrize("kind", ACCOUNT_KINDS)
def test_a_form_waits_with_exactly_the_fields_that_were_sent(app: Any, parts: Parts, kind: str) -> None:
    content = opened(parts, signed_up(app, kind))
    expected = {name: value for name, value in form(kind).items() if name not in ("password", "captcha_token")}
    assert content["form"] == expected
    assert content.keys() == {"form", "password_hash", "captcha_score", "region"}


@pytest.mark.promise("signup.confirmed", "signup.password")
@pytest.mark.parametrize("kind", ACCOUNT_KINDS)
def test_a_waiting_form_is_readable_to_nobody_but_its_link(app: Any, parts: Parts, kind: str) -> None:
    reference = signed_up(app, kind)
    (row,) = items("signups")
    assert row.keys() == {"id", "created_at", "sealed", "shard", "ttl"}
    for canary in canaries(kind):
        assert canary.encode() not in everything()
        assert canary.encode() not in row["sealed"]
    other = parts.links().token("signup", reference, datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(SealBrokenError):
        unseal(parts.links().sealing_key(other), row["sealed"], reference)


@pytest.mark.promise("signup.password")
@pytest.mark.parametrize("kind", WITH_PASSWORD)
def test_of_a_password_only_its_argon2id_hash_is_kept(app: Any, parts: Parts, kind: str) -> None:
    content = opened(parts, signed_up(app, kind))
    assert content["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert matches(PASSWORD, content["password_hash"])
    assert PASSWORD not in json.dumps(content)


def test_a_download_has_no_password(app: Any, parts: Parts) -> None:
    assert opened(parts, signed_up(app, "download"))["password_hash"] is None


@pytest.mark.promise("contact.inquiry", "signup.fields")
def test_an_enquiry_is_kept_with_a_reference_a_due_date_and_an_end(app: Any, clock: SetClock) -> None:
    clock.set(datetime(2027, 1, 31, 9, 30, tzinfo=UTC))
    answer = http(app, "POST", "/signups", body=form("contact"))
    assert answer.status == 202
    reference = answer.json()["reference"]
    assert answer.json() == {
        "reference": reference,
        "due_date": "2027-02-28T09:30:00Z",  # a calendar month, and never later than the month's end
        "expires_at": "2028-01-31T09:30:00Z",
    }
    assert reference.startswith("ENQ-")
    assert len(reference) == 30
    (row,) = items("enquiries")
    expected = {name: value for name, value in form("contact").items() if name not in ("kind", "captcha_token")}
    assert row["fields"] == expected | {"kind": "contact", "captcha_score": "0.9"}
    assert row["due_at"] == datetime(2027, 2, 28, 9, 30, tzinfo=UTC).timestamp()
    assert items("signups") == []


@pytest.mark.promise("contact.inquiry")
def test_a_due_date_in_a_leap_year_is_the_29th_of_february(app: Any, clock: SetClock) -> None:
    clock.set(datetime(2028, 1, 31, tzinfo=UTC))
    assert http(app, "POST", "/signups", body=form("contact")).json()["due_date"] == "2028-02-29T00:00:00Z"


@pytest.mark.parametrize("kind", KINDS)
def test_the_queue_carries_an_id_and_nothing_else(app: Any, kind: str) -> None:
    reference = signed_up(app, kind)
    (message,) = messages("mail")
    assert json.loads(message) == {"kind": "enquiry" if kind == "contact" else "signup", "id": reference}


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize(("country", "region"), [("SG", "asia"), ("US", "americas"), ("CH", "americas"), (None, None)])
def test_the_nearest_region_comes_from_the_country_that_the_edge_names(
    app: Any, parts: Parts, country: str | None, region: str | None
) -> None:
    headers = {"CloudFront-Viewer-Country": country} if country else {}
    assert opened(parts, signed_up(app, headers=headers))["region"] == region


@pytest.mark.promise("databases.region")
def test_without_a_trusted_edge_a_country_header_is_not_believed(parts: Parts) -> None:
    alone = parts.settings.model_copy(update={"trusted_edge": "none"})
    app = build(lambda: replace(parts, settings=alone))
    assert opened(parts, signed_up(app, headers={"CloudFront-Viewer-Country": "US"}))["region"] is None


# --- the answer ----------------------------------------------------------------------------------------------------


@pytest.mark.promise("signup.confirmed")
@pytest.mark.parametrize("kind", ACCOUNT_KINDS)
def test_the_answer_names_a_reference_and_the_end_of_the_week(app: Any, kind: str) -> None:
    answer = http(app, "POST", "/signups", body=form(kind))
    assert answer.status == 202
    assert answer.json() == {"reference": answer.json()["reference"], "expires_at": "2026-12-01T12:00:00Z"}
    assert answer.json()["reference"].startswith("sgn_")
    assert "set-cookie" not in answer.headers


@pytest.mark.promise("signup.confirmed")
def test_a_form_does_not_even_look_whether_the_address_is_known(app: Any) -> None:
    accounts = table("accounts")
    accounts.client.delete_table(TableName=accounts.name)
    assert http(app, "POST", "/signups", body=form("trial")).status == 202


def test_no_answer_repeats_what_was_sent(app: Any) -> None:
    for kind in KINDS:
        body = http(app, "POST", "/signups", body=form(kind)).body
        refused = http(app, "POST", "/signups", body=form(kind, surprise="Canary Surprise Oxbow")).body
        for canary in (*canaries(kind), "surprise"):
            assert canary.encode() not in body + refused


# --- what is refused -----------------------------------------------------------------------------------------------

REFUSED = {
    "bad-address-in-a-trial": (422, ["postal_address"]),
    "bad-card-number": (422, ["interest"]),
    "bad-form-encoded": (415, []),
    "bad-low-score": (422, ["captcha_token"]),
    "bad-malformed-json": (400, []),
    "bad-nesting": (400, []),
    "bad-other-encoding": (400, []),
    "bad-unknown-field": (422, ["(unknown)"]),
    "bad-verifier-down": (503, []),
    "bad-wrong-types": (422, ["name", "password", "marketing_consent"]),
}


@pytest.mark.promise("signup.fields")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_gets_a_clear_answer_and_changes_nothing(app: Any, name: str) -> None:
    answer = send(app, sample(f"signup/{name}"))
    status, fields = REFUSED[name]
    assert (answer.status, sorted(answer.errors)) == (status, sorted(fields))
    assert answer.headers["content-type"] == "application/problem+json"
    assert everything() == b""


@pytest.mark.parametrize(
    "name", ["registration", "download", "subscription", "trial", "trial-from-the-americas", "contact"]
)
def test_the_sample_forms_are_taken(app: Any, name: str) -> None:
    assert send(app, sample(f"signup/{name}")).status == 202


@pytest.mark.promise("signup.fields")
@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("registration", "postal_address", ADDRESS),
        ("registration", "order", ORDER),
        ("registration", "message", MESSAGE),
        ("download", "password", PASSWORD),
        ("trial", "order", ORDER),
        ("contact", "password", PASSWORD),
        ("contact", "postal_address", ADDRESS),
        ("subscription", "message", MESSAGE),
    ],
)
def test_a_field_that_the_kind_does_not_need_is_refused_not_dropped(
    app: Any, kind: str, field: str, value: Any
) -> None:
    answer = http(app, "POST", "/signups", body=form(kind, **{field: value}))
    assert (answer.status, list(answer.errors)) == (422, [field])
    assert everything() == b""


@pytest.mark.parametrize("field", ["email", "name", "captcha_token", "password"])
def test_a_wrong_value_names_its_field(app: Any, field: str) -> None:
    values: tuple[Any, ...] = ("", " ", "\u200b", "a\x00b", "\u202egnp", "x" * 5000, 7, 1.5, True, None, [], {})
    for value in values:
        answer = http(app, "POST", "/signups", body={**form("trial"), field: value})
        assert (answer.status, list(answer.errors)) == (422, [field]), repr(value)
    assert everything() == b""


NO_FORM = [
    (b"", 400),
    (b"null", 422),
    (b"[]", 422),
    (b'"trial"', 422),
    (b"\xff\xfe{", 400),
    (b"\xef\xbb\xbf{}", 400),
    (b'{"kind": NaN}', 400),
    (b'{"name": "\\ud800"}', 400),
    (b'{"kind": "trial", "kind": "contact"}', 400),
    (b'{"order": {"amount": 1, "amount": 2}}', 400),
    (b'{"kind": ' + b"9" * 5000 + b"}", 400),
    (b"[" * 1_000_000, 413),
    (b'{"kind": "' + b"x" * 65_536 + b'"}', 413),
    (b"{}", 422),
    (b'{"kind": "newsletter"}', 422),
    (b'{"kind": ["trial"]}', 422),
]


def test_what_is_no_form_at_all_is_refused_by_its_kind_of_wrong(app: Any) -> None:
    for body, status in NO_FORM:
        answer = http(app, "POST", "/signups", body=body, headers={"Content-Type": "application/json"})
        assert (answer.status, answer.json()["status"]) == (status, status), body[:40]
    assert everything() == b""


def test_a_body_that_is_no_base64_is_refused(app: Any) -> None:
    event = sample("signup/trial") | {"isBase64Encoded": True, "body": "not base64!"}
    assert send(app, event).status == 400


@pytest.mark.parametrize("event", [None, [], {}, {"Records": []}, {"requestContext": {"http": {"method": "POST"}}}])
def test_what_is_no_request_of_our_api_is_refused(app: Any, event: Any) -> None:
    assert send(app, event).status == 400


# --- card numbers --------------------------------------------------------------------------------------------------


@pytest.mark.promise("signup.no-cards")
@pytest.mark.parametrize("kind", KINDS)
def test_a_card_number_in_any_field_refuses_the_form_and_leaves_no_trace(
    app: Any, kind: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for field in form(kind):
        if field in ("kind", "marketing_consent", "order"):
            continue
        body = {**form(kind), field: f"x {CARD} x"}
        answer = http(app, "POST", "/signups", body=body)
        assert (answer.status, list(answer.errors)) == (422, [field])
        assert CARD.encode() not in answer.body
    assert everything() == b""
    out, err = capfd.readouterr()
    assert CARD not in out + err + caplog.text


@pytest.mark.promise("signup.no-cards")
def test_card_numbers_are_looked_for_before_anything_else_is_checked(app: Any) -> None:
    body = {"kind": "nonsense", "unheard_of": {"deep": [CARD]}, "captcha_token": 7, "email": f"{CARD}@example.org"}
    answer = http(app, "POST", "/signups", body=body)
    assert set(answer.errors) == {"(unknown).(unknown).0", "email"}
    assert all("card" in message for message in answer.errors.values())


@pytest.mark.promise("signup.no-cards")
@pytest.mark.parametrize(
    "written",
    [
        b'{"x": 4111111111111111}',
        b'{"x": 4111111111111111.0}',
        b'{"x": 411111111111.1111}',
        b'{"x": 6304000000000000000}',
        b'{"x": ["4111", "1111", "1111", "1111"]}',
        b'{"4111 1111 1111 1111": 1}',
        '{"x": "４１１１-１１１１-１１１１-１１１１"}'.encode(),
        b'{"x": "\\u0034111 1111 1111 1111"}',
    ],
)
def test_a_card_number_in_any_writing_of_json_is_found(app: Any, written: bytes) -> None:
    answer = http(app, "POST", "/signups", body=written, headers={"Content-Type": "application/json"})
    assert answer.status == 422
    assert all("card" in message for message in answer.errors.values())


@pytest.mark.promise("signup.no-cards")
def test_phone_numbers_order_references_and_tax_ids_are_not_taken_for_cards(app: Any) -> None:
    order = ORDER | {"reference": "2026-1117-0042-0001", "description": "GST reg. M90361234X, 12 months"}
    assert signed_up(app, "subscription", phone="+49 30 1234 567890", order=order)


# --- form protection -----------------------------------------------------------------------------------------------


@pytest.mark.promise("signup.captcha")
def test_the_score_alone_is_kept(app: Any, parts: Parts) -> None:
    assert opened(parts, signed_up(app, captcha_token="score:0.7"))["captcha_score"] == "0.7"
    assert b"canary-captcha" not in everything()


@pytest.mark.promise("signup.captcha")
@pytest.mark.parametrize(("score", "status"), [("0.5", 202), ("0.49", 422), ("0", 422), ("1", 202)])
def test_a_score_at_the_minimum_passes_and_one_below_it_does_not(app: Any, score: str, status: int) -> None:
    answer = http(app, "POST", "/signups", body=form("trial", captcha_token=f"score:{score}"))
    assert answer.status == status


@pytest.mark.promise("signup.captcha")
@pytest.mark.parametrize("kind", KINDS)
def test_a_verifier_that_is_down_refuses_forms_for_now(app: Any, kind: str) -> None:
    answer = http(app, "POST", "/signups", body=form(kind, captcha_token="down"))
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert everything() == b""


@pytest.mark.promise("signup.captcha")
@pytest.mark.parametrize("kind", KINDS)
def test_a_verifier_that_is_down_lets_forms_through_where_the_setting_says_so(parts: Parts, kind: str) -> None:
    allowing = parts.settings.model_copy(update={"captcha_when_down": "allow"})
    app = build(lambda: replace(parts, settings=allowing))
    reference = signed_up(app, kind, captcha_token="down")
    if kind == "contact":
        assert "captcha_score" not in items("enquiries")[0]["fields"]
    else:
        assert opened(parts, reference)["captcha_score"] is None


@pytest.mark.promise("signup.captcha")
def test_the_verifier_is_shown_the_token_and_nothing_else(parts: Parts) -> None:
    shown: list[Any] = []

    class Curious:
        def score(self, *arguments: Any) -> object:
            shown.extend(arguments)
            return 0.9

    signed_up(build(lambda: replace(parts, verifier=Curious())))
    assert shown == [CANARIES["captcha_token"]]


# --- Idempotency-Key -----------------------------------------------------------------------------------------------

KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_repeated_request_makes_one_thing_and_gets_the_same_answer(app: Any, clock: SetClock, kind: str) -> None:
    first = http(app, "POST", "/signups", body=form(kind), headers=KEY)
    clock.advance(hours=1)
    second = http(app, "POST", "/signups", body=form(kind), headers=KEY)
    assert (first.status, first.body) == (second.status, second.body)
    assert len(items("signups")) + len(items("enquiries")) == 1
    assert len(messages("mail")) == 1


def test_a_key_with_another_body_is_refused(app: Any) -> None:
    signed_up(app, headers=KEY)
    answer = http(app, "POST", "/signups", body=form("trial", name="Somebody Else"), headers=KEY)
    assert (answer.status, list(answer.errors)) == (422, ["Idempotency-Key"])
    assert len(items("signups")) == 1


def test_a_key_is_free_again_after_a_day_to_the_second(app: Any, clock: SetClock) -> None:
    first = signed_up(app, headers=KEY)
    clock.advance(days=1, seconds=-1)
    assert signed_up(app, headers=KEY) == first
    clock.advance(seconds=1)
    assert signed_up(app, headers=KEY) != first


def test_a_refused_request_does_not_use_its_key_up(app: Any) -> None:
    refused = http(app, "POST", "/signups", body=form("trial", captcha_token="score:0.1"), headers=KEY)
    assert refused.status == 422
    assert signed_up(app, headers=KEY)


@pytest.mark.promise("signup.password")
def test_what_a_key_leaves_behind_tells_nothing_of_the_form(app: Any) -> None:
    import hashlib

    signed_up(app, headers=KEY)
    (row,) = items("idempotency")
    assert row.keys() == {"key", "body", "ids", "done", "running_until", "created_at", "shard", "ttl"}
    assert row["ids"].keys() == {"reference", "created_at"}
    body = json.dumps(form("trial")).encode()
    assert row["body"] != hashlib.sha256(body).hexdigest()
    for canary in canaries("trial"):
        assert canary not in repr(row)


class _Breaking:
    """A queue client that breaks as often as it is told."""

    def __init__(self, real: Any, times: int) -> None:
        self.real, self.times = real, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def send_message(self, **arguments: Any) -> Any:
        if self.times:
            self.times -= 1
            raise EndpointConnectionError(endpoint_url="https://sqs.example")
        return self.real.send_message(**arguments)


@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_between_storing_and_asking_for_the_mail_is_completed_by_the_repetition(
    parts: Parts, kind: str
) -> None:
    from privacy.aws import client

    breaking = _Breaking(client("sqs", "ap-southeast-1"), 1)
    queues = Queues(parts.settings.stack, parts.settings.account, clients=lambda service, region: breaking)
    asked: list[str] = []

    class Once:
        """As Google: a token is good for one question."""

        def score(self, token: str) -> object:
            asked.append(token)
            return 0.9 if len(asked) == 1 else 0.0

    app = build(lambda: replace(parts, queues=queues, verifier=Once()))
    assert http(app, "POST", "/signups", body=form(kind), headers=KEY).status == 503
    stored = items("signups") + items("enquiries")
    assert len(stored) == 1
    assert messages("mail") == []
    reference = signed_up(app, kind, headers=KEY)
    assert reference in (stored[0].get("id"), stored[0].get("reference"))
    assert items("signups") + items("enquiries") == stored
    assert [json.loads(message)["id"] for message in messages("mail")] == [reference]


# --- nothing of it in a log ----------------------------------------------------------------------------------------


@pytest.mark.promise("signup.password", "signup.fields")
@pytest.mark.parametrize("kind", KINDS)
def test_no_field_of_a_form_is_in_any_log(
    parts: Parts, kind: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def score(self, token: str) -> object:
            raise RuntimeError(f"a defect that tells {token} and {form(kind)}")

    caplog.set_level("INFO")
    for verifier in (parts.verifier, Broken()):
        app = build(lambda verifier=verifier: replace(parts, verifier=verifier))  # type: ignore[misc]
        key = {"Idempotency-Key": f"canary-key-oxbow-{type(verifier).__name__}"}
        http(app, "POST", "/signups", body=form(kind), headers={"User-Agent": "canary-agent-oxbow", **key})
        http(app, "POST", "/signups", body=form(kind, phone="canary-phone-oxbow"), cookie="canary-cookie-oxbow")
        http(app, "POST", "/signups?q=canary-query-oxbow", body=json.dumps(form(kind)).encode()[:-2])
    out, err = capfd.readouterr()
    assert '"RuntimeError"' in out
    for canary in canaries(kind):
        assert canary not in out + err
        assert canary not in caplog.text
