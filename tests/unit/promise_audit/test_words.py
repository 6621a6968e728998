"""Everything that a check can say is wrong is planted once, here or in `test_violations`: what is never said might as
well not be looked at.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta

from privacy.aws import client
from privacy.policy import CookieCategory, Period, Policy
from privacy.settings import Deployment, load
from promise_audit.audit import examine
from promise_audit.checks import CHECKS, NAMES
from promise_audit.checks.proof import Check, proof
from promise_audit.looking import Finding, Status
from promise_audit.parts import assemble
from tests.template.source import ROOT
from tests.unit import engine
from tests.unit.engine import HOME, STACK, environment
from tests.unit.engine import NAMES as THINGS
from tests.unit.promise_audit.test_violations import BY_HAND, PLANTED
from tests.unit.promise_audit.world import (
    ADA,
    DAY,
    DB,
    GONE,
    HOUR,
    NOW,
    TAG,
    change,
    opened,
    put,
    remove,
    seconds,
    signed,
    upload,
)

# ruff: noqa: E501  # a row of the table is a line

pytestmark = pytest.mark.promise("audit.proof")

Plant = Callable[[datetime], timedelta | None]
"""Breaks something; how much later the audit comes."""

BILL, ERASURE, CORRELATION = {"id": "bil_" + "b" * 26}, {"id": "ers_" + "e" * 26}, {"id": "cor_" + "c" * 26}
GRANT, READ = f"grt_{'d' * 26}{'a' * 26}", f"red_{'d' * 26}{'b' * 26}"
HOLD = {"part": "hold", "id": "hld_" + "h" * 26}
BACKUP = {"database_id": DB, "id": "bak_" + "b" * 26}
SESSION, ATTEMPTS = {"token_hash": "1" * 64}, {"token_hash": f"attempt#{TAG}"}


def changed(thing: str, key: dict[str, Any], /, **changes: Any) -> Plant:
    return lambda _: change(thing, key, HOME, **changes)


def account(**changes: Any) -> Plant:
    return changed("accounts", {"id": ADA}, **changes)


def database(**changes: Any) -> Plant:
    return changed("databases", {"id": DB}, **changes)


def made(thing: str, **row: Any) -> Plant:
    return lambda _: put(thing, **row)


def later(**duration: int) -> Plant:
    """Nothing but time: what lies in S3 has its own."""
    return lambda _: timedelta(**duration)


def _two_unused(now: datetime) -> None:
    old = {"last_contact_at": seconds(now - 4000 * DAY)}
    change("accounts", {"id": ADA}, **old)
    (row,) = [row for row in engine.items("accounts") if row["id"] == ADA]
    put("accounts", **{**row, "id": "acc_" + "b" * 26, **old})


def _unfinished(bucket: str) -> Plant:
    """An upload that was begun; moto has it that all were begun in 2010."""

    def plant(_: datetime) -> None:
        with opened(bucket) as (s3, name):
            s3.create_multipart_upload(Bucket=name, Key=f"{DB}/x")

    return plant


def _stray_recording(_: datetime) -> timedelta:
    upload("recordings", f"{DB}/rec_{'x' * 26}")
    return 2 * HOUR


def _block(_: datetime) -> None:
    (row,) = [row for row in engine.items("audit") if row["part"] == "block"]
    put("audit", **{**row, "document": row["document"].replace(b'"format":"z"', b'"format":"Z"')})


def _slipped_in(now: datetime) -> None:
    put("audit", part="entry", id=f"{seconds(now):011d}-aud_{'x' * 26}", at=seconds(now), action="a", actor="b",
        facts="{}")  # fmt: skip


def _unchained(_: datetime) -> None:
    """A block that is signed, and names another before it."""
    block = {"format": "z", "sequence": 2, "previous": "0" * 64, "sealed_at": "now", "entries": []}
    put("audit", part="block", id=f"{2:012d}", document=signed(block, "audit"))


def _unchained_certificate(_: datetime) -> None:
    certificate = {"format": "y", "request_id": "ers_" + "n" * 26, "sequence": 3, "previous": "0" * 64}
    put("removals", subject="ers_" + "n" * 26, entry="certificate", document=signed(certificate, "certificates"))


def _added(_: datetime) -> None:
    (row,) = [row for row in engine.items("audit") if row["part"] == "entry"]
    put("audit", **{**row, "note": "x"})


def _forged_erasure(_: datetime) -> None:
    change(
        "removals", {"subject": ERASURE["id"], "entry": "certificate"}, document=json.dumps({"sequence": 2}).encode()
    )


def _unversioned(_: datetime) -> None:
    suspended = {"Status": "Suspended"}
    client("s3", HOME).put_bucket_versioning(Bucket=THINGS.bucket("content", HOME), VersioningConfiguration=suspended)


def _open_messages(_: datetime) -> None:
    sqs = client("sqs", HOME)
    url = sqs.get_queue_url(QueueName=f"{STACK}-schedule-dead")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "false"})


def _open_log(_: datetime) -> None:
    logs, name = client("logs", HOME), f"/aws/apigateway/{STACK}"
    logs.delete_log_group(logGroupName=name)
    logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=name, retentionInDays=7)


def _refuses_less(_: datetime) -> None:
    """The key of addresses refuses others to encrypt, and not to decrypt."""
    kms = client("kms", HOME)
    key = kms.describe_key(KeyId=f"alias/{STACK}-addresses")["KeyMetadata"]["KeyId"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"] = [{**row, "Action": ["kms:Encrypt"]} for row in policy["Statement"]]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))


def _key_off(_: datetime) -> None:
    kms = client("kms", HOME)
    kms.disable_key(KeyId=kms.describe_key(KeyId=f"alias/{STACK}-audit")["KeyMetadata"]["KeyId"])


def _table_under_aws_key(_: datetime) -> None:
    client("dynamodb", HOME).create_table(
        TableName=f"{STACK}-shadow",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        DeletionProtectionEnabled=True,
    )


def _unprotected(_: datetime) -> None:
    client("dynamodb", HOME).update_table(TableName=THINGS.table("accounts"), DeletionProtectionEnabled=False)


def _rules(edit: Callable[[dict[str, Any]], object]) -> Plant:
    """Each rule of the lifecycle of the backups with a change."""

    def plant(_: datetime) -> None:
        s3, bucket = client("s3", HOME), THINGS.bucket("backup", HOME)
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        for rule in rules:
            edit(rule)
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})

    return plant


def _longer(rule: dict[str, Any]) -> None:
    if "Days" in rule.get("Expiration", {}):
        rule["Expiration"]["Days"] = 90


def _keeps_versions(rule: dict[str, Any]) -> None:
    if "NoncurrentVersionExpiration" in rule:
        rule["NoncurrentVersionExpiration"]["NoncurrentDays"] = 30


def _lost_for_good(now: datetime) -> None:
    change("databases", {"id": DB}, status="deactivated", since=seconds(now - DAY))
    change("keys", {"database_id": DB}, HOME, wrapped=None)


def _register(part: str) -> Plant:
    def plant(_: datetime) -> None:
        for row in engine.items("policies"):
            document = json.loads(row["document"])
            document[part] = document[part][1:]
            put("policies", **{**row, "document": json.dumps(document)})

    return plant


HEAD = {"subject": "certificates", "entry": "head"}
WITNESS = {"subject": "audit", "entry": "head"}

SAID: list[tuple[str, str, Plant]] = [
    ("signup.fields", "profiles with a field that no form has", account(profile={"kind": "trial", "birthday": "x"})),
    ("signup.captcha", "accounts with more of the captcha than its score", account(captcha_token="t")),
    ("signup.captcha", "scores that are none", account(captcha_score="7")),
    ("signup.confirmed", "sign-ups that are neither waiting, sealed, nor confirmed",
     changed("signups", {"id": "sgn_" + "t" * 26}, sealed=None)),
    ("signup.trial", "trials without their database",
     made("signups", id="sgn_" + "u" * 26, account_id=ADA, database_id="db_" + "u" * 26)),
    ("visits.fields", "visits with a whole user-agent string", lambda now: put(
        "visits", shard="01", at=f"{seconds(now - DAY):012d}#{'b' * 16}", browser="Mozilla/5.0 (X11; Linux x86_64; rv:145.0)")),
    ("visits.unlinked", "sessions with an address, or more, in the open", changed("sessions", SESSION, ip="203.0.113.7")),
    ("visits.retention", "holds without a ground", changed("holds", HOLD, ground="whim")),
    ("visits.retention", "holds that would link visits to a person",
     changed("holds", HOLD, scope={"account_id": ADA, "visits": {"addresses": "198.51.100.0/24"}})),
    ("visits.retention", "holds past their end", lambda now: change(
        "holds", HOLD, created_at=seconds(now - 5000 * DAY), since=seconds(now - 5000 * DAY), until=seconds(now - 4990 * DAY))),
    ("recordings.retention", "versions of recordings past their end", later(days=32)),
    ("recordings.retention", "versions of recordings that no row knows", _stray_recording),
    ("recordings.retention", "unfinished uploads of recordings", _unfinished("recordings")),
    ("accounts.necessity", "leads past their end", lambda now: change(
        "accounts", {"id": ADA}, password_hash=None, last_contact_at=seconds(now - 4000 * DAY))),
    ("accounts.necessity", "accounts that nobody uses past their end", _two_unused),
    ("accounts.necessity", "requests for erasure past their end",
     lambda now: change("erasures", ERASURE, created_at=seconds(now - 4000 * DAY))),
    ("exports.retention", "unfinished uploads", _unfinished("transfer")),
    ("databases.ownership", "databases without an owner", database(owner=None)),
    ("databases.ownership", "owners in the open", database(owner=ADA)),
    ("databases.grace", "deactivated databases that cannot be brought back", _lost_for_good),
    ("databases.destroyed", "heads of the chain that are not its latest certificate", changed("removals", HEAD, digest="0" * 64)),
    ("databases.destroyed", "chains of certificates without their head", lambda _: remove("removals", HEAD)),
    ("databases.destroyed", "destroyed databases without their certificate",
     changed("removals", {"subject": GONE, "entry": "certificate"}, document=b'{"sequence":1,"previous":null}')),
    ("policy.single-source", "lifecycles that differ from the period in force", _rules(_longer)),
    ("policy.single-source", "buckets that keep superseded versions or markers", _rules(_keeps_versions)),
    ("databases.region", "databases in a region that there is not", database(region="europe")),
    ("databases.backups", "versions of backups past their end", later(days=16)),
    ("databases.backups", "backups past their end", lambda now: change("jobs", BACKUP, created_at=seconds(now - 15 * DAY))),
    ("databases.backups", "backups without a copy in each region",
     changed("jobs", BACKUP, detail={"bytes": 6, "copies": [{"region": "asia", "version": "x"}]})),
    ("rights.access", "rows of sessions of an account that is gone", changed("sessions", SESSION, account_id="acc_" + "z" * 26)),
    ("rights.rectify", "changes that are not sealed", changed("signups", {"id": "eml_" + "c" * 26}, email="x")),
    ("rights.erase", "erased requests that keep an address",
     lambda now: change("erasures", ERASURE, address=b"sealed", finished_at=seconds(now - 2 * DAY))),
    ("rights.erase", "erasures without a certificate", _forged_erasure),
    ("rights.erase", "closed accounts that nobody erases", account(closed=True, erasure_id="ers_" + "z" * 26)),
    ("marketing.opt-out", "people on the list who are being erased", account(closed=True, erasure_id=ERASURE["id"])),
    ("marketing.opt-out", "consents without what was agreed to",
     account(marketing={"agreed": True, "at": 0, "policy_version": "2026-11-27", "wording": ""})),
    ("marketing.opt-out", "campaigns and messages past their end",
     lambda now: change("campaigns", {"id": "cam_" + "c" * 26}, created_at=seconds(now - 4000 * DAY))),
    ("helpdesk.access", "entries of access logs past their end", lambda now: change(
        "access", {"database_id": DB, "id": GRANT}, at=seconds(now - 4000 * DAY))),
    ("helpdesk.access", "entries kept from their customer for too long", lambda now: change(
        "access", {"database_id": DB, "id": GRANT}, undisclosed_until=seconds(now + 9000 * DAY))),
    ("helpdesk.access", "grants without who and why", changed("access", {"database_id": DB, "id": GRANT}, staff="")),
    ("helpdesk.access", "reads outside their grant",
     lambda now: change("access", {"database_id": DB, "id": READ}, at=seconds(now - 5 * HOUR))),
    ("helpdesk.access", "reads outside their grant",
     lambda now: change("access", {"database_id": DB, "id": READ}, at=seconds(now + 2 * HOUR))),
    ("helpdesk.access", "reads of another database", lambda now: put(
        "access", database_id=GONE, id=READ, grant_id=GRANT, kind="record", at=seconds(now - HOUR))),
    ("correlation.gate", "keys of addresses that others may open", _refuses_less),
    ("correlation.gate", "correlations without a ground", changed("correlations", CORRELATION, ground="whim")),
    ("correlation.gate", "correlations past their end",
     lambda now: change("correlations", CORRELATION, created_at=seconds(now - 9000 * DAY))),
    ("correlation.gate", "correlations that wait past their end", lambda now: change(
        "correlations", CORRELATION, waiting_since=seconds(now), created_at=seconds(now - 60 * DAY))),
    ("correlation.gate", "correlations without their audit entry", changed("correlations", CORRELATION, decision="x")),
    ("correlation.gate", "correlations that keep the question", changed("correlations", CORRELATION, account_id=ADA)),
    ("processors.register", "registers of processors that differ from what was published", _register("processors")),
    ("cookies.register", "registers of cookies that differ from what was published", _register("cookies")),
    ("cookies.choice", "choices that tell more than what was chosen", changed("choices", {"id": "c" * 26}, session="x")),
    ("security.measures", "keys that are not enabled", _key_off),
    ("security.measures", "tables that are not encrypted with our key", _table_under_aws_key),
    ("security.measures", "tables that could be deleted by mistake", _unprotected),
    ("security.measures", "buckets whose versions are not as they have to be", _unversioned),
    ("security.measures", "queues that are not encrypted", _open_messages),
    ("security.measures", "logs that are not encrypted with our key", _open_log),
    ("security.measures", "blocks of the audit trail that were changed", _block),
    ("security.measures", "blocks of the audit trail that were changed", _unchained),
    ("databases.destroyed", "gaps in the chain of certificates", _unchained_certificate),
    ("security.measures", "blocks of the audit trail that were made anew", changed("removals", WITNESS, digest="0" * 64)),
    ("security.measures", "audit trails that were cut short", changed("removals", WITNESS, sequence=2)),
    ("security.measures", "entries of the audit trail that were slipped in", _slipped_in),
    ("security.measures", "entries of the audit trail with something that no block seals", _added),
    ("security.measures", "blocks of the audit trail that were changed", made(
        "audit", part="block", id="999999999999", document=b"{}")),
    ("security.measures", "blocks of the audit trail that were changed", made(
        "audit", part="block", id="999999999998", document=b"[" * 100_000)),
    ("security.measures", "entries of the audit trail that are not as they have to be", made(
        "audit", part="entry", id="x", at=0, action="a", actor="b", facts="[" * 100_000)),
    ("security.measures", "blocks of the audit trail that are not as they have to be", made(
        "audit", part="block", id="the last", document=b"{}")),
    ("databases.destroyed", "certificates that are not genuine", made(
        "removals", subject="db_" + "n" * 26, entry="certificate", document=b'{"sequence":999999999999,"previous":null}')),
    ("security.measures", "attempts that tell of whom", changed("sessions", ATTEMPTS, email="x")),
    ("security.measures", "repeated requests past their end",
     lambda now: change("idempotency", {"key": "k" * 64}, created_at=seconds(now - 90 * DAY))),
    ("audit.proof", "earlier findings that are not as they have to be", made("findings", promise="x", entry="now")),
]  # fmt: skip


def looked_at(promise: str, at: timedelta | None = None, check: Check | None = None) -> Finding:
    parts = assemble(load(Deployment, environment("PromiseAuditFunction")), lambda: NOW + (at or timedelta(0)))
    return examine(promise, check or CHECKS[promise], parts.stores(lambda: True, lambda: True, {}))


EACH: list[tuple[str, str, Any]] = [*SAID, *((promise, words, plant) for promise, _, words, plant in BY_HAND)]


@pytest.mark.parametrize(("promise", "words", "plant"), EACH, ids=[f"{one}: {words}" for one, words, _ in EACH])
def test_a_check_names_what_is_planted_behind_the_system_s_back(
    world: None, promise: str, words: str, plant: Plant
) -> None:
    assert looked_at(promise).status is Status.KEPT
    later = plant(NOW)
    finding = looked_at(promise, later if isinstance(later, timedelta) else None)
    assert finding.status is Status.BROKEN
    assert f"1 {words}" in finding.evidence or f"2 {words}" in finding.evidence, finding.evidence


def test_a_promise_without_a_check_or_mapped_to_another_is_named(world: None) -> None:
    less = {promise: name for promise, name in NAMES.items() if promise != "sessions.idle"}
    assert "1 promises without a check" in looked_at("audit.proof", check=proof(less)).evidence
    other = {**NAMES, "sessions.idle": NAMES["sessions.max-age"]}
    assert "1 promises that are mapped to another check" in looked_at("audit.proof", check=proof(other)).evidence


OF_SCHEDULES = {
    "schedules that start too seldom: {}",
    "functions that may not run: {}",
    "schedules that start too seldom: promise-audit",
    "promises without a check",
    "promises that are mapped to another check",
}
"""What `test_schedules`, and the test above, see said."""


@pytest.mark.parametrize(
    ("address", "days", "status"),
    [("198.51.100.9", 10, Status.KEPT), ("198.51.100.9", 1, Status.BROKEN), ("192.0.2.9", 10, Status.BROKEN)],
)
def test_a_hold_keeps_what_it_covers_and_brings_nothing_back(
    world: None, address: str, days: int, status: Status
) -> None:
    at = NOW - relativedelta(months=12) - 2 * DAY  # over for two days
    put("visits", shard="00", at=f"{seconds(at):012d}#{'c' * 16}", ip=address)
    change("holds", HOLD, created_at=seconds(NOW - days * DAY), since=seconds(NOW - days * DAY))
    finding = looked_at("visits.retention")
    assert finding.status is status
    assert ("1 visits kept by holds" in finding.evidence[0]) == (status is Status.KEPT)


def test_a_table_that_is_gone_is_no_promise_kept(world: None) -> None:
    dynamodb, name = client("dynamodb", HOME), THINGS.table("trends")
    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=name)
    for promise in ("audit.proof", "disclosure.aggregate"):
        finding = looked_at(promise)
        assert finding.status is Status.AT_RISK
        assert [line for line in finding.evidence if "nothing to look at: trends is not deployed" in line]


# --- a release --------------------------------------------------------------------------------------------------------


def _category(name: str, edit: Callable[[CookieCategory], CookieCategory]) -> Callable[[Policy], Policy]:
    return lambda one: replace(one, cookies={**one.cookies, name: edit(one.cookies[name])})


def _cookie(**changes: Any) -> Callable[[Policy], Policy]:
    def edit(category: CookieCategory) -> CookieCategory:
        first, *others = category.cookies
        return replace(category, cookies=(replace(first, **changes), *others))

    return _category("security", edit)


def _without_contract(one: Policy) -> Policy:
    return replace(one, processors={**one.processors, "stripe": replace(one.processors["stripe"], contract="")})


OF_A_RELEASE: list[tuple[str, str, Callable[[Policy], Policy]]] = [
    ("cookies.choice", "categories one must take", _category("analytics", lambda one: replace(one, required=True))),
    ("cookies.register", "cookies that do not say what for", _cookie(what="")),
    ("cookies.register", "cookies of ours without a period", _cookie(period=None)),
    ("cookies.register", "cookies in two categories", _cookie(name="_ga")),
    ("processors.register", "processors that do not say all", _without_contract),
    ("exports.retention", "links to exports that live for more than an hour",
     lambda one: replace(one, retention={**one.retention, "exports.link": Period.parse("PT2H")})),
    ("policy.versions", "policies in force that nobody mapped to what keeps them",
     lambda one: replace(one, version=date(2026, 11, 24))),
]  # fmt: skip
"""What may be wrong of the policy that a release brings along."""

NEVER_SAID = {"versions under another date"}
"""Would take another file in the layer, which `privacy.policy.documents` does not load."""


@pytest.mark.parametrize(("promise", "words", "edit"), OF_A_RELEASE, ids=[words for _, words, _ in OF_A_RELEASE])
def test_a_check_names_what_a_release_did_to_the_policy(
    world: None, promise: str, words: str, edit: Callable[[Policy], Policy]
) -> None:
    parts = assemble(load(Deployment, environment("PromiseAuditFunction")), lambda: NOW)
    stores = parts.stores(lambda: True, lambda: True, {})
    finding = examine(promise, CHECKS[promise], replace(stores, policy=edit(stores.policy)))
    assert f"1 {words}" in finding.evidence, finding.evidence


def words_of_the_checks() -> Iterator[str]:
    """Every violation in the code of the audit, with `{}` for what is filled in."""
    places = {"expect": 1, "wrong": 0, "ends": 0}
    for path in sorted((ROOT / "functions/promise_audit").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in places:
                words = _text(node.args[places[node.func.attr]])
                if words:
                    yield words + " past their end" * (node.func.attr == "ends")


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_each_violation_that_the_checks_can_name_is_planted_by_some_test() -> None:
    said = {words for _, words, _ in EACH} | {words for _, _, words, _ in PLANTED} | OF_SCHEDULES | NEVER_SAID
    said |= {words for _, words, _ in OF_A_RELEASE}
    unsaid = []
    for words in words_of_the_checks():
        pattern = ".+".join(re.escape(part) for part in words.split("{}"))
        if not [one for one in said if re.fullmatch(pattern, one)]:
            unsaid.append(words)
    assert unsaid == []
