"""The promise audit on a deployed system that is broken everywhere at once, by raw writes and settings alone."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from local import tokens
from local.engine import ACCOUNT
from privacy.policy import load
from promise_audit.inventory import SCHEDULES
from tests.integration.deployed import Customer, Deployed, waited_for

DAY = 86_400
CARD = "4111 1111 1111 1111"


def seen(system: Deployed) -> list[dict[str, Any]]:
    """Each promise as anybody sees it after an audit."""
    assert not system.invoke("promise_audit", {"demand": "audit"}).failed
    shown: list[dict[str, Any]] = system.panel().call("GET", "/promises", expect=200).json()["items"]
    assert all(item["evidence"] and item["checked_at"] and item["since"] for item in shown)
    return shown


def told(system: Deployed) -> dict[str, str]:
    """Each promise with its status."""
    return {item["id"]: item["status"] for item in seen(system)}


def name(thing: str) -> str:
    return f"perfectwork-{thing}"


def bucket(thing: str, region: str) -> str:
    return f"perfectwork-{thing}-{ACCOUNT}-{region}"


@contextmanager
def changed(system: Deployed, thing: str, wanted: Callable[[dict[str, Any]], bool], **changes: Any) -> Iterator[None]:
    """A row of a table as it would not be, and afterwards as it was."""
    dynamodb, pack, unpack = system.client("dynamodb"), TypeSerializer().serialize, TypeDeserializer().deserialize
    rows = [
        row
        for page in dynamodb.get_paginator("scan").paginate(TableName=name(thing))
        for row in page["Items"]
        if wanted({column: unpack(value) for column, value in row.items()})
    ]
    row = rows[0]
    dynamodb.put_item(TableName=name(thing), Item=row | {column: pack(value) for column, value in changes.items()})
    yield
    dynamodb.put_item(TableName=name(thing), Item=row)


@contextmanager
def added(system: Deployed, thing: str, key: tuple[str, ...], **row: Any) -> Iterator[None]:
    """A row that no function of ours wrote."""
    dynamodb, pack = system.client("dynamodb"), TypeSerializer().serialize
    item = {column: pack(value) for column, value in row.items()}
    dynamodb.put_item(TableName=name(thing), Item=item)
    yield
    dynamodb.delete_item(TableName=name(thing), Key={column: item[column] for column in key})


@contextmanager
def behind_a_marker(system: Deployed, database: str, region: str) -> Iterator[None]:
    """A version of a destroyed database's file, behind a delete marker, where it was not hosted."""
    s3, place = system.client("s3", region), {"Bucket": bucket("content", region), "Key": f"{database}/{'0' * 64}"}
    versions = [s3.put_object(**place, Body=b"sealed")["VersionId"], s3.delete_object(**place)["VersionId"]]
    yield
    for version in versions:
        s3.delete_object(**place, VersionId=version)


@contextmanager
def set_otherwise(system: Deployed, region: str) -> Iterator[None]:
    """Settings that somebody turned by hand."""
    dynamodb, s3, away = system.client("dynamodb"), system.client("s3"), system.client("s3", region)
    ttl = {"AttributeName": "ttl", "Enabled": False}
    dynamodb.update_time_to_live(TableName=name("visits"), TimeToLiveSpecification=ttl)
    recovery = {"PointInTimeRecoveryEnabled": False}
    dynamodb.update_continuous_backups(TableName=name("accounts"), PointInTimeRecoverySpecification=recovery)
    recordings, open_to_all = bucket("recordings", region), bucket("backup", system.home)
    rules = away.get_bucket_lifecycle_configuration(Bucket=recordings)["Rules"]
    away.delete_bucket_lifecycle(Bucket=recordings)
    block = s3.get_public_access_block(Bucket=open_to_all)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(Bucket=open_to_all)
    events = system.client("events")
    purging = f"arn:aws:lambda:{system.home}:{ACCOUNT}:function:{name('log-purging')}"
    (rule,) = events.list_rule_names_by_target(TargetArn=purging)["RuleNames"]
    events.disable_rule(Name=rule)
    iam = system.client("iam")
    role = system.client("lambda").get_function_configuration(FunctionName=name("trends"))["Role"].rsplit("/", 1)[-1]
    everything = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    more = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=more)
    yield
    iam.delete_role_policy(RoleName=role, PolicyName="more")
    events.enable_rule(Name=rule)
    s3.put_public_access_block(Bucket=open_to_all, PublicAccessBlockConfiguration=block)
    away.put_bucket_lifecycle_configuration(Bucket=recordings, LifecycleConfiguration={"Rules": rules})
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=name("accounts"), PointInTimeRecoverySpecification=recovery)
    dynamodb.update_time_to_live(TableName=name("visits"), TimeToLiveSpecification=ttl | {"Enabled": True})


@contextmanager
def another_table(system: Deployed) -> Iterator[None]:
    """A table that somebody made."""
    dynamodb = system.client("dynamodb")
    dynamodb.create_table(
        TableName=name("shadow"),
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    yield
    dynamodb.delete_table(TableName=name("shadow"))


BROKEN = {
    "sessions.idle": ("1 sessions past their end",),
    "visits.unlinked": ("1 visits that name somebody",),
    "signup.no-cards": ("1 card numbers in billing",),
    "databases.destroyed": (
        "1 destroyed databases with something left in content bucket",
        "1 certificates that are not genuine",
    ),
    "processors.register": ("1 disclosures to who is not in the register",),
    "processors.allow-list": ("1 disclosures that hold more than the names of fields",),
    "disclosure.aggregate": ("1 tables with a cell of too few people",),
    "policy.versions": ("1 versions that are not what was published",),
    "policy.single-source": (
        "1 tables with another time to live than they have to have",
        "1 tables with another point-in-time recovery than they have to have",
        "1 lifecycles that differ from the period in force",
    ),
    "visits.retention": ("1 schedules that are off or gone: log-purging",),
    "security.measures": (
        "1 entries of the audit trail changed or removed",
        "1 buckets that could be public",
        "1 functions that may do more than they need",
        "1 tables that are not encrypted with our key",
    ),
    "audit.proof": ("1 tables that no check knows",),
}
"""What is broken below, and how each promise says so."""


@contextmanager
def all_broken(system: Deployed, customer: Customer, destroyed: str) -> Iterator[None]:
    """Violations in every section, by raw writes alone, and their repair."""
    now = int(system.now().timestamp())
    (elsewhere,) = [region for region in system.regions if region != system.home]
    bill = {"id": "bil_" + "b" * 26, "shard": "00", "recorded_at": now, "ttl": now + DAY}
    disclosure = {"purpose": "payment", "status": "delivered", "created_at": now, "shard": "00"}
    report = {"subject": "visits", "month": "2026-10", "made_at": now, "least_people": 10}
    with ExitStack() as stack:
        for violation in (
            changed(system, "sessions", lambda row: row.get("account_id") == customer.account_id,
                    last_used_at=now - 8 * DAY),
            added(system, "visits", ("shard", "at"), shard="07", at=f"{now:012d}#{'e' * 16}", language=customer.email),
            added(system, "billing", ("id",), fields={"description": f"by {CARD}"}, **bill),
            behind_a_marker(system, destroyed, elsewhere),
            changed(system, "removals", lambda row: (row["subject"], row["entry"]) == (destroyed, "certificate"),
                    document=b'{"sequence":1,"previous":null}'),
            added(system, "disclosures", ("id",), id="dsc_" + "1" * 26, processor="acme", fields=["email"],
                  **disclosure),
            added(system, "disclosures", ("id",), id="dsc_" + "2" * 26, processor="stripe", fields=[customer.email],
                  **disclosure),
            added(system, "trends", ("id",), id="visits#2026-10", tables={"country": {"SG": 40, "FJ": 2}}, **report),
            changed(system, "policies", lambda row: row["version"] == load().version.isoformat(), text="Anything."),
            changed(system, "audit", lambda row: row["part"] == "entry", actor="f" * 32),
            set_otherwise(system, elsewhere),
            another_table(system),
        ):  # fmt: skip
            stack.enter_context(violation)
        yield


@pytest.mark.promise(*BROKEN, "audit.proof")
def test_the_audit_names_all_that_is_broken_behind_the_system_s_back_and_nothing_once_it_is_repaired(
    alone: Deployed,
) -> None:
    customer, other = alone.customer(), alone.customer()
    customer.put_file("a.txt", b"a")
    other.put("contact", "ada", {"name": "Ada"})
    other.destroyed()
    bearer = tokens.token(alone.engine.folder, "helpdesk", "a-person-of-staff", alone.now())
    grant = {"database_id": customer.database, "purpose": "issue", "reason": "It is slow.", "hours": 1}
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "*/*", "Content-Type": "application/json"}
    answer = alone.send("POST", "/helpdesk/grants", json.dumps(grant).encode(), headers)
    assert answer.status == 201, answer.content
    for schedule in sorted(set(SCHEDULES) - {"promise-audit"}):
        alone.sweep(schedule.replace("-", "_"))
    kept = dict.fromkeys(load().promises, "kept")
    # The backup of a database that a sweep began is under way for a moment.
    waited_for(lambda: told(alone) == kept, "system in which every promise is kept")

    with all_broken(alone, customer, other.database):
        shown = seen(alone)
    assert {item["id"] for item in shown if item["status"] != "kept"} == set(BROKEN)
    for item in shown:
        for words in BROKEN.get(item["id"], ()):
            assert item["status"] == "broken"
            assert [line for line in item["evidence"] if line.startswith(words)], (item["id"], item["evidence"])
    public = json.dumps(shown)
    secrets = (customer.email, customer.account_id, customer.database, other.database, CARD, "acme", "FJ")
    assert not [secret for secret in secrets if secret in public]
    assert not re.search(r"@|(acc|db|bil|dsc)_[a-z0-9]{26}", public)
    assert told(alone) == kept
