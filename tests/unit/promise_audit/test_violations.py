"""The audit finds what is wrong, and nothing else: a world in which every promise is kept, broken in one place each by a
raw write, or by a setting, that the system knows nothing of.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from privacy.aws import client
from privacy.policy import load as policy
from privacy.settings import Deployment, load
from promise_audit.audit import audit
from promise_audit.checks import CHECKS
from promise_audit.looking import Finding, Status
from promise_audit.parts import Parts, assemble
from promise_audit.stores import Stores
from tests.unit import engine
from tests.unit.engine import ACCOUNT, AMERICAS, HOME, NAMES, STACK, Moment, back_to, environment
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
    upload,
)

# ruff: noqa: E501  # a row of the table is a line

pytestmark = pytest.mark.promise("audit.proof")


@pytest.fixture(scope="module")
def before(healthy: Moment) -> dict[str, Status]:
    """What the audit says of the world before anything is broken."""
    back_to(healthy)
    return statuses()


def assembled() -> Parts:
    return assemble(load(Deployment, environment("PromiseAuditFunction")), lambda: NOW)


def found() -> dict[str, Finding]:
    parts = assembled()

    def stores() -> Stores:
        return parts.stores(lambda: True, lambda: True, {})

    return {one.promise: one for one in audit(stores(), stores, CHECKS)}


def statuses() -> dict[str, Status]:
    return {promise: finding.status for promise, finding in found().items()}


def test_where_every_promise_is_kept_the_audit_says_so_and_how_much_it_looked_at(world: None) -> None:
    findings = found()
    assert set(findings) == set(policy().promises)
    doubtful = {promise: one.evidence for promise, one in findings.items() if one.status is not Status.KEPT}
    assert not doubtful
    for finding in findings.values():
        assert finding.evidence[0].startswith("looked at ")
        assert finding.checked > 0


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


def _disclosure(**changes: object) -> Plant:
    return lambda _: change("disclosures", DISCLOSURE, **changes)


def _archived(part: str, edit: Callable[[list[dict[str, Any]]], object]) -> Plant:
    """The register that was published is not the one that runs: here it is changed where it was archived."""

    def plant(_: datetime) -> None:
        version = policy().version.isoformat()
        (row,) = [row for row in engine.items("policies") if row["version"] == version]
        document = json.loads(row["document"])
        edit(document[part])
        put("policies", **{**row, "document": json.dumps(document)})

    return plant


def _statement(**changes: object) -> Plant:
    """A right that a function was given by hand; None takes a part of it away."""
    right = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": f"arn:aws:dynamodb:::table/{STACK}-x"}
    given = {name: value for name, value in {**right, **changes}.items() if value}
    document = json.dumps({"Version": "2012-10-17", "Statement": given})
    return lambda _: client("iam", HOME).put_role_policy(RoleName=ROLE, PolicyName="more", PolicyDocument=document)


def _managed(_: datetime) -> None:
    iam = client("iam", HOME)
    everything = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{STACK}-x/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    arn = iam.create_policy(PolicyName="more", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)


def _trusted(_: datetime) -> None:
    taken = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [taken]})
    client("iam", HOME).update_assume_role_policy(RoleName=ROLE, PolicyDocument=document)


def _shared_role(_: datetime) -> None:
    functions = client("lambda", HOME)
    other = functions.get_function_configuration(FunctionName=f"{STACK}-correlation")["Role"]
    functions.update_function_configuration(FunctionName=f"{STACK}-sessions", Role=other)


def _link(_: datetime) -> None:
    client("lambda", HOME).create_function_url_config(FunctionName=f"{STACK}-sessions", AuthType="NONE")


def _started_by(principal: str, **bound: str) -> Plant:
    return lambda _: client("lambda", HOME).add_permission(
        FunctionName=f"{STACK}-correlation",
        StatementId="more",
        Action="lambda:InvokeFunction",
        Principal=principal,
        **bound,
    )


def _older_layer(_: datetime) -> None:
    functions = client("lambda", HOME)
    made = functions.publish_layer_version(LayerName=f"{STACK}-models", Content={"ZipFile": b"another register"})
    functions.update_function_configuration(FunctionName=f"{STACK}-sessions", Layers=[made["LayerVersionArn"]])


def _elsewhere(_: datetime) -> None:
    functions = client("lambda", HOME)
    told = functions.get_function_configuration(FunctionName=f"{STACK}-sessions")["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=f"{STACK}-sessions", Environment={"Variables": {**told, "SITE_URL": "https://elsewhere.example"}}
    )


def _open_queue(_: datetime) -> None:
    sqs = client("sqs", HOME)
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    url = sqs.get_queue_url(QueueName=f"{STACK}-erasure")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def _open_data_key(_: datetime) -> None:
    kms = client("kms", AMERICAS)
    key = kms.describe_key(KeyId=f"alias/{STACK}-data")["KeyMetadata"]["KeyId"]
    anybody = {
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", "*"]},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document)


def _without_rotation(_: datetime) -> None:
    kms = client("kms", AMERICAS)
    kms.disable_key_rotation(KeyId=kms.describe_key(KeyId=f"alias/{STACK}-data")["KeyMetadata"]["KeyId"])


def _open_bucket(_: datetime) -> None:
    s3, bucket = client("s3", HOME), NAMES.bucket("content", HOME)
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    anybody = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy["Statement"].append(anybody)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def _tls(**changes: object) -> Plant:
    """The statement that wants TLS, weaker."""

    def plant(_: datetime) -> None:
        s3, bucket = client("s3", HOME), NAMES.bucket("content", HOME)
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        policy["Statement"] = [{**row, **changes} for row in policy["Statement"]]
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    return plant


def _api_cookie(_: datetime) -> None:
    api = client("apigateway", HOME)
    (one,) = api.get_rest_apis()["items"]
    api.put_gateway_response(
        restApiId=one["id"], responseType="DEFAULT_4XX",
        responseParameters={"gatewayresponse.header.Set-Cookie": "'visitor=1'"},
    )  # fmt: skip


def _no_recovery(_: datetime) -> None:
    off = {"PointInTimeRecoveryEnabled": False}
    dynamodb = client("dynamodb", HOME)
    dynamodb.update_continuous_backups(TableName=NAMES.table("accounts"), PointInTimeRecoverySpecification=off)


def _shadow_bucket(_: datetime) -> None:
    client("s3", AMERICAS).create_bucket(Bucket=_bucket("shadow"))


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
DISCLOSURE = {"id": "dsc_" + "d" * 26}
ROLE = f"{STACK}-SessionsFunctionRole-{HOME}"

PLANTED: list[tuple[str, str, str, Plant]] = [
    ("signup.fields", "a field that no form has", "enquiries with a field that no form has",
     lambda _: change("enquiries", ENQUIRY, fields={"name": "Ada", "birthday": "1815-12-10"})),
    ("signup.fields", "an address without an order", "postal addresses that no invoice or delivery needs",
     _address),
    ("signup.password", "a weak hash", "passwords that are not kept as a strong Argon2id hash", _account(password_hash="$argon2id$v=19$m=1024,t=1,p=1$c29t$aGFz")),
    ("signup.password", "a password in plain", "passwords in enquiries",
     lambda _: change("enquiries", ENQUIRY, fields={"name": "Ada"}, password="secret")),
    ("signup.no-cards", "a card number", "card numbers in enquiries", lambda _: change("enquiries", ENQUIRY, fields={"message": f"pay by {CARD}"})),
    ("signup.captcha", "a token", "captcha tokens in enquiries", lambda _: change("enquiries", ENQUIRY, captcha_token="token")),
    ("signup.confirmed", "an old sign-up", "sign-ups past their end", _sign_up),
    ("signup.confirmed", "an open sign-up", "sign-ups that are not sealed",
     lambda _: change("signups", {"id": "sgn_" + "t" * 26}, email="ada@example.com")),
    ("signup.trial", "a trial twice", "databases of two trials", lambda now: put("signups", id="sgn_" + "u" * 26, account_id=ADA, database_id=DB,
                                                     created_at=seconds(now - DAY))),
    ("visits.fields", "a query", "visits with the query of a referring page", lambda now: _visit(now, now - DAY, referrer="https://example.com/?q=me")),
    ("visits.fields", "a page", "visits with more than their summary", lambda now: _visit(now, now - DAY, page="/pricing")),
    ("visits.unlinked", "an account", "visits that name somebody", lambda now: _visit(now, now - DAY, language=ADA)),
    ("visits.unlinked", "an address on a session", "sessions whose address is not sealed",
     lambda _: change("sessions", {"token_hash": "1" * 64}, sealed_address="203.0.113.7")),
    ("contact.inquiry", "a late date", "enquiries that are due too late", lambda now: change("enquiries", ENQUIRY, due_at=seconds(now + 90 * DAY))),
    ("sessions.idle", "an idle session", "sessions past their end",
     lambda now: change("sessions", {"token_hash": "1" * 64}, last_used_at=seconds(now - 7 * DAY - LONG))),
    ("sessions.max-age", "an old session", "sessions past their end",
     lambda now: change("sessions", {"token_hash": "1" * 64}, created_at=seconds(now - 93 * DAY))),
    ("visits.retention", "an old visit", "visits past their end", lambda now: _visit(now, now - 367 * DAY)),
    ("visits.retention", "a hold of nobody", "holds without an owner or a reason", lambda _: change("holds", {"part": "hold", "id": HOLD}, owner="")),
    ("visits.retention", "a hold without end", "holds that last too long",
     lambda now: change("holds", {"part": "hold", "id": HOLD}, until=seconds(now + 999 * DAY))),
    ("visits.retention", "a schedule that is off", "schedules that are off or gone: log-purging", _schedule_off("log-purging")),
    ("recordings.retention", "an old recording", "recordings past their end",
     lambda now: change("recordings", {"database_id": DB, "id": "rec_" + "r" * 26}, started_at=seconds(now - 32 * DAY))),
    ("accounts.necessity", "an old enquiry", "enquiries past their end",
     lambda now: change("enquiries", ENQUIRY, created_at=seconds(now - 367 * DAY), due_at=seconds(now - 340 * DAY))),
    ("accounts.necessity", "an old consent", "consents to marketing past their end", lambda now: change(
        "accounts", {"id": ADA}, marketing_at=seconds(now - 800 * DAY), marketing={
            "agreed": True, "at": seconds(now - 800 * DAY), "policy_version": "2026-11-27", "wording": "marketing/1"})),
    ("accounts.necessity", "an old bill", "bills past their end",
     lambda now: change("billing", {"id": "bil_" + "b" * 26}, recorded_at=seconds(now - 1900 * DAY))),
    ("exports.retention", "an old file", "files of exports and uploads past their end", lambda now: change(
        "jobs", {"database_id": DB, "id": "exp_" + "e" * 26}, finished_at=seconds(now - 7 * DAY - LONG))),
    ("databases.ownership", "nobody's database", "databases that do not exist, with content in content", lambda _: put("content", place=f"db_{'x' * 26}#00", id="r#1#2",
                                                             sealed=b"sealed")),
    ("databases.ownership", "an open record", "databases with content that is not sealed", lambda _: put("content", place=f"{DB}#01", id="r#1#3", name="Ada")),
    ("databases.export", "half an export", "ready exports without their whole file", lambda _: upload(
        "transfer", f"exports/{DB}/exp_{'e' * 26}.zip", content=b"half")),
    ("databases.grace", "a database past its grace period", "deactivated databases past their end", lambda now: change(
        "databases", {"id": DB}, status="deactivated", since=seconds(now - 21 * DAY - LONG))),
    ("databases.deletion", "a late deletion", "deletions past their deadline",
     lambda now: change("databases", {"id": DB}, status="deleting", since=seconds(now - DAY - HOUR))),
    ("databases.destroyed", "a key that came back", "destroyed databases whose key is not (americas)", lambda _: put(
        "keys", AMERICAS, database_id=GONE, state="destroyed", wrapped=b"wrapped")),
    ("databases.destroyed", "recovery of keys", "tables of keys with point-in-time recovery: a destroyed key could come back", _recovery_on),
    ("databases.destroyed", "a version behind a marker", "destroyed databases with something left in content bucket (us-east-1)", _left_over),
    ("databases.destroyed", "a name on a tombstone", "tombstones that hold more than they may", lambda _: change("databases", {"id": GONE}, name="Films")),
    ("databases.destroyed", "a forged certificate", "certificates that are not genuine", _forged),
    ("databases.destroyed", "a certificate that is gone", "gaps in the chain of certificates",
     lambda _: remove("removals", {"subject": GONE, "entry": "certificate"})),
    ("databases.region", "content elsewhere", "databases with content in another region",
     lambda _: put("content", AMERICAS, place=f"{DB}#00", id="r#1#2", sealed=b"sealed")),
    ("databases.region", "a key open elsewhere", "databases whose key is open in the wrong region", lambda _: change("keys", {"database_id": DB}, AMERICAS, state="open")),
    ("databases.backups", "a copy that is gone", "backups without their copy in americas", _backup_gone),
    ("databases.backups", "no fresh backup", "active databases without a fresh backup", lambda now: change("databases", {"id": DB}, created_at=seconds(
        now - 9 * DAY), since=seconds(now - 9 * DAY), unsaved_since=seconds(now - 9 * DAY))),
    ("rights.access", "an address that leads nowhere", "accounts that their address does not lead to", lambda _: remove("accounts", {"id": f"email#{TAG}"})),
    ("rights.rectify", "an old address", "old addresses that still lead to an account", lambda _: put("accounts", id=f"email#{'9' * 32}", account_id=ADA)),
    ("rights.rectify", "a change that waits for ever", "changes that wait past their end", lambda now: change(
        "signups", {"id": "eml_" + "c" * 26}, created_at=seconds(now - DAY - LONG))),
    ("rights.erase", "whose it was", "erased requests that tell whose they were", lambda _: change("erasures", {"id": "ers_" + "e" * 26}, account_id=ADA)),
    ("rights.erase", "a late answer", "requests for erasure past their end", lambda now: put(
        "erasures", id="ers_" + "f" * 26, status="requested", created_at=seconds(now - 31 * DAY), account_id=ADA)),
    ("marketing.opt-out", "who did not agree", "people on the list who did not agree", _account(marketing={
        "agreed": False, "at": 0, "policy_version": "2026-11-27", "wording": "opt-out"})),
    ("helpdesk.access", "a grant of days", "grants without an end in hours", lambda now: change("access", ACCESS, until=seconds(now + 9 * DAY))),
    ("helpdesk.access", "a read without a grant", "reads without a grant", lambda _: remove("access", ACCESS)),
    ("correlation.gate", "one person", "correlations without a second person", lambda _: change("correlations", {"id": "cor_" + "c" * 26}, decided_by="p" * 32)),
    ("correlation.gate", "an open key", "keys of addresses that others may open", _open_key),
    ("policy.versions", "an edited version", "versions that are not what was published", lambda _: change(
        "policies", {"archive": "policy", "version": "2026-11-27"}, sha256="0" * 64)),
    ("cookies.choice", "who chose", "choices that name somebody", lambda _: change("choices", {"id": "c" * 26}, analytics="203.0.113.7")),
    ("disclosure.aggregate", "a small group", "tables with a cell of too few people", lambda _: change(
        "trends", {"id": "visits#2026-10"}, tables={"country": {"SG": 20, "FJ": 3}})),
    ("disclosure.aggregate", "an old report", "reports past their end", lambda now: change(
        "trends", {"id": "visits#2026-10"}, made_at=seconds(now - 4000 * DAY))),
    ("processors.register", "who is in no register", "disclosures to who is not in the register", _disclosure(processor="acme")),
    ("processors.allow-list", "a field too many", "disclosures of more than the register allows", _disclosure(fields=["amount", "country"])),
    ("processors.allow-list", "a value", "disclosures that hold more than the names of fields", _disclosure(fields=["amount", "ada@example.com"])),
    ("processors.allow-list", "another purpose", "disclosures of more than the register allows", _disclosure(purpose="audience")),
    ("processors.allow-list", "an old disclosure", "disclosures past their end", lambda now: change(
        "disclosures", DISCLOSURE, created_at=seconds(now - 1200 * DAY))),
    ("cookies.choice", "when exactly", "choices that tell more of their time than the day", lambda now: change("choices", {"id": "c" * 26}, day=seconds(now) // 86400 * 86400 + 1)),
    ("cookies.choice", "an old choice", "choices past their end", lambda now: change(
        "choices", {"id": "c" * 26}, day=seconds(now - 4000 * DAY) // 86400 * 86400)),
    ("cookies.register", "a cookie of the API's own", "answers of the API that set a cookie", _api_cookie),
    ("policy.versions", "a version that there is not", "accounts under a version of the policy that there is not", _account(policy_version="2020-01-01")),
    ("policy.versions", "a version that is gone", "versions that are not in the archive", lambda _: remove(
        "policies", {"archive": "policy", "version": "2026-11-24"})),
    ("policy.single-source", "another register", "functions that read another register", _older_layer),
    ("policy.single-source", "another website", "functions that are told otherwise where they are", _elsewhere),
    ("policy.single-source", "no recovery", "tables with another point-in-time recovery than they have to have", _no_recovery),
    ("policy.single-source", "no time to live", "tables with another time to live than they have to have", _ttl_off),
    ("policy.single-source", "another lifecycle", "buckets that keep broken uploads", _lifecycle),
    ("security.measures", "an open bucket", "buckets that could be public",
     lambda _: client("s3", AMERICAS).delete_public_access_block(Bucket=_bucket("backup"))),
    ("security.measures", "no encryption", "buckets that are not encrypted with our key", lambda _: client("s3", AMERICAS).put_bucket_encryption(
        Bucket=_bucket("backup"), ServerSideEncryptionConfiguration={"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})),
    ("security.measures", "every action", "functions that may do more than they need", _statement(Action="dynamodb:*")),
    ("security.measures", "an open queue", "queues that let anybody in", _open_queue),
    ("security.measures", "an audit entry changed", "entries of the audit trail changed or removed", _audit_entry),
    ("security.measures", "logs for ever", "logs that do not end", lambda _: client("logs", HOME).delete_retention_policy(
        logGroupName=f"/aws/lambda/{STACK}-signup")),
    ("security.measures", "old attempts", "attempts to sign in past their end", lambda now: change(
        "sessions", {"token_hash": f"attempt#{TAG}"}, last_used_at=seconds(now - 2 * DAY))),
    ("audit.proof", "a table that nobody knows", "tables that no check knows", _table),
    ("audit.proof", "a queue that nobody knows", "queues that no check knows", lambda _: client("sqs", HOME).create_queue(
        QueueName=f"{STACK}-shadow", Attributes={"SqsManagedSseEnabled": "true"})),
    ("audit.proof", "a bucket that nobody knows", "buckets that no check knows", _shadow_bucket),
    ("audit.proof", "the audit is off", "schedules that are off or gone: promise-audit", _schedule_off("promise-audit")),
]  # fmt: skip


BY_HAND: list[tuple[str, str, str, Plant]] = [
    ("security.measures", "every resource", "functions that may do more than they need", _statement(Action=["dynamodb:ListTables", "dynamodb:Scan"], Resource="*")),
    ("security.measures", "another's resource", "functions that may do more than they need", _statement(Resource="arn:aws:s3:::elsewhere/*")),
    ("security.measures", "another's resource with our name in it", "functions that may do more than they need", _statement(
        Resource=f"arn:aws:s3:::elsewhere/{STACK}-x")),
    ("security.measures", "another account's table", "functions that may do more than they need", _statement(
        Resource=f"arn:aws:dynamodb:{HOME}:210987654321:table/{STACK}-content")),
    ("security.measures", "all but something", "functions that may do more than they need", _statement(NotAction="iam:PassRole", Action=None)),
    ("security.measures", "any key", "functions that may do more than they need", _statement(Action="kms:Decrypt", Resource=f"arn:aws:kms:{HOME}:{ACCOUNT}:key/*")),
    ("security.measures", "a right from elsewhere", "functions with rights that are not their own", _managed),
    ("security.measures", "a role to take", "roles that somebody else may take", _trusted),
    ("security.measures", "a role for two", "functions that share a role", _shared_role),
    ("security.measures", "a link to a function", "functions that a link of their own starts", _link),
    ("security.measures", "anybody may start it", "functions that others may start", _started_by("*")),
    ("security.measures", "another service may start it", "functions that others may start",
     _started_by("s3.amazonaws.com", SourceArn="arn:aws:s3:::elsewhere")),
    ("security.measures", "any schedule may start it", "functions that others may start",
     _started_by("events.amazonaws.com")),
    ("security.measures", "another account may start it", "functions that others may start", _started_by("210987654321")),
    ("security.measures", "an open data key", "keys that let anybody in", _open_data_key),
    ("security.measures", "a key that stays", "keys that do not rotate", _without_rotation),
    ("security.measures", "a bucket for all", "buckets that let anybody in", _open_bucket),
    ("security.measures", "another's key", "buckets that are not encrypted with our key",
     lambda _: client("s3", AMERICAS).put_bucket_encryption(
        Bucket=_bucket("backup"), ServerSideEncryptionConfiguration={"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/aws/s3"}}]})),
    ("security.measures", "TLS allowed", "buckets that answer without TLS", _tls(Effect="Allow")),
    ("security.measures", "TLS for reading", "buckets that answer without TLS", _tls(Action="s3:GetObject")),
    ("security.measures", "TLS for some", "buckets that answer without TLS", _tls(Principal={"AWS": ACCOUNT})),
    ("security.measures", "TLS refused", "buckets that answer without TLS",
     _tls(Condition={"Bool": {"aws:SecureTransport": "true"}})),
    ("security.measures", "TLS for its list", "buckets that answer without TLS",
     _tls(Resource=f"arn:aws:s3:::{NAMES.bucket('content', HOME)}")),
    ("security.measures", "no TLS", "buckets that answer without TLS", lambda _: client("s3", AMERICAS).delete_bucket_policy(Bucket=_bucket("content"))),
]  # fmt: skip
"""More that somebody may have set by hand; `test_words` plants it, for the one check that looks at it."""


@pytest.mark.parametrize(
    ("promise", "what", "words", "plant"), PLANTED, ids=[f"{one}: {what}" for one, what, _, _ in PLANTED]
)
def test_what_is_planted_behind_the_system_s_back_breaks_exactly_that_promise(
    before: dict[str, Status], world: None, promise: str, what: str, words: str, plant: Plant
) -> None:
    plant(NOW)
    after = found()
    broken = {one for one, finding in after.items() if finding.status is Status.BROKEN}
    assert broken == {promise}, {one: after[one].evidence for one in broken | {promise}}
    assert f"1 {words}" in after[promise].evidence, f"{what}: {after[promise].evidence}"
    assert {one: finding.status for one, finding in after.items() if one != promise} == {
        one: status for one, status in before.items() if one != promise
    }


@pytest.mark.parametrize(
    ("promise", "plant"),
    [
        ("cookies.register", _archived("cookies", lambda rows: rows[0]["cookies"].pop())),
        ("processors.register", _archived("processors", lambda rows: rows[0]["purposes"][0]["fields"].append("phone"))),
    ],
)
def test_a_register_that_differs_from_what_was_published_breaks_its_promise_and_that_of_the_versions(
    before: dict[str, Status], world: None, promise: str, plant: Plant
) -> None:
    del before
    plant(NOW)
    assert {one for one, status in statuses().items() if status is Status.BROKEN} == {promise, "policy.versions"}


def test_every_promise_of_the_register_has_something_planted_that_breaks_it() -> None:
    assert {promise for promise, _, _, _ in PLANTED} == set(policy().promises)


def test_what_is_due_for_less_than_an_hour_waits_for_its_sweep_and_after_two_it_is_broken(world: None) -> None:
    session, limit = {"token_hash": "1" * 64}, timedelta(days=7)
    for late, status in (
        (timedelta(0), Status.KEPT),
        (HOUR, Status.KEPT),
        (HOUR + timedelta(seconds=1), Status.AT_RISK),
        (2 * HOUR, Status.AT_RISK),
        (2 * HOUR + timedelta(seconds=1), Status.BROKEN),
    ):
        change("sessions", session, last_used_at=seconds(NOW - limit - late))
        finding = found()["sessions.idle"]
        assert (finding.status, finding.overdue) == (status, 1), late
