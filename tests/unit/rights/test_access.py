"""Seeing all that is held, from every store, with its purpose, origin, end and recipients (promise rights.access)."""

import csv
import hashlib
import io
import json
import zipfile
from typing import Any

import boto3
import pytest

from privacy.home import Home
from privacy.models.access import REQUEST
from privacy.settings import Deployment, load
from privacy.subjects.registry import NOTHING_OF_A_PERSON, WITHHELD, registry
from privacy.tables.access import new_access_id
from tests.template.source import resources
from tests.unit.engine import NOON, environment, items, messages, table
from tests.unit.people import CANARIES, MESSAGE, ORDER
from tests.unit.rights.conftest import World

pytestmark = pytest.mark.promise("rights.access")


def all_of(person: Any, limit: int = 100) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query = f"?limit={limit}"
    while True:
        answer = person.get(f"/account/data{query}")
        assert answer.status == 200, answer.body
        page = answer.json()
        assert len(page["items"]) <= limit
        found += page["items"]
        assert len(found) < 100, "the pages never end"
        if page["next_cursor"] is None:
            return found
        query = f"?limit={limit}&cursor={page['next_cursor']}"


def test_everything_of_a_person_appears_with_what_is_to_be_known_about_it(world: World) -> None:
    person, made = world.whole()
    found = all_of(person)
    assert {item["category"] for item in found} == {
        "sign-up",
        "address-change",
        "sign-in-attempts",
        "enquiries",
        "billing",
        "disclosures",
        "marketing-messages",
        "data-exports",
        "databases",
        "sessions",
        "account",
    }
    for item in found:
        assert set(item) == {"category", "purpose", "origin", "retention_ends", "recipients", "data"}
        assert all(item[name] for name in ("purpose", "origin", "recipients", "data"))
    told = json.dumps(found, ensure_ascii=False)
    typed = [CANARIES[name] for name in ("email", "name", "company", "phone", "sector", "interest")]
    for canary in [*typed, "Canary Street Oxbow", MESSAGE, ORDER["description"], ORDER["reference"], made.id]:
        assert canary in told, canary
    assert "Stripe (took the payment)" in told
    ends = {item["category"]: item["retention_ends"] for item in found if item["category"] in ("billing", "sign-up")}
    assert ends["billing"].startswith("2031-11-24")
    assert ends["sign-up"].startswith("2026-12-01")


def test_an_altered_entry_of_the_access_log_hides_nothing_else(world: World) -> None:
    person, made = world.whole()
    request_id = new_access_id(REQUEST, made.id, NOON)
    table("access").put({"database_id": made.id, "id": request_id, "at": int(NOON.timestamp()), "message": 7})
    found = all_of(person)
    assert len({item["category"] for item in found}) == 12
    (told,) = [item["data"] for item in found if item["category"] == "staff-access"]
    assert told == {"id": request_id, "database_id": made.id, "what": "support-request", "unreadable": True}


def test_no_secret_is_shown(world: World) -> None:
    person, _ = world.whole()
    told = json.dumps(all_of(person))
    (account,) = [row for row in items("accounts") if row["id"].startswith("acc_")]
    assert account["password_hash"] not in told
    assert "stored as a hash" in told
    for session in items("sessions"):
        assert session["token_hash"] not in told
    assert account["email_tag"] not in told


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_pages_of_any_size_hold_each_thing_once(world: World, limit: int) -> None:
    person, _ = world.whole()
    assert all_of(person, limit) == all_of(person)


def test_another_person_sees_nothing_of_it(world: World) -> None:
    world.whole()
    other = world.subscriber(
        email="other@example.org",
        name="Other",
        company="Else",
        phone="+6561237398",
        sector="x",
        interest="y",
        postal_address="z",
        order={**ORDER, "description": "d", "reference": "r"},
    )
    told = json.dumps(all_of(other)).lower()
    assert "canary" not in told
    assert "oxbow" not in told


@pytest.mark.parametrize("cursor", ["AAAA", "bm9uZS8x", "YWNjb3VudA=="])
def test_a_cursor_of_something_else_is_refused_or_harmless(world: World, cursor: str) -> None:
    person = world.subscriber()
    assert person.get(f"/account/data?cursor={cursor}").status in (200, 422)


def test_what_has_expired_is_not_shown(world: World, clock: Any) -> None:
    person, _ = world.whole()
    clock.advance(days=6, hours=23)
    person.get("/account")
    clock.advance(hours=1)
    categories = {item["category"] for item in all_of(person)}
    assert "sign-up" not in categories
    assert "address-change" not in categories
    assert {"account", "sessions", "billing", "enquiries"} <= categories


def test_every_store_of_the_template_is_in_the_registry_or_says_why_not() -> None:
    home = Home(load(Deployment, environment("AccountFunction")), lambda service, region: None)
    declared = {holding.store for holding in registry(home).holdings}
    tables = {
        body["Properties"]["TableName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        for body in resources("AWS::DynamoDB::Table").values()
    }
    buckets = {
        body["Properties"]["BucketName"]["Fn::Sub"].split("-${AWS::AccountId}")[0].removeprefix("${AWS::StackName}-")
        for body in resources("AWS::S3::Bucket").values()
    }
    others = set(NOTHING_OF_A_PERSON) | set(WITHHELD)
    assert declared | others == tables | buckets
    assert not declared & others


def downloaded(person: Any, export_id: str) -> bytes:
    told = person.get(f"/account/data/exports/{export_id}").json()
    assert told["status"] == "ready", told
    found = (
        boto3.client("s3", region_name="ap-southeast-1")
        .get_object(
            Bucket="perfectwork-transfer-123456789012-ap-southeast-1",
            Key=f"exports/{person.account_id}/{export_id}.zip",
        )["Body"]
        .read()
    )
    assert hashlib.sha256(found).hexdigest() == told["sha256"]
    assert len(found) == told["bytes"]
    assert export_id in told["url"]
    return bytes(found)


def test_the_archive_holds_the_same_with_a_manifest_that_is_right(world: World) -> None:
    person, _ = world.whole()
    export_id = person.post("/account/data/exports").json()["export_id"]
    world.deliver()
    with zipfile.ZipFile(io.BytesIO(downloaded(person, export_id))) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["format"] == "perfectwork-account-export/1"
        assert manifest["policy_version"]
        assert {member["path"] for member in manifest["members"]} == set(archive.namelist()) - {"manifest.json"}
        for member in manifest["members"]:
            content = archive.read(member["path"])
            assert (len(content), hashlib.sha256(content).hexdigest()) == (member["bytes"], member["sha256"])
        shown = {item["category"] for item in all_of(person)}
        assert shown == {name.split("/")[0] for name in archive.namelist() if name.endswith(".json")} - {
            "manifest.json"
        }
        assert json.loads(archive.read("billing/billing.json"))[0]["data"]["description"] == ORDER["description"]
        page = archive.read("index.html").decode()
        assert CANARIES["name"] in page
        assert "<script" not in page


def test_the_archive_runs_no_formula_and_no_markup(world: World) -> None:
    person = world.subscriber(
        name="=cmd|' /C calc'!A0", company="<script>alert(1)</script>", sector="@sum", interest="-1"
    )
    export_id = person.post("/account/data/exports").json()["export_id"]
    world.deliver()
    with zipfile.ZipFile(io.BytesIO(downloaded(person, export_id))) as archive:
        rows = list(csv.reader(io.StringIO(archive.read("account/account.csv").decode())))
        assert any(cell == "'=cmd|' /C calc'!A0" for row in rows for cell in row)
        for name in archive.namelist():
            if name.endswith(".csv"):
                for row in csv.reader(io.StringIO(archive.read(name).decode())):
                    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        assert "<script>" not in archive.read("index.html").decode()


def test_an_export_is_made_once_however_often_it_is_asked_for(world: World) -> None:
    person = world.subscriber()
    headers = {"Idempotency-Key": "once"}
    first = person.post("/account/data/exports", headers=headers).json()
    assert person.post("/account/data/exports", headers=headers).json() == first
    bodies = messages("account-export")
    assert len(set(bodies)) == 1
    assert all("@" not in body for body in bodies)


def test_an_export_s_file_is_expired_from_the_very_second(world: World, clock: Any) -> None:
    person = world.subscriber()
    export_id = person.post("/account/data/exports").json()["export_id"]
    world.deliver()
    ready = person.get(f"/account/data/exports/{export_id}").json()
    (job,) = items("jobs")
    clock.advance(seconds=int(job["finished_at"]) + 7 * 86400 - 1 - int(clock().timestamp()))
    person = world.subscriber_again(person)
    assert person.get(f"/account/data/exports/{export_id}").json()["status"] == "ready"
    clock.advance(seconds=1)
    over = person.get(f"/account/data/exports/{export_id}").json()
    assert (over["status"], over["url"]) == ("expired", None)
    assert ready["expires_at"]


def test_somebody_else_s_export_is_not_there(world: World) -> None:
    person = world.subscriber()
    export_id = person.post("/account/data/exports").json()["export_id"]
    other = world.subscriber(email="other@example.org")
    assert other.get(f"/account/data/exports/{export_id}").status == 404
    assert other.get("/account/data/exports/exp_no-id").status == 404
