"""The audit finds what is wrong, and nothing else: a world in which every promise is kept, broken in one place each by a
raw write, or by a setting, that the system knows nothing of.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from moto import mock_aws

from privacy.aws import client
from privacy.clock import system_clock
from privacy.policy import load as policy
from privacy.settings import Deployment, load
from promise_audit.audit import audit
from promise_audit.checks import CHECKS
from promise_audit.looking import Finding, Status
from promise_audit.parts import Parts, assemble
from tests.template.source import template
from tests.unit import engine
from tests.unit.engine import AMERICAS, HOME, NAMES, STACK, Moment, SetClock, back_to, environment, moment
from tests.unit.promise_audit.world import (
    ADA,
    DAY,
    DB,
    GONE,
    HOUR,
    TAG,
    change,
    fill,
    opened,
    put,
    remove,
    seconds,
    settle,
    upload,
)

# ruff: noqa: E501  # a row of the table is a line

pytestmark = pytest.mark.promise("audit.proof")

NOW = system_clock()
"""S3 notes its own times, so this world has today's date."""

_STORED_IN = {
    "processors.register": "DisclosuresTable",
    "processors.allow-list": "DisclosuresTable",
    "disclosure.aggregate": "TrendsTable",
    "cookies.choice": "ChoicesTable",
}
NOT_DEPLOYED = {promise for promise, table in _STORED_IN.items() if table not in template()["Resources"]}
"""What has no store yet: at risk, never kept."""


@pytest.fixture(scope="module")
def healthy() -> Iterator[Moment]:
    """The world as it is before anything is broken."""
    with mock_aws():
        engine.deploy()
        settle(NOW)
        fill(NOW)
        yield moment(SetClock(NOW))


@pytest.fixture(scope="module")
def before(healthy: Moment) -> dict[str, Status]:
    """What the audit says of it."""
    return statuses(assembled())


@pytest.fixture
def world(healthy: Moment) -> Parts:
    back_to(healthy)
    return assembled()


def assembled() -> Parts:
    return assemble(load(Deployment, environment("PromiseAuditFunction")), lambda: NOW)


def found(parts: Parts) -> dict[str, Finding]:
    return {one.promise: one for one in audit(lambda: parts.stores(lambda: True), CHECKS)}


def statuses(parts: Parts) -> dict[str, Status]:
    return {promise: finding.status for promise, finding in found(parts).items()}


def test_where_every_promise_is_kept_the_audit_says_so_and_how_much_it_looked_at(world: Parts) -> None:
    findings = found(world)
    assert set(findings) == set(policy().promises)
    doubtful = {promise for promise, one in findings.items() if one.status is not Status.KEPT}
    assert doubtful <= NOT_DEPLOYED, {one: findings[one].evidence for one in doubtful}
    for finding in findings.values():
        assert finding.evidence[0].startswith("looked at ")
        assert finding.checked > 0 or finding.status is Status.AT_RISK


LONG = 3 * HOUR
Plant = Callable[[datetime], object]


def _sign_up(now: datetime) -> None:
    change("signups", {"id": "sgn_" + "t" * 26}, created_at=seconds(now - 7 * DAY - LONG))


def _bucket(thing: str) -> str:
    return NAMES.bucket(thing, AMERICAS)


def _audit_entry(now: datetime) -> None:
    (row,) = [row for row in engine.items("audit") if row["part"] == "entry"]
    put("audit", **{**row, "action": "nothing.happened"})


def _open_key(_: datetime) -> None:
    kms = client("kms", HOME)
    key = kms.describe_key(KeyId=f"alias/{STACK}-addresses")["KeyMetadata"]["KeyId"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))


def _forged(_: datetime) -> None:
    row = next(row for row in engine.items("removals") if (row["subject"], row["entry"]) == (GONE, "certificate"))
    put("removals", **{**row, "document": row["document"].replace(b'"format":"x"', b'"format":"X"')})


def _visit(now: datetime, at: datetime, **fields: str) -> None:
    put("visits", shard="01", at=f"{seconds(at):012d}#{'b' * 16}", ttl=seconds(now + DAY), ip="203.0.113.8", **fields)


def _backup_gone(_: datetime) -> None:
    with opened("backup", AMERICAS) as (s3, bucket):
        (version,) = s3.list_object_versions(Bucket=bucket)["Versions"]
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def _schedule_off(function: str) -> Plant:
    return lambda _: client("events", HOME).disable_rule(Name=f"{STACK}-{function}")


def _ttl_off(_: datetime) -> None:
    off = {"AttributeName": "ttl", "Enabled": False}
    client("dynamodb", HOME).update_time_to_live(TableName=NAMES.table("visits"), TimeToLiveSpecification=off)


def _recovery_on(_: datetime) -> None:
    on = {"PointInTimeRecoveryEnabled": True}
    dynamodb = client("dynamodb", AMERICAS)
    dynamodb.update_continuous_backups(TableName=NAMES.table("keys"), PointInTimeRecoverySpecification=on)


def _lifecycle(_: datetime) -> None:
    rules = [{"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3650}}]
    client("s3", AMERICAS).put_bucket_lifecycle_configuration(
        Bucket=_bucket("recordings"), LifecycleConfiguration={"Rules": rules}
    )


def _table(now: datetime) -> None:
    client("dynamodb", HOME).create_table(
        TableName=f"{STACK}-shadow",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": client("kms", HOME).describe_key(
            KeyId=f"alias/{STACK}-data")["KeyMetadata"]["Arn"]},
        DeletionProtectionEnabled=True,
    )  # fmt: skip


def _account(**changes: object) -> Plant:
    return lambda _: change("accounts", {"id": ADA}, **changes)


def _database(**changes: object) -> Plant:
    return lambda _: change("databases", {"id": DB}, **changes)


def _left_over(now: datetime) -> None:
    """A version behind a delete marker, in the other region."""
    upload("content", f"{GONE}/abc", AMERICAS)
    with opened("content", AMERICAS) as (s3, bucket):
        s3.delete_object(Bucket=bucket, Key=f"{GONE}/abc")


def _address(_: datetime) -> None:
    change("accounts", {"id": ADA}, profile={"kind": "trial", "name": "Ada", "postal_address": {"city": "London"}})
    change("billing", {"id": "bil_" + "b" * 26}, account_id=None)


ENQUIRY, GRANT, HOLD = {"reference": "enq_" + "e" * 26}, f"grt_{'d' * 26}{'a' * 26}", "hld_" + "h" * 26
ACCESS = {"database_id": DB, "id": GRANT}
CARD = "4111 1111 1111 1111"

PLANTED: list[tuple[str, str, Plant]] = [
    ("signup.fields", "a field that no form has",
     lambda _: change("enquiries", ENQUIRY, fields={"name": "Ada", "birthday": "1815-12-10"})),
    ("signup.fields", "an address without an order",
     _address),
    ("signup.password", "a weak hash", _account(password_hash="$argon2id$v=19$m=1024,t=1,p=1$c29t$aGFz")),
    ("signup.password", "a password in plain",
     lambda _: change("enquiries", ENQUIRY, fields={"name": "Ada"}, password="secret")),
    ("signup.no-cards", "a card number", lambda _: change("enquiries", ENQUIRY, fields={"message": f"pay by {CARD}"})),
    ("signup.captcha", "a token", lambda _: change("enquiries", ENQUIRY, captcha_token="token")),
    ("signup.confirmed", "an old sign-up", _sign_up),
    ("signup.confirmed", "an open sign-up",
     lambda _: change("signups", {"id": "sgn_" + "t" * 26}, email="ada@example.com")),
    ("signup.trial", "a trial twice", lambda now: put("signups", id="sgn_" + "u" * 26, account_id=ADA, database_id=DB,
                                                     created_at=seconds(now - DAY))),
    ("visits.fields", "a query", lambda now: _visit(now, now - DAY, referrer="https://example.com/?q=me")),
    ("visits.fields", "a page", lambda now: _visit(now, now - DAY, page="/pricing")),
    ("visits.unlinked", "an account", lambda now: _visit(now, now - DAY, language=ADA)),
    ("visits.unlinked", "an address on a session",
     lambda _: change("sessions", {"token_hash": "1" * 64}, sealed_address="203.0.113.7")),
    ("contact.inquiry", "a late date", lambda now: change("enquiries", ENQUIRY, due_at=seconds(now + 90 * DAY))),
    ("sessions.idle", "an idle session",
     lambda now: change("sessions", {"token_hash": "1" * 64}, last_used_at=seconds(now - 7 * DAY - LONG))),
    ("sessions.max-age", "an old session",
     lambda now: change("sessions", {"token_hash": "1" * 64}, created_at=seconds(now - 93 * DAY))),
    ("visits.retention", "an old visit", lambda now: _visit(now, now - 367 * DAY)),
    ("visits.retention", "a hold of nobody", lambda _: change("holds", {"part": "hold", "id": HOLD}, owner="")),
    ("visits.retention", "a hold without end",
     lambda now: change("holds", {"part": "hold", "id": HOLD}, until=seconds(now + 999 * DAY))),
    ("visits.retention", "a schedule that is off", _schedule_off("log-purging")),
    ("recordings.retention", "an old recording",
     lambda now: change("recordings", {"database_id": DB, "id": "rec_" + "r" * 26}, started_at=seconds(now - 32 * DAY))),
    ("accounts.necessity", "an old enquiry",
     lambda now: change("enquiries", ENQUIRY, created_at=seconds(now - 367 * DAY), due_at=seconds(now - 340 * DAY))),
    ("accounts.necessity", "an old consent", lambda now: change(
        "accounts", {"id": ADA}, marketing_at=seconds(now - 800 * DAY), marketing={
            "agreed": True, "at": seconds(now - 800 * DAY), "policy_version": "2026-11-27", "wording": "marketing/1"})),
    ("accounts.necessity", "an old bill",
     lambda now: change("billing", {"id": "bil_" + "b" * 26}, recorded_at=seconds(now - 1900 * DAY))),
    ("exports.retention", "an old file", lambda now: change(
        "jobs", {"database_id": DB, "id": "exp_" + "e" * 26}, finished_at=seconds(now - 7 * DAY - LONG))),
    ("databases.ownership", "nobody's database", lambda _: put("content", place=f"db_{'x' * 26}#00", id="r#1#2",
                                                             sealed=b"sealed")),
    ("databases.ownership", "an open record", lambda _: put("content", place=f"{DB}#01", id="r#1#3", name="Ada")),
    ("databases.export", "half an export", lambda _: upload(
        "transfer", f"exports/{DB}/exp_{'e' * 26}.zip", content=b"half")),
    ("databases.grace", "a database past its grace period", lambda now: change(
        "databases", {"id": DB}, status="deactivated", since=seconds(now - 21 * DAY - LONG))),
    ("databases.deletion", "a late deletion",
     lambda now: change("databases", {"id": DB}, status="deleting", since=seconds(now - DAY - HOUR))),
    ("databases.destroyed", "a key that came back", lambda _: put(
        "keys", AMERICAS, database_id=GONE, state="destroyed", wrapped=b"wrapped")),
    ("databases.destroyed", "recovery of keys", _recovery_on),
    ("databases.destroyed", "a version behind a marker", _left_over),
    ("databases.destroyed", "a name on a tombstone", lambda _: change("databases", {"id": GONE}, name="Films")),
    ("databases.destroyed", "a forged certificate", _forged),
    ("databases.destroyed", "a certificate that is gone",
     lambda _: remove("removals", {"subject": GONE, "entry": "certificate"})),
    ("databases.region", "content elsewhere",
     lambda _: put("content", AMERICAS, place=f"{DB}#00", id="r#1#2", sealed=b"sealed")),
    ("databases.region", "a key open elsewhere", lambda _: change("keys", {"database_id": DB}, AMERICAS, state="open")),
    ("databases.backups", "a copy that is gone", _backup_gone),
    ("databases.backups", "no fresh backup", lambda now: change("databases", {"id": DB}, created_at=seconds(
        now - 9 * DAY), since=seconds(now - 9 * DAY), unsaved_since=seconds(now - 9 * DAY))),
    ("rights.access", "an address that leads nowhere", lambda _: remove("accounts", {"id": f"email#{TAG}"})),
    ("rights.rectify", "an old address", lambda _: put("accounts", id=f"email#{'9' * 32}", account_id=ADA)),
    ("rights.rectify", "a change that waits for ever", lambda now: change(
        "signups", {"id": "eml_" + "c" * 26}, created_at=seconds(now - DAY - LONG))),
    ("rights.erase", "whose it was", lambda _: change("erasures", {"id": "ers_" + "e" * 26}, account_id=ADA)),
    ("rights.erase", "a late answer", lambda now: put(
        "erasures", id="ers_" + "f" * 26, status="requested", created_at=seconds(now - 31 * DAY), account_id=ADA)),
    ("marketing.opt-out", "who did not agree", _account(marketing={
        "agreed": False, "at": 0, "policy_version": "2026-11-27", "wording": "opt-out"})),
    ("helpdesk.access", "a grant of days", lambda now: change("access", ACCESS, until=seconds(now + 9 * DAY))),
    ("helpdesk.access", "a read without a grant", lambda _: remove("access", ACCESS)),
    ("correlation.gate", "one person", lambda _: change("correlations", {"id": "cor_" + "c" * 26}, decided_by="p" * 32)),
    ("correlation.gate", "an open key", _open_key),
    ("policy.versions", "an edited version", lambda _: change(
        "policies", {"archive": "policy", "version": "2026-11-27"}, sha256="0" * 64)),
    ("cookies.choice", "who chose", lambda _: change("choices", {"id": "c" * 26}, analytics="203.0.113.7")),
    ("disclosure.aggregate", "a small group", lambda _: change(
        "trends", {"id": "visits#2026-10"}, tables={"country": {"SG": 20, "FJ": 3}})),
    ("policy.versions", "a version that there is not", _account(policy_version="2020-01-01")),
    ("policy.single-source", "no time to live", _ttl_off),
    ("policy.single-source", "another lifecycle", _lifecycle),
    ("security.measures", "an open bucket",
     lambda _: client("s3", AMERICAS).delete_public_access_block(Bucket=_bucket("backup"))),
    ("security.measures", "no encryption", lambda _: client("s3", AMERICAS).put_bucket_encryption(
        Bucket=_bucket("backup"), ServerSideEncryptionConfiguration={"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})),
    ("security.measures", "an audit entry changed", _audit_entry),
    ("security.measures", "logs for ever", lambda _: client("logs", HOME).delete_retention_policy(
        logGroupName=f"/aws/lambda/{STACK}-signup")),
    ("security.measures", "old attempts", lambda now: change(
        "sessions", {"token_hash": f"attempt#{TAG}"}, last_used_at=seconds(now - 2 * DAY))),
    ("audit.proof", "a table that nobody knows", _table),
    ("audit.proof", "a queue that nobody knows", lambda _: client("sqs", HOME).create_queue(
        QueueName=f"{STACK}-shadow", Attributes={"SqsManagedSseEnabled": "true"})),
    ("audit.proof", "the audit is off", _schedule_off("promise-audit")),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "what", "plant"), PLANTED, ids=[f"{one}: {what}" for one, what, _ in PLANTED])
def test_what_is_planted_behind_the_system_s_back_breaks_exactly_that_promise(
    before: dict[str, Status], world: Parts, promise: str, what: str, plant: Plant
) -> None:
    plant(NOW)
    after = found(world)
    broken = {one for one, finding in after.items() if finding.status is Status.BROKEN}
    assert broken == {promise}, {one: after[one].evidence for one in broken | {promise}}
    assert {one: finding.status for one, finding in after.items() if one != promise} == {
        one: status for one, status in before.items() if one != promise
    }


def test_every_promise_with_a_store_is_broken_by_something_planted() -> None:
    planted = {promise for promise, _, _ in PLANTED}
    assert set(policy().promises) - planted == (set(_STORED_IN) | {"cookies.register"}) - planted


def test_what_is_due_for_less_than_an_hour_waits_for_its_sweep_and_after_two_it_is_broken(world: Parts) -> None:
    session, limit = {"token_hash": "1" * 64}, timedelta(days=7)
    for late, status in (
        (timedelta(0), Status.KEPT),
        (HOUR, Status.KEPT),
        (HOUR + timedelta(seconds=1), Status.AT_RISK),
        (2 * HOUR, Status.AT_RISK),
        (2 * HOUR + timedelta(seconds=1), Status.BROKEN),
    ):
        change("sessions", session, last_used_at=seconds(NOW - limit - late))
        finding = found(world)["sessions.idle"]
        assert (finding.status, finding.overdue) == (status, 1), late
