"""Following the link: once, whatever is repeated, doubled, late, forged or breaks in between."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from privacy.models.databases import Status
from privacy.policy import Period
from privacy.tables.store import Operation
from privacy.vault.passwords import matches
from privacy.vault.tokens import session_hash
from signup.app import build
from signup.confirmation import Confirmed, LinkError, confirm
from signup.parts import Parts
from tests.unit.engine import AMERICAS, ASIA, NOON, Answer, SetClock, everything, http, items, sample, send, table
from tests.unit.people import ADDRESS, CANARIES, ORDER, PASSWORD, confirmed, form, signed_up, token_of

ACCOUNT_KINDS = ("registration", "download", "subscription", "trial")


def follow(app: Any, token: str) -> Answer:
    return http(app, "POST", "/signups/confirmation", body={"token": token})


def accounts() -> list[dict[str, Any]]:
    return [row for row in items("accounts") if row["id"].startswith("acc_")]


# --- what comes of it ----------------------------------------------------------------------------------------------


@pytest.mark.promise("signup.confirmed")
@pytest.mark.parametrize("kind", ACCOUNT_KINDS)
def test_a_confirmed_sign_up_is_an_account_and_a_session(app: Any, parts: Parts, kind: str) -> None:
    answer = confirmed(app, parts, kind)
    (account,) = accounts()
    assert answer.json()["account_id"] == account["id"]
    assert (answer.json()["database"] is not None) == (kind == "trial")
    (session,) = items("sessions")
    assert session["account_id"] == account["id"]
    assert answer.cookie
    assert session["token_hash"] == session_hash(answer.cookie)
    assert answer.headers["set-cookie"].endswith("; Path=/; Max-Age=7948800; HttpOnly; Secure; SameSite=Lax")


@pytest.mark.promise("signup.fields", "signup.password", "signup.captcha", "policy.versions")
@pytest.mark.parametrize("kind", ACCOUNT_KINDS)
def test_an_account_holds_the_forms_fields_the_hash_the_score_and_the_policys_version(
    app: Any, parts: Parts, kind: str
) -> None:
    confirmed(app, parts, kind, marketing_consent=True)
    (row,) = accounts()
    left_out = ("password", "captcha_token", "marketing_consent", "order")
    assert row["profile"] == {name: value for name, value in form(kind).items() if name not in left_out}
    assert row["marketing"] == {
        "agreed": True,
        "at": int(NOON.timestamp()),
        "policy_version": parts.policy.version.isoformat(),
        "wording": "marketing/1",
    }
    assert {"marketing_shard", "marketing_at"} <= row.keys()
    assert row["captcha_score"] == "0.9"
    assert row["policy_version"] == parts.policy.version.isoformat()
    assert ("password_hash" in row) == (kind != "download")
    assert kind == "download" or matches(PASSWORD, row["password_hash"])
    assert PASSWORD.encode() not in everything()


@pytest.mark.promise("signup.confirmed")
def test_nothing_of_the_form_is_left_in_the_confirmed_sign_up(app: Any, parts: Parts) -> None:
    confirmed(app, parts, "trial")
    (row,) = items("signups")
    assert row.keys() == {"id", "created_at", "shard", "ttl", "account_id", "database_id"}


@pytest.mark.promise("signup.trial", "databases.region")
@pytest.mark.parametrize(("country", "region", "aws"), [("SG", "asia", ASIA), ("BR", "americas", AMERICAS)])
def test_a_trial_opens_one_active_database_in_the_nearest_region(
    app: Any, parts: Parts, country: str, region: str, aws: str
) -> None:
    reference = signed_up(app, "trial", headers={"CloudFront-Viewer-Country": country})
    answer = follow(app, token_of(parts, reference))
    (row,) = items("databases")
    assert answer.json()["database"] == {
        "id": row["id"],
        "name": CANARIES["company"],
        "region": region,
        "status": "active",
    }
    assert row["owner"] == parts.pseudonyms().owner(answer.json()["account_id"])
    assert answer.json()["account_id"] not in repr(row)
    (key,) = items("keys", aws)
    assert (key["database_id"], key["state"]) == (row["id"], "open")
    (other,) = items("keys", AMERICAS if aws == ASIA else ASIA)
    assert (other["database_id"], other["state"]) == (row["id"], "standby")


@pytest.mark.promise("databases.region")
@pytest.mark.parametrize(
    ("signing_up", "following", "region"),
    [("US", None, "americas"), ("US", "SG", "americas"), (None, "US", "americas"), (None, None, "asia")],
)
def test_the_region_is_that_of_the_form_else_of_the_link_else_the_default(
    app: Any, parts: Parts, signing_up: str | None, following: str | None, region: str
) -> None:
    def from_country(country: str | None) -> dict[str, str]:
        return {"CloudFront-Viewer-Country": country} if country else {}

    token = token_of(parts, signed_up(app, "trial", headers=from_country(signing_up)))
    answer = http(app, "POST", "/signups/confirmation", body={"token": token}, headers=from_country(following))
    assert answer.json()["database"]["region"] == region


@pytest.mark.parametrize(("company", "name"), [(None, "Free Trial"), ("長" * 200, "長" * 100)])
def test_a_trial_database_is_named_after_the_company_and_never_after_the_person(
    app: Any, parts: Parts, company: str | None, name: str
) -> None:
    assert confirmed(app, parts, "trial", company=company).json()["database"]["name"] == name


@pytest.mark.promise("accounts.necessity")
def test_an_order_becomes_a_billing_record_of_what_the_law_needs(app: Any, parts: Parts, clock: SetClock) -> None:
    account_id = confirmed(app, parts, "subscription").json()["account_id"]
    (row,) = items("billing")
    assert row["fields"] == {**ORDER, "name": CANARIES["name"], "postal_address": ADDRESS}
    assert row["account_id"] == account_id
    assert row["recorded_at"] == clock().timestamp()
    assert row["ttl"] == datetime(2031, 11, 24, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("kind", ["registration", "download", "trial"])
def test_without_an_order_there_is_no_billing_record(app: Any, parts: Parts, kind: str) -> None:
    confirmed(app, parts, kind)
    assert items("billing") == []
    assert (items("databases") == []) == (kind != "trial")


@pytest.mark.promise("visits.unlinked")
def test_the_visitors_address_is_sealed_on_the_session_and_nowhere_else(app: Any, parts: Parts) -> None:
    token = token_of(parts, signed_up(app))
    event_headers = {"CloudFront-Viewer-Address": "198.51.100.23:4711"}
    http(app, "POST", "/signups/confirmation", body={"token": token}, headers=event_headers)
    (session,) = items("sessions")
    opened = parts.addresses.kms.decrypt(
        CiphertextBlob=session["sealed_address"], EncryptionContext={"session": session["token_hash"]}
    )
    assert opened["Plaintext"] == b"198.51.100.23"
    assert b"198.51.100.23" not in everything()


@pytest.mark.promise("signup.confirmed")
def test_neither_the_link_nor_the_session_token_is_in_any_store(app: Any, parts: Parts) -> None:
    token = token_of(parts, signed_up(app))
    cookie = follow(app, token).cookie
    assert cookie
    assert token.encode() not in everything()
    assert cookie.encode() not in everything()


# --- repeated ------------------------------------------------------------------------------------------------------


@pytest.mark.promise("signup.trial")
@pytest.mark.parametrize("kind", ACCOUNT_KINDS)
def test_a_link_followed_again_tells_the_same_and_makes_nothing_and_signs_nobody_in(
    app: Any, parts: Parts, clock: SetClock, kind: str
) -> None:
    token = token_of(parts, signed_up(app, kind))
    first = follow(app, token)
    before = everything()
    clock.advance(days=6)
    for _ in range(3):
        again = follow(app, token)
        assert (again.status, again.body) == (200, first.body)
        assert "set-cookie" not in again.headers
    assert everything() == before


@pytest.mark.promise("signup.trial")
def test_a_link_followed_again_tells_of_the_database_as_it_is_now(app: Any, parts: Parts, clock: SetClock) -> None:
    token = token_of(parts, signed_up(app, "trial"))
    database_id = follow(app, token).json()["database"]["id"]
    database = parts.databases.get(database_id)
    assert database
    database = parts.databases.change(database, Status.DELETING, clock())
    assert follow(app, token).json()["database"]["status"] == "deleting"
    parts.databases.change(database, Status.DESTROYED, clock())
    again = follow(app, token).json()["database"]
    assert again == {"id": database_id, "name": None, "region": "asia", "status": "destroyed"}


@pytest.mark.promise("signup.trial")
@pytest.mark.parametrize("kind", ACCOUNT_KINDS)
def test_of_two_confirmations_at_once_one_makes_and_the_other_tells(parts: Parts, app: Any, kind: str) -> None:
    token = token_of(parts, signed_up(app, kind))
    both_have_read, one_at_a_time = threading.Barrier(2), threading.Lock()

    def transact(operations: Sequence[Operation]) -> None:
        both_have_read.wait(10)
        with one_at_a_time:  # the in-process engine has no isolation of its own
            parts.transact(operations)

    racing = replace(parts, transact=transact)
    results: list[Confirmed] = []
    threads = [threading.Thread(target=lambda: results.append(confirm(racing, token, None))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(result.token is not None for result in results) == [False, True]
    assert results[0].account_id == results[1].account_id
    assert results[0].database == results[1].database
    assert len(accounts()) == 1
    assert len(items("sessions")) == 1
    assert len(items("databases")) == len(items("keys")) == (kind == "trial")
    assert len(items("billing")) == (kind == "subscription")


@pytest.mark.promise("signup.confirmed")
@pytest.mark.parametrize("email", [CANARIES["email"], CANARIES["email"].upper().replace("EXAMPLE", "example")])
def test_a_second_sign_up_of_an_address_that_has_an_account_cannot_be_confirmed(
    app: Any, parts: Parts, email: str
) -> None:
    first, second = signed_up(app, "trial"), signed_up(app, "subscription", email=email)
    assert follow(app, token_of(parts, first)).status == 201
    before = everything()
    answer = follow(app, token_of(parts, second))
    assert answer.status == 409
    assert "sign in" in answer.json()["detail"]
    assert "set-cookie" not in answer.headers
    assert everything() == before


# --- late, forged, gone --------------------------------------------------------------------------------------------


@pytest.mark.promise("signup.confirmed")
def test_a_link_works_in_the_last_second_of_its_week(app: Any, parts: Parts, clock: SetClock) -> None:
    token = token_of(parts, signed_up(app))
    clock.advance(days=7, seconds=-1)
    assert follow(app, token).status == 201


@pytest.mark.promise("signup.confirmed")
@pytest.mark.parametrize("confirmed_before", [False, True])
def test_a_link_is_worth_nothing_from_the_second_of_its_expiry(
    app: Any, parts: Parts, clock: SetClock, confirmed_before: bool
) -> None:
    token = token_of(parts, signed_up(app))
    if confirmed_before:
        follow(app, token)
    clock.advance(days=7)
    before = everything()
    answer = follow(app, token)
    assert (answer.status, list(answer.errors)) == (422, ["token"])
    assert everything() == before  # it still lies there, and cannot be read


@pytest.mark.promise("signup.confirmed", "policy.single-source")
def test_a_shorter_period_reaches_sign_ups_that_wait_already(parts: Parts, app: Any, clock: SetClock) -> None:
    token = token_of(parts, signed_up(app))
    shorter = MappingProxyType({**parts.policy.retention, "signups.pending": Period.parse("P2D")})
    changed = replace(parts.policy, retention=shorter)
    later = replace(parts, policy=changed, signups=replace(parts.signups, policy=changed))
    clock.advance(days=2, seconds=-1)
    assert follow(build(lambda: replace(later, transact=lambda operations: None)), token).status == 201
    clock.advance(seconds=1)
    assert follow(build(lambda: later), token).status == 422


@pytest.mark.promise("signup.confirmed")
def test_a_longer_period_does_not_lengthen_a_link_whose_end_was_told(parts: Parts, app: Any, clock: SetClock) -> None:
    token = token_of(parts, signed_up(app))
    longer = MappingProxyType({**parts.policy.retention, "signups.pending": Period.parse("P30D")})
    changed = replace(parts.policy, retention=longer)
    later = build(lambda: replace(parts, policy=changed, signups=replace(parts.signups, policy=changed)))
    clock.advance(days=7)
    assert follow(later, token).status == 422


@pytest.mark.promise("signup.confirmed")
def test_a_forged_or_altered_token_gets_the_same_answer_as_an_expired_one(app: Any, parts: Parts) -> None:
    reference = signed_up(app)
    token = token_of(parts, reference)
    expires = parts.clock().replace(year=2030)
    forged = [
        "A" + token[1:] if token[0] != "A" else "B" + token[1:],
        token[:-1],
        token + "A",
        token.upper(),
        "x",
        "é",
        "\x00",
        "put-a-token-of-a-mail-here",
        parts.links().token("opt-out", reference, expires),
        parts.links().token("signup", "sgn_aaaaaaaaaaaaaaaaaaaaaaaaaa", expires),
        parts.links().token("signup", reference, expires),  # ours, but it opens nothing
    ]
    answers = {follow(app, text).body for text in forged}
    assert len(answers) == 1
    assert follow(app, forged[0]).status == 422
    assert accounts() == []
    assert follow(app, token).status == 201


@pytest.mark.parametrize(
    ("body", "fields"),
    [({}, ["token"]), ({"token": 7}, ["token"]), ({"token": ""}, ["token"]), ({"token": "x" * 513}, ["token"]),
     ({"token": "x", "email": "a@example.org"}, ["(unknown)"])],
)  # fmt: skip
def test_a_confirmation_is_a_token_and_nothing_else(app: Any, body: Any, fields: list[str]) -> None:
    answer = http(app, "POST", "/signups/confirmation", body=body)
    assert (answer.status, list(answer.errors)) == (422, fields)


@pytest.mark.parametrize("name", ["confirmation", "bad-forged-confirmation"])
def test_a_sample_confirmation_with_no_token_of_ours_is_refused(app: Any, name: str) -> None:
    assert send(app, sample(f"signup/{name}")).status == 422


def test_the_sample_confirmation_works_with_a_token_of_a_mail(app: Any, parts: Parts) -> None:
    event = sample("signup/confirmation")
    event["body"] = event["body"].replace("put-a-token-of-a-mail-here", token_of(parts, signed_up(app)))
    assert send(app, event).status == 201


def test_a_sign_up_that_was_removed_cannot_be_confirmed(app: Any, parts: Parts) -> None:
    reference = signed_up(app)
    token = token_of(parts, reference)
    parts.signups.discard(reference)
    assert follow(app, token).status == 422


def test_a_sign_up_that_is_removed_while_it_is_confirmed_makes_nothing(app: Any, parts: Parts) -> None:
    reference = signed_up(app)
    token = token_of(parts, reference)

    def transact(operations: Sequence[Operation]) -> None:
        table("signups").delete({"id": reference})
        parts.transact(operations)

    with pytest.raises(LinkError):
        confirm(replace(parts, transact=transact), token, None)
    assert accounts() == []


# --- breaking off --------------------------------------------------------------------------------------------------


def _lost(operations: Sequence[Operation]) -> None:
    raise EndpointConnectionError(endpoint_url="https://dynamodb.example")


@pytest.mark.promise("signup.trial")
def test_a_crash_before_the_transaction_is_made_good_by_the_repetition(app: Any, parts: Parts) -> None:
    token = token_of(parts, signed_up(app, "trial"))
    assert follow(build(lambda: replace(parts, transact=_lost)), token).status == 503
    assert accounts() == []
    (key,) = items("keys")
    answer = follow(app, token)
    assert answer.status == 201
    assert answer.json()["database"]["id"] == key["database_id"]
    assert items("keys") == [key]


@pytest.mark.promise("signup.trial")
def test_an_answer_that_was_lost_after_the_transaction_is_told_by_the_repetition(app: Any, parts: Parts) -> None:
    token = token_of(parts, signed_up(app, "trial"))

    def transact(operations: Sequence[Operation]) -> None:
        parts.transact(operations)
        _lost(operations)

    assert follow(build(lambda: replace(parts, transact=transact)), token).status == 503
    assert follow(app, token).status == 200
    assert len(accounts()) == len(items("databases")) == len(items("keys")) == 1


@pytest.mark.promise("databases.region")
def test_a_region_that_cannot_be_reached_gets_a_clear_answer_and_nothing_changes(app: Any, parts: Parts) -> None:
    token = token_of(parts, signed_up(app, "trial"))
    before = everything()

    def host(region: str) -> Any:
        raise EndpointConnectionError(endpoint_url="https://kms.example")

    answer = follow(build(lambda: replace(parts, host=host)), token)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert everything() == before


@pytest.mark.promise("signup.confirmed", "signup.password")
def test_a_confirmation_leaves_nothing_of_the_form_in_any_log(
    app: Any, parts: Parts, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    token = token_of(parts, signed_up(app, "trial"))

    def transact(operations: Sequence[Operation]) -> None:
        raise RuntimeError(f"a defect that tells {operations} and {token}")

    assert follow(build(lambda: replace(parts, transact=transact)), token).status == 500
    cookie = follow(app, token).cookie
    out, err = capfd.readouterr()
    assert '"RuntimeError"' in out
    for secret in ("Oxbow", "oxbow", token, str(cookie), "203.0.113.7"):
        assert secret not in out + err + caplog.text
