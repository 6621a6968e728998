"""A small deployment in which every promise is kept: stores with a row of each kind, and settings as the template has
them (moto's deployment of the other tests has no settings). Rows are written as they lie there, not by our code.
"""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from privacy.aws import client
from privacy.clock import system_clock
from privacy.policy import documents, load
from privacy.tables.store import to_aws
from promise_audit.checks.privileges import listed
from promise_audit.checks.signatures import canonical
from promise_audit.inventory import SCHEDULES
from tests.unit.engine import _OF_A_TABLE, ACCOUNT, AMERICAS, ASIA, HOME, NAMES, REGIONS, STACK, _resources, environment

NOW = system_clock()
"""S3 notes its own times, so this world has today's date."""

ADA, DB, GONE = "acc_" + "a" * 26, "db_" + "d" * 26, "db_" + "g" * 26
TAG = "f" * 32
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo"
SWEPT = {
    "session_expiry": (
        *("sessions", "attempts", "changes", "signups", "enquiries", "billing", "idempotency"),
        *("correlations", "campaigns", "access", "choices", "holds", "trends"),
    ),
    "log_purging": ("visits",),
    "database_expiry": ("databases", "exports", "uploads", "leftovers", "backups", "old-backups", "recordings"),
    "account_expiry": ("accounts", "leads", "marketing", "erasures", "requests", "disclosures"),
    "audit_sealing": ("audit",),
    "visit_trends": ("trends",),
    "account_trends": ("trends",),
    "policy_publishing": ("policies", "notices"),
}


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def put(thing: str, region: str = HOME, /, **item: Any) -> None:
    """Write a row behind the system's back."""
    client("dynamodb", region).put_item(TableName=NAMES.table(thing), Item=to_aws(item))


def change(thing: str, key: dict[str, Any], region: str = HOME, /, **changes: Any) -> None:
    """Change a row behind the system's back; None takes an attribute away."""
    dynamodb = client("dynamodb", region)
    found = dynamodb.get_item(TableName=NAMES.table(thing), Key=to_aws(key))["Item"]
    for name, value in changes.items():
        found.pop(name, None)
        found |= to_aws({name: value})
    dynamodb.put_item(TableName=NAMES.table(thing), Item=found)


def remove(thing: str, key: dict[str, Any], region: str = HOME) -> None:
    client("dynamodb", region).delete_item(TableName=NAMES.table(thing), Key=to_aws(key))


def upload(bucket: str, key: str, region: str = HOME, content: bytes = b"sealed") -> str:
    """Put an object, and give its version."""
    with opened(bucket, region) as (s3, name):
        answer = s3.put_object(Bucket=name, Key=key, Body=content)
    return str(answer.get("VersionId", "null"))


@contextmanager
def opened(bucket: str, region: str = HOME) -> Iterator[tuple[Any, str]]:
    """A bucket without its policy for a moment: moto refuses what a condition would let through."""
    s3, name = client("s3", region), NAMES.bucket(bucket, region)
    policy = s3.get_bucket_policy(Bucket=name)["Policy"]
    s3.delete_bucket_policy(Bucket=name)
    yield s3, name
    s3.put_bucket_policy(Bucket=name, Policy=policy)


def signed(document: dict[str, Any], thing: str) -> bytes:
    """A document with the signature of a key of ours."""
    message = hashlib.sha256(canonical(document)).digest()
    answer = client("kms", HOME).sign(
        KeyId=f"alias/{STACK}-{thing}", Message=message, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
    )
    return canonical(document | {"signature": {"value": base64.b64encode(answer["Signature"]).decode("ascii")}})


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- the settings --------------------------------------------------------------------------------------------------


def settle(now: datetime) -> None:
    """The settings that the template asks for, on what `tests.unit.engine` deploys without them."""
    for region in REGIONS:
        kms = client("kms", region)
        key = kms.describe_key(KeyId=f"alias/{STACK}-data")["KeyMetadata"]
        kms.enable_key_rotation(KeyId=key["KeyId"])
        _tables(region, key["Arn"])
        _buckets(region, key["Arn"])
        sqs = client("sqs", region)
        for _, properties in _resources("AWS::SQS::Queue", region):
            url = sqs.get_queue_url(QueueName=properties["QueueName"])["QueueUrl"]
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
        logs = client("logs", region)
        for _, properties in _resources("AWS::Logs::LogGroup", region):
            if str(properties["LogGroupName"]).startswith("/aws/"):
                logs.create_log_group(logGroupName=properties["LogGroupName"], kmsKeyId=key["Arn"])
                logs.put_retention_policy(logGroupName=properties["LogGroupName"], retentionInDays=30)
    _functions()
    client("apigateway", HOME).create_rest_api(name=STACK)
    _schedules(now)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": ["kms:Decrypt"],
                "Resource": "*",
                "Condition": {"ArnNotLike": {"aws:PrincipalArn": "correlation"}},
            }
        ],
    }
    kms = client("kms", HOME)
    addresses = kms.describe_key(KeyId=f"alias/{STACK}-addresses")["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=addresses)
    kms.put_key_policy(KeyId=addresses, PolicyName="default", Policy=json.dumps(policy))


def _tables(region: str, key: str) -> None:
    dynamodb = client("dynamodb", region)
    for _, properties in _resources("AWS::DynamoDB::Table", region):
        name = properties["TableName"]
        dynamodb.delete_table(TableName=name)  # moto takes its encryption only when a table is created
        dynamodb.create_table(
            **{part: properties[part] for part in _OF_A_TABLE if part in properties},
            SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
            DeletionProtectionEnabled=True,
        )
        if ttl := properties.get("TimeToLiveSpecification"):
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
        recovery = properties["PointInTimeRecoverySpecification"]
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)


def _buckets(region: str, key: str) -> None:
    from local.gaps import lifecycle_rule

    s3 = client("s3", region)
    policies = {str(body["Bucket"]): body["PolicyDocument"] for _, body in _resources("AWS::S3::BucketPolicy", region)}
    for logical, properties in _resources("AWS::S3::Bucket", region):
        name = properties["BucketName"]
        sides = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": sides})
        closed = properties["PublicAccessBlockConfiguration"]
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=closed)
        policy = json.dumps(policies[logical]).replace(f"{logical}.Arn", f"arn:aws:s3:::{name}")
        s3.put_bucket_policy(Bucket=name, Policy=policy)
        rules = [lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})


SHOWN = (*SCHEDULES, "disclosure", "sessions", "correlation", "database-deletion")
"""The functions that are deployed here: of forty, those that say what the others would, too (moto takes long)."""


def _functions() -> None:
    """Functions with their roles and what may start them, as the template has them."""
    iam = client("iam", HOME)
    archive = io.BytesIO()
    zipfile.ZipFile(archive, "w").writestr("empty.txt", "")
    code = {"ZipFile": archive.getvalue()}
    for region in REGIONS:
        functions = client("lambda", region)
        layer = functions.publish_layer_version(LayerName=f"{STACK}-models", Content=code)["LayerVersionArn"]
        roles = dict(_resources("AWS::IAM::Role", region))
        for logical, properties in _resources("AWS::Serverless::Function", region):
            name = properties["FunctionName"]
            if name.removeprefix(f"{STACK}-") not in SHOWN:
                continue
            body = roles[properties["Role"].removesuffix(".Arn")]
            role = f"{STACK}-{logical}Role-{region}"
            taken = json.dumps(body["AssumeRolePolicyDocument"])
            arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=taken)["Role"]["Arn"]
            for policy in body["Policies"]:
                rights = json.dumps(_with_arns(policy["PolicyDocument"]))
                iam.put_role_policy(RoleName=role, PolicyName=policy["PolicyName"], PolicyDocument=rights)
            functions.create_function(
                FunctionName=name, Role=arn, Code=code, Runtime="python3.13", Handler=properties["Handler"],
                Layers=[layer], Environment={"Variables": environment(logical, region)},
            )  # fmt: skip
            functions.add_permission(
                FunctionName=name, StatementId="start", Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com", SourceArn=f"arn:aws:events:{region}:{ACCOUNT}:rule/{STACK}-tick",
            )  # fmt: skip


def _with_arns(document: dict[str, Any]) -> dict[str, Any]:
    """A policy with ARNs where the template has `Ref` or `Fn::GetAtt`."""

    def arn(resource: str) -> str:
        if resource.startswith("arn:") or resource == "*":
            return resource
        name = resource.replace(".Arn", "")
        place = f"{HOME}:{ACCOUNT}"
        return f"arn:aws:kms:{place}:key/{name}" if name.endswith("Key") else f"arn:aws:sqs:{place}:{STACK}-{name}"

    rights = [row | {"Resource": [arn(one) for one in listed(row["Resource"])]} for row in document["Statement"]]
    return document | {"Statement": rights}


def _schedules(now: datetime) -> None:
    events, cloudwatch = client("events", HOME), client("cloudwatch", HOME)
    for function, every in SCHEDULES.items():
        arn = f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:{STACK}-{function}"
        rate = f"rate({every.total_seconds() / 60:.0f} minutes)"
        events.put_rule(Name=f"{STACK}-{function}", ScheduleExpression=rate, State="ENABLED")
        events.put_targets(Rule=f"{STACK}-{function}", Targets=[{"Id": "tick", "Arn": arn}])
    for service, names in SWEPT.items():
        for name in names:
            dimensions = [{"Name": "service", "Value": service}, {"Name": "store", "Value": name}]
            figure = {"MetricName": "RemovalLagSeconds", "Dimensions": dimensions}
            data = [figure | {"Value": 300.0, "Timestamp": now - minutes * HOUR / 60} for minutes in (5, 65, 125)]
            cloudwatch.put_metric_data(Namespace="Privacy", MetricData=data)


# --- the rows ------------------------------------------------------------------------------------------------------


def fill(now: datetime) -> None:
    """A row of each kind, all of them as they should be."""
    _people(now)
    _databases(now)
    _staff(now)
    _trail(now)
    _records(now)


def _records(now: datetime) -> None:
    """A choice about cookies, a report about groups, and the archive of the policy."""
    day = seconds(now) // 86_400 * 86_400
    put("choices", id="c" * 26, day=day, preferences=True, analytics=False, gpc=False, shard="00", ttl=day + 9**8,
        policy_version=load().version.isoformat())  # fmt: skip
    put("disclosures", id="dsc_" + "d" * 26, account_id=ADA, processor="stripe", purpose="payment", status="delivered",
        fields=["amount", "currency", "email"], record="bil_" + "b" * 26, ground="contract", shard="00",
        created_at=seconds(now - DAY), delivered_at=seconds(now - DAY), ttl=seconds(now + 999 * DAY))  # fmt: skip
    put("trends", id="visits#2026-10", subject="visits", month="2026-10", made_at=seconds(now - DAY), shard="00",
        policy_version=load().version.isoformat(), least_people=10, tables={"country": {"SG": 20, "other": 15}},
        ttl=seconds(now + 999 * DAY))  # fmt: skip
    for version, document in documents().items():
        put("policies", archive="policy", version=version.isoformat(), sha256=document.sha256, text=document.text,
            document=json.dumps(dict(document.data)), archived_at=seconds(now))  # fmt: skip


def _people(now: datetime) -> None:
    version = load().version.isoformat()
    put(
        "accounts", id=ADA, created_at=seconds(now - DAY), policy_version=version, email_tag=TAG,
        profile={"kind": "trial", "name": "Ada", "email": "ada@example.com", "phone": "+6531581234"},
        password_hash=HASH, captcha_score="0.9", signup_id="sgn_" + "s" * 26, last_contact_at=seconds(now - DAY),
        marketing={"agreed": True, "at": seconds(now - DAY), "policy_version": version, "wording": "marketing/1"},
        marketing_shard="00", marketing_at=seconds(now - DAY), shard="00",
    )  # fmt: skip
    put("accounts", id=f"email#{TAG}", account_id=ADA)
    born = {"created_at": seconds(now - DAY), "shard": "00", "ttl": seconds(now + 6 * DAY)}
    put("signups", id="sgn_" + "s" * 26, account_id=ADA, database_id=DB, **born)
    put("signups", id="sgn_" + "t" * 26, sealed=b"sealed", **born)
    put("signups", id="eml_" + "c" * 26, sealed=b"sealed", **born | {"created_at": seconds(now - HOUR)})
    put(
        "enquiries", reference="enq_" + "e" * 26, email_tag=TAG, due_at=seconds(now + 20 * DAY),
        fields={"kind": "contact", "name": "Ada", "email": "ada@example.com",
                "message": "4 boxes of order 4111 1111 1111 1112"}, **born,
    )  # fmt: skip
    put("billing", id="bil_" + "b" * 26, account_id=ADA, fields={"amount": "1.00", "name": "Ada"}, shard="00",
        recorded_at=seconds(now - DAY), ttl=seconds(now + 999 * DAY))  # fmt: skip
    put("sessions", token_hash="1" * 64, account_id=ADA, last_used_at=seconds(now - HOUR), sealed_address=b"s", **born)
    put("sessions", token_hash=f"attempt#{TAG}", attempts=1, last_used_at=seconds(now - HOUR), next_at=0,
        shard="attempt#00", ttl=seconds(now + DAY))  # fmt: skip
    put("visits", shard="00", at=f"{seconds(now - DAY):012d}#{'a' * 16}", ttl=seconds(now + 99 * DAY), ip="203.0.113.7",
        browser="Chrome", referrer="https://example.com/", language="en", country="SG")  # fmt: skip
    put("idempotency", key="k" * 64, body="b", ids={}, done=True, **born | {"created_at": seconds(now - HOUR)})
    put("campaigns", id="cam_" + "c" * 26, subject="News", text="All is well.", audience="all", **born)


def _databases(now: datetime) -> None:
    version = load().version.isoformat()
    since = {"created_at": seconds(now - DAY), "since": seconds(now - DAY), "policy_version": version}
    put("databases", id=DB, owner="o" * 32, name="Films", region="asia", status="active",
        unsaved_since=seconds(now - 2 * HOUR), **since)  # fmt: skip
    put("databases", id=GONE, owner="o" * 32, region="asia", status="destroyed", **since)
    for region, state in ((ASIA, "open"), (AMERICAS, "standby")):
        put("keys", region, database_id=DB, state=state, wrapped=b"wrapped", created_at=seconds(now - DAY))
        put("keys", region, database_id=GONE, state="destroyed", destroyed_at=seconds(now - HOUR))
    put("content", place=f"{DB}#00", id="r#1#2", sealed=b"sealed", size=6)
    upload("content", f"{DB}/abc")
    backup = "bak_" + "b" * 26
    copies = [
        {"region": name, "version": upload("backup", f"{DB}/{backup}.sealed", region), "verified_at": "now"}
        for name, region in (("asia", ASIA), ("americas", AMERICAS))
    ]
    job = {"database_id": DB, "created_at": seconds(now - 2 * HOUR), "status": "ready", "progress": 100}
    put("jobs", id=backup, kind="backup", detail={"bytes": 6, "copies": copies}, **job)
    export = "exp_" + "e" * 26
    put("jobs", id=export, kind="export", detail={"bytes": 6}, finished_at=seconds(now - HOUR), **job)
    upload("transfer", f"exports/{DB}/{export}.zip")
    put("recordings", database_id=DB, id="rec_" + "r" * 26, region="asia", started_at=seconds(now - DAY),
        created_at=seconds(now - DAY), status="stored", shard="00")  # fmt: skip
    upload("recordings", f"{DB}/rec_{'r' * 26}")
    put("removals", subject=GONE, entry="removal", started_at=seconds(now - 2 * HOUR), finished_at=seconds(now - HOUR),
        active_at=seconds(now - HOUR), region="asia", segments=[])  # fmt: skip
    document = signed({"format": "x", "database_id": GONE, "sequence": 1, "previous": None}, "certificates")
    put("removals", subject=GONE, entry="certificate", document=document)
    put("removals", subject="certificates", entry="head", sequence=1, digest=digest(document), latest=GONE)


def _staff(now: datetime) -> None:
    grant = f"grt_{'d' * 26}{'a' * 26}"
    at = {"database_id": DB, "at": seconds(now - HOUR), "shard": "00", "ttl": seconds(now + 99 * DAY)}
    put("access", id=grant, staff="p" * 32, purpose="issue", reason="It is slow.", until=seconds(now + HOUR), **at)
    put("access", id=f"red_{'d' * 26}{'b' * 26}", grant_id=grant, kind="record", sealed=b"sealed", **at)
    put("holds", part="hold", id="hld_" + "h" * 26, owner="p" * 32, ground="security", reason="An attack.",
        scope={"visits": {"addresses": "198.51.100.0/24"}}, created_at=seconds(now - DAY), since=seconds(now - DAY),
        until=seconds(now + 30 * DAY))  # fmt: skip
    put("correlations", id="cor_" + "c" * 26, ground="law", requested_by="p" * 32, decided_by="q" * 32,
        created_at=seconds(now - DAY), decided_at=seconds(now - DAY), decision=_entry_id(now), account="x", case="y",
        shard="00", ttl=seconds(now + 99 * DAY))  # fmt: skip
    erasure = "ers_" + "e" * 26
    put("erasures", id=erasure, created_at=seconds(now - DAY), status="erased", databases="delete-now", origin="person",
        finished_at=seconds(now - HOUR), notices=[], kept=[], destroyed=[])  # fmt: skip
    certificate = signed({"format": "y", "request_id": erasure, "sequence": 2, "previous": _head()["digest"]["S"]},
                         "certificates")  # fmt: skip
    put("removals", subject=erasure, entry="certificate", document=certificate)
    put("removals", subject="certificates", entry="head", sequence=2, digest=digest(certificate), latest=erasure)


def _head() -> dict[str, Any]:
    key = to_aws({"subject": "certificates", "entry": "head"})
    found: dict[str, Any] = client("dynamodb", HOME).get_item(TableName=NAMES.table("removals"), Key=key)["Item"]
    return found


def _entry_id(now: datetime) -> str:
    return f"{seconds(now - DAY):011d}-aud_{'a' * 26}"


def _trail(now: datetime) -> None:
    at = now - DAY
    entry = {"id": _entry_id(now), "action": "correlation.approved", "actor": "q" * 32, "subject": None}
    put("audit", part="entry", at=seconds(at), facts=json.dumps({"n": 1}), **entry)
    written = {**entry, "at": at.isoformat().removesuffix("+00:00") + "Z", "facts": {"n": 1}}
    entries = [{"id": entry["id"], "digest": digest(canonical(written))}]
    block = signed({"format": "z", "sequence": 1, "previous": None, "sealed_at": "now", "entries": entries}, "audit")
    put("audit", part="block", id=f"{1:012d}", document=block)
    put("removals", subject="audit", entry="head", sequence=1, digest=digest(block))
