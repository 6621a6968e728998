"""GET and PUT /account/marketing: a person's own choice, with its time, the policy's version and the wording."""

from dataclasses import replace
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from marketing.parts import Parts
from privacy import policy
from privacy.models.accounts import Consent
from privacy.models.sessions import Session
from privacy.vault.tokens import new_session_token, session_hash
from tests.unit.engine import SITE, Answer, SetClock, http, items, sample, send, table
from tests.unit.subscribers import chosen, subscriber

pytestmark = pytest.mark.promise("marketing.opt-out")

ROUTE = "/account/marketing"
SCRIPTED = {"X-Requested-With": "tests"}


def signed_in(parts: Parts, account_id: str) -> str:
    token, now = new_session_token(), parts.clock()
    parts.sessions.create(Session(session_hash(token), account_id, now, now))
    return token


@pytest.fixture
def cookie(parts: Parts, account_id: str) -> str:
    return signed_in(parts, account_id)


def put(app: Any, cookie: str | None, agreed: Any, **headers: str) -> Answer:
    return http(app, "PUT", ROUTE, body={"agreed": agreed}, cookie=cookie, headers=headers or SCRIPTED)


def test_a_person_sees_their_choice_since_when_and_what_they_were_asked(app: Any, parts: Parts, cookie: str) -> None:
    answer = http(app, "GET", ROUTE, cookie=cookie)
    assert answer.status == 200
    assert answer.json() == {
        "agreed": True,
        "since": "2026-11-24T12:00:00Z",
        "policy_version": "2026-11-24",
        "wording": parts.policy.wordings["marketing/1"],
    }


def test_a_choice_counts_at_once_and_is_kept_with_its_time_version_and_wording(
    app: Any, clock: SetClock, cookie: str, account_id: str
) -> None:
    clock.advance(hours=1)
    answer = put(app, cookie, False)
    assert (answer.status, answer.json()["agreed"], answer.json()["since"]) == (200, False, "2026-11-24T13:00:00Z")
    assert chosen(account_id) == Consent(False, clock(), policy.load().version.isoformat(), "marketing/1")
    clock.advance(hours=1)
    assert put(app, cookie, True).json()["since"] == "2026-11-24T14:00:00Z"
    assert chosen(account_id) == Consent(True, clock(), policy.load().version.isoformat(), "marketing/1")


@pytest.mark.parametrize("agreed", [True, False])
def test_the_same_choice_again_keeps_its_time(app: Any, parts: Parts, clock: SetClock, agreed: bool) -> None:
    account_id = subscriber(agreed=agreed)
    cookie = signed_in(parts, account_id)
    clock.advance(hours=1)
    assert put(app, cookie, agreed).json()["since"] == "2026-11-24T12:00:00Z"


def test_who_agrees_to_another_wording_agrees_anew(app: Any, clock: SetClock, cookie: str, account_id: str) -> None:
    table("accounts").update({"id": account_id}, {"marketing": _worded("marketing/0")}, Attr("id").exists())
    clock.advance(hours=1)
    assert put(app, cookie, True).json()["since"] == "2026-11-24T13:00:00Z"
    assert chosen(account_id).wording == "marketing/1"


def _worded(wording: str) -> dict[str, Any]:
    return {"agreed": True, "at": 1795521600, "policy_version": "2026-11-24", "wording": wording}


def test_who_opts_out_is_in_no_list_of_who_agreed(app: Any, cookie: str, account_id: str) -> None:
    put(app, cookie, False)
    (row,) = [row for row in items("accounts") if row["id"] == account_id]
    assert not {"marketing_shard", "marketing_at"} & row.keys()


def test_no_choice_without_a_session_or_for_another_site(app: Any, cookie: str, account_id: str) -> None:
    assert http(app, "GET", ROUTE).status == 401
    assert put(app, None, False).status == 401
    assert put(app, cookie, False, Origin="https://elsewhere.example").status == 403
    assert put(app, cookie, False, Accept="*/*").status == 403
    assert chosen(account_id).agreed
    assert put(app, cookie, False, Origin=SITE).status == 200


@pytest.mark.parametrize("wrong", ["yes", 1, None, {}, "canary-oxbow"])
def test_a_choice_is_true_or_false_and_nothing_else(app: Any, cookie: str, account_id: str, wrong: Any) -> None:
    answer = put(app, cookie, wrong)
    assert (answer.status, answer.errors) == (422, {"agreed": "must be true or false"})
    assert chosen(account_id).agreed


def test_an_account_that_is_being_erased_chooses_nothing_and_tells_nothing(
    app: Any, cookie: str, account_id: str
) -> None:
    table("accounts").update({"id": account_id}, {"closed": True, "marketing_shard": None}, Attr("id").exists())
    assert http(app, "GET", ROUTE, cookie=cookie).status == 401
    assert put(app, cookie, True).status == 401
    (row,) = [row for row in items("accounts") if row["id"] == account_id]
    assert "marketing_shard" not in row


def test_an_account_that_is_gone_is_not_made_by_a_choice(app: Any, cookie: str, account_id: str) -> None:
    table("accounts").delete({"id": account_id})
    assert put(app, cookie, True).status == 401
    assert account_id not in [row["id"] for row in items("accounts")]


def test_the_choice_may_be_called_as_the_forms_call_it(app: Any, cookie: str) -> None:
    headers = {"X-Requested-With": "tests"}
    body = {"marketing_consent": True}
    answer = http(app, "PUT", "/account/marketing", body=body, cookie=cookie, headers=headers)
    assert (answer.status, answer.json()["agreed"]) == (200, True)
    both = {"agreed": True, "marketing_consent": False}
    assert http(app, "PUT", "/account/marketing", body=both, cookie=cookie, headers=headers).status == 422


def test_two_people_s_choices_are_their_own(app: Any, parts: Parts, cookie: str, account_id: str) -> None:
    other = subscriber("another-oxbow@example.org")
    put(app, cookie, False)
    assert chosen(other).agreed
    assert not chosen(account_id).agreed


def test_every_wording_that_is_asked_can_be_shown(parts: Parts) -> None:
    assert Consent(True, parts.clock(), "2026-11-24").wording in parts.policy.wordings


@pytest.mark.parametrize(
    ("name", "status"), [("choice", 401), ("agree", 401), ("bad-choice", 401), ("bad-token", 404), ("scanner", 404)]
)
def test_the_samples_are_requests_of_our_api(app: Any, name: str, status: int) -> None:
    assert send(app, sample(f"marketing/{name}")).status == status


@pytest.mark.parametrize(("name", "status"), [("choice", 200), ("agree", 200), ("bad-choice", 422)])
def test_the_samples_with_a_session(app: Any, cookie: str, name: str, status: int) -> None:
    event = sample(f"marketing/{name}")
    event["headers"]["Cookie"] = f"session_id={cookie}"
    assert send(app, event).status == status


def test_a_store_that_is_busy_is_an_answer_to_try_again(parts: Parts, cookie: str) -> None:
    from botocore.exceptions import ClientError

    from marketing.app import build

    class Busy:
        def __getattr__(self, name: str) -> Any:
            def call(**arguments: Any) -> Any:
                raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "canary"}}, name)

            return call

    accounts = replace(parts.accounts, table=replace(parts.accounts.table, client=Busy()))
    busy = build(lambda: replace(parts, accounts=accounts))
    assert put(busy, cookie, False).status == 503
