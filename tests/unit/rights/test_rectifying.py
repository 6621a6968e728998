"""Correcting one's data: changed in every place that holds it (promise rights.rectify)."""

import json
from typing import Any

import pytest

from privacy.models.databases import Status
from privacy.tables.store import ConditionFailedError
from tests.unit.engine import everything, http, items, messages
from tests.unit.people import CANARIES, PASSWORD, signed_up
from tests.unit.rights.conftest import World

pytestmark = pytest.mark.promise("rights.rectify")

NEW = {
    "name": "Neuland Name",
    "company": "Neuland Company",
    "phone": "+6561237399",
    "sector": "Neuland Sector",
    "interest": "Neuland Interest",
    "postal_address": "Neuland Street 1\nSingapore",
}
OLD = [
    "Canary Person Oxbow",
    "Canary Company Oxbow",
    "+6561237397",
    "Canary Sector Oxbow",
    "Canary Interest Oxbow",
    "Canary Street Oxbow",
]
NEW_ADDRESS = "neuland@example.org"


def left(*needles: str) -> list[str]:
    held = everything()
    return [needle for needle in needles if needle.encode() in held]


def test_a_correction_reaches_every_copy_and_the_old_value_is_nowhere(world: World) -> None:
    person, made = world.whole()
    assert set(left(*OLD)) == set(OLD)
    answer = person.send("PATCH", "/account", body=NEW)
    assert answer.status == 200, answer.body
    assert {name: answer.json()[name] for name in NEW} == NEW
    assert left(*OLD) == []
    (billing,) = items("billing")
    assert (billing["fields"]["name"], billing["fields"]["postal_address"]) == (NEW["name"], NEW["postal_address"])
    (enquiry,) = items("enquiries")
    assert {name: enquiry["fields"][name] for name in ("name", "company", "phone")} == {
        name: NEW[name] for name in ("name", "company", "phone")
    }
    assert [row["name"] for row in items("databases") if row["id"] == made.id] == [NEW["company"]]
    assert person.get("/account").json()["name"] == NEW["name"]


def test_an_export_of_the_data_as_it_was_ends_with_the_correction(world: World) -> None:
    person, _ = world.whole()
    export_id = person.post("/account/data/exports").json()["export_id"]
    world.deliver()
    assert person.get(f"/account/data/exports/{export_id}").json()["status"] == "ready"
    person.send("PATCH", "/account", body={"company": "Neuland"})
    assert person.get(f"/account/data/exports/{export_id}").status == 404
    host = world.panel_parts.host
    assert host.s3.list_objects_v2(Bucket=host.transfer_bucket)["KeyCount"] == 0


def test_null_takes_an_optional_field_away_and_no_other(world: World) -> None:
    person, _ = world.whole()
    assert person.send("PATCH", "/account", body={"company": None, "phone": None}).status == 200
    shown = person.get("/account").json()
    assert (shown["company"], shown["phone"], shown["name"]) == (None, None, CANARIES["name"])
    assert left("Canary Company Oxbow", "+6561237397") == []
    assert person.send("PATCH", "/account", body={"name": None}).errors == {"name": "is required"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"phone": "12345"}, "phone"),
        ({"email": "no address"}, "email"),
        ({"password": "x"}, "(unknown)"),
        ({"kind": "trial"}, "(unknown)"),
        ({"company": "4111 1111 1111 1111"}, "company"),
        ({"company": 7}, "company"),
    ],
)
def test_wrong_input_changes_nothing(world: World, body: Any, field: str) -> None:
    person = world.subscriber()
    before = items("accounts")
    answer = person.send("PATCH", "/account", body=body)
    assert (answer.status, list(answer.errors)) == (422, [field])
    assert items("accounts") == before


def test_an_address_of_the_post_is_taken_only_where_an_invoice_needs_it(world: World) -> None:
    person = world.subscriber()
    (row,) = [row for row in items("accounts") if row["id"].startswith("acc_")]
    row["profile"]["kind"] = "registration"
    world.panel_parts.accounts.table.put(row)
    assert list(person.send("PATCH", "/account", body={"postal_address": "Neuland"}).errors) == ["postal_address"]


def test_another_address_waits_for_its_link_and_then_replaces_the_old_one_everywhere(world: World) -> None:
    person, _ = world.whole()
    answer = person.send("PATCH", "/account", body={"email": NEW_ADDRESS})
    assert answer.status == 200
    assert answer.json()["email"] == CANARIES["email"]
    assert answer.json()["email_change"]["expires_at"]
    assert NEW_ADDRESS.encode() not in everything()  # it waits sealed
    world.deliver()
    assert world.ses.to(CANARIES["email"])[-1].startswith("Somebody who is signed in")
    token = world.ses.token(NEW_ADDRESS)
    confirmed = person.post("/account/email/confirmation", body={"token": token})
    assert confirmed.status == 200, confirmed.body
    assert confirmed.json()["email"] == NEW_ADDRESS
    assert left(CANARIES["email"]) == []
    assert world.sign_in().status == 401
    assert world.sign_in(NEW_ADDRESS).status == 201
    again = person.post("/account/email/confirmation", body={"token": token})
    assert list(again.errors) == ["token"]


def test_the_old_address_is_free_for_a_new_account(world: World) -> None:
    person, _ = world.whole()
    person.send("PATCH", "/account", body={"email": NEW_ADDRESS})
    world.deliver()
    person.post("/account/email/confirmation", body={"token": world.ses.token(NEW_ADDRESS)})
    assert world.subscriber().account_id != person.account_id


def test_only_the_latest_new_address_can_be_confirmed_and_by_its_own_account_alone(world: World) -> None:
    person = world.subscriber()
    tokens = []
    for address in ("first@example.org", "second@example.org"):
        person.send("PATCH", "/account", body={"email": address})
        world.deliver()
        tokens.append(world.ses.token(address))
    other = world.subscriber(email="other@example.org")
    assert other.post("/account/email/confirmation", body={"token": tokens[1]}).status == 422
    assert person.post("/account/email/confirmation", body={"token": tokens[0]}).status == 422
    assert person.post("/account/email/confirmation", body={"token": "forged"}).status == 422
    assert person.post("/account/email/confirmation", body={"token": tokens[1]}).status == 200


def test_of_new_addresses_at_the_same_moment_one_waits(world: World) -> None:
    """Each has read the account before any of them wrote."""
    person = world.subscriber()
    account = world.panel_parts.accounts.get(person.account_id)
    assert account is not None
    world.panel_parts.accounts.note_change(account, "eml_first")
    with pytest.raises(ConditionFailedError):
        world.panel_parts.accounts.note_change(account, "eml_second")


def test_a_link_to_a_new_address_ends_at_the_second(world: World, clock: Any) -> None:
    person = world.subscriber()
    started = clock()
    person.send("PATCH", "/account", body={"email": NEW_ADDRESS})
    world.deliver()
    token = world.ses.token(NEW_ADDRESS)
    clock.set(started)
    clock.advance(days=1)
    assert person.post("/account/email/confirmation", body={"token": token}).status == 422
    clock.advance(seconds=-1)
    assert person.post("/account/email/confirmation", body={"token": token}).status == 200


def test_an_address_that_has_an_account_gets_no_link_and_is_not_told_apart(world: World) -> None:
    person, _ = world.whole()
    world.subscriber(email="taken@example.org")
    answer = person.send("PATCH", "/account", body={"email": "taken@example.org"})
    assert answer.status == 200
    assert answer.json()["email_change"]
    world.deliver()
    assert "There is an account for this address already" in world.ses.to("taken@example.org")[-1]


def test_an_address_taken_in_the_meantime_is_refused_and_the_copies_keep_the_old_one(world: World) -> None:
    person, _ = world.whole()
    person.send("PATCH", "/account", body={"email": NEW_ADDRESS})
    world.deliver()
    world.subscriber(email=NEW_ADDRESS)
    answer = person.post("/account/email/confirmation", body={"token": world.ses.token(NEW_ADDRESS)})
    assert answer.status in (409, 422)
    assert person.get("/account").json()["email"] == CANARIES["email"]
    enquiries = [row["fields"]["email"] for row in items("enquiries")]
    assert enquiries == [CANARIES["email"]]


def test_a_confirmation_that_died_before_the_copies_is_completed_by_repeating_it(world: World) -> None:
    person, _ = world.whole()
    person.send("PATCH", "/account", body={"email": NEW_ADDRESS})
    world.deliver()
    body = {"token": world.ses.token(NEW_ADDRESS)}
    account = world.panel_parts.accounts.get(person.account_id)
    assert account is not None
    tag = world.panel_parts.pseudonyms().address(NEW_ADDRESS)
    world.panel_parts.transact(world.panel_parts.accounts.change_address_operations(account, NEW_ADDRESS, tag))
    assert left(CANARIES["email"]) == [CANARIES["email"]]  # in the enquiry
    assert person.post("/account/email/confirmation", body=body).status == 200
    assert left(CANARIES["email"]) == []


def test_who_loses_the_race_for_an_address_touches_nothing_that_came_from_it(world: World) -> None:
    person, _ = world.whole()
    person.send("PATCH", "/account", body={"email": NEW_ADDRESS})
    world.deliver()
    signed_up(world.website, "contact", email=NEW_ADDRESS)
    world.subscriber(email=NEW_ADDRESS)
    before = items("enquiries")
    person.post("/account/email/confirmation", body={"token": world.ses.token(NEW_ADDRESS)})
    assert items("enquiries") == before


def test_no_message_and_no_log_names_the_address(world: World, capsys: Any) -> None:
    person = world.subscriber()
    person.send("PATCH", "/account", body={"email": NEW_ADDRESS, "name": "Neuland Name"})
    assert all(NEW_ADDRESS not in body and "Neuland" not in body for body in messages("mail"))
    printed = capsys.readouterr()
    assert "neuland" not in (printed.out + printed.err).lower()


# --- passwords -----------------------------------------------------------------------------------------------------


NEW_PASSWORD = "another long password"


def change(world: World, cookie: str, current: str, new: str) -> Any:
    body = {"current": current, "new": new}
    return http(world.door, "PUT", "/account/password", body=body, cookie=cookie, headers={"X-Requested-With": "t"})


def test_a_new_password_ends_every_other_session_and_the_old_one_opens_nothing(world: World) -> None:
    person = world.subscriber()
    others = [str(world.sign_in().cookie) for _ in range(3)]
    assert change(world, person.token, PASSWORD, NEW_PASSWORD).status == 204
    for other in others:
        assert http(world.door, "GET", "/sessions/current", cookie=other).status == 401
    assert http(world.door, "GET", "/sessions/current", cookie=person.token).status == 200
    assert world.sign_in().status == 401
    assert world.sign_in(password=NEW_PASSWORD).status == 201
    assert left(NEW_PASSWORD, PASSWORD) == []


def test_a_wrong_current_password_changes_nothing_and_is_slowed_down(world: World) -> None:
    person = world.subscriber()
    statuses = [change(world, person.token, "wrong", NEW_PASSWORD).status for _ in range(12)]
    assert statuses[:10] == [422] * 10
    assert statuses[-1] == 429
    assert len(change(world, person.token, PASSWORD, "short").errors) == 1


def test_a_reset_sets_a_password_once_and_ends_every_session(world: World) -> None:
    person = world.subscriber()
    assert http(world.door, "POST", "/password-resets", body={"email": CANARIES["email"]}).status == 202
    world.deliver()
    token = world.ses.token(CANARIES["email"], "reset")
    body = {"token": token, "new": NEW_PASSWORD}
    assert http(world.door, "POST", "/password-resets/confirmation", body=body).status == 204
    assert http(world.door, "GET", "/sessions/current", cookie=person.token).status == 401
    assert world.sign_in(password=NEW_PASSWORD).status == 201
    assert http(world.door, "POST", "/password-resets/confirmation", body=body).status == 422


def test_an_unknown_address_gets_the_same_answer_and_no_mail(world: World) -> None:
    known = http(world.door, "POST", "/password-resets", body={"email": "nobody@example.org"})
    world.subscriber()
    unknown = http(world.door, "POST", "/password-resets", body={"email": CANARIES["email"]})
    nonsense = http(world.door, "POST", "/password-resets", body={"email": "no address"})
    assert [(a.status, a.body) for a in (known, unknown, nonsense)] == [(202, known.body)] * 3
    world.deliver()
    assert world.ses.to("nobody@example.org") == []
    assert not [row for row in items("signups") if "sealed" in row and row["id"].startswith("pwr_")][1:]


def test_a_reset_s_link_ends_at_the_second(world: World, clock: Any) -> None:
    world.subscriber()
    started = clock()
    http(world.door, "POST", "/password-resets", body={"email": CANARIES["email"]})
    world.deliver()
    body = {"token": world.ses.token(CANARIES["email"], "reset"), "new": NEW_PASSWORD}
    clock.set(started)
    clock.advance(days=1)
    assert http(world.door, "POST", "/password-resets/confirmation", body=body).status == 422
    clock.advance(seconds=-1)
    assert http(world.door, "POST", "/password-resets/confirmation", body=body).status == 204


def test_one_link_does_not_do_another_s_work(world: World) -> None:
    person = world.subscriber()
    http(world.door, "POST", "/password-resets", body={"email": CANARIES["email"]})
    person.send("PATCH", "/account", body={"email": NEW_ADDRESS})
    world.deliver()
    reset, address = world.ses.token(CANARIES["email"], "reset"), world.ses.token(NEW_ADDRESS)
    assert person.post("/account/email/confirmation", body={"token": reset}).status == 422
    body = {"token": address, "new": NEW_PASSWORD}
    assert http(world.door, "POST", "/password-resets/confirmation", body=body).status == 422
    assert http(world.website, "POST", "/signups/confirmation", body={"token": address}).status == 422


def test_requests_for_resets_of_one_address_are_bounded(world: World) -> None:
    for _ in range(15):
        assert http(world.door, "POST", "/password-resets", body={"email": CANARIES["email"]}).status == 202
    assert len(messages("mail")) == 10


def test_a_destroyed_database_is_not_renamed(world: World) -> None:
    person, made = world.whole()
    table = world.website_parts.databases
    table.change(table.change(made, Status.DELETING, world.clock()), Status.DESTROYED, world.clock())
    person.send("PATCH", "/account", body={"company": "Neuland"})
    assert [row for row in items("databases") if "name" in row] == []
    assert json.dumps(items("databases"), default=str).count("Neuland") == 0
