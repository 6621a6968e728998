"""Section 8, security: measures as they are deployed, and the audit trail recomputed."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from promise_audit.checks.privileges import Statement, is_open, listed, privileges, statements
from promise_audit.checks.signatures import canonical, digest, is_signed
from promise_audit.inventory import BUCKETS, HOME_QUEUES, REGION_QUEUES
from promise_audit.looking import Look
from promise_audit.stores import Row, Stores, instant

_LOGS_DAYS = 90
"""The longest that logs are kept (LogRetentionDays in template.yaml)."""

_OF_AN_ENTRY = frozenset({"part", "id", "pending", "at", "action", "actor", "subject", "facts"})

_SEALED_WITHIN = timedelta(hours=1)
"""An entry of the trail waits for the next tick of its sealer, five minutes; an hour is none of it."""


def measures(stores: Stores, look: Look) -> None:
    """Encryption with keys of ours, no public bucket, TLS, logs that end, and an audit trail that nobody touched."""
    for name, region in stores.regions.items():
        with look.trying(f"keys in {name}"):
            key = _keys(stores, look, region)
            with look.trying(f"tables in {name}"):
                _tables(stores, look, region, key)
            for thing in BUCKETS:
                with look.trying(f"{thing} bucket in {name}"):
                    _bucket(stores, look, thing, region, key)
        with look.trying(f"queues in {name}"):
            _queues(stores, look, region)
        with look.trying(f"logs in {name}"):
            _logs(stores, look, region)
        with look.trying(f"functions in {name}"):
            privileges(stores, look, region)
    with look.trying("audit trail"):
        _trail(stores, look)
    with look.trying("attempts"):
        _attempts(stores, look)
    look.swept(stores, "audit-sealing", "audit")
    look.swept(stores, "session-expiry", "attempts", "idempotency")


def _keys(stores: Stores, look: Look, region: str) -> str:
    """Every key of ours is enabled, and turned each year where it encrypts; the id of the one that data lie under."""
    kms = stores.client("kms", region)
    things = ("data", "addresses", "certificates", "audit") if region == stores.home else ("data",)
    ids: dict[str, str] = {}
    for thing in things:
        found = kms.describe_key(KeyId=f"alias/{stores.stack}-{thing}")["KeyMetadata"]
        ids[thing] = found["KeyId"]
        look.at("keys")
        look.expect(found["KeyState"] == "Enabled", "keys that are not enabled", thing)
        policy = kms.get_key_policy(KeyId=found["KeyId"], PolicyName="default")["Policy"]
        look.expect(not any(is_open(row) for row in statements(policy)), "keys that let anybody in", thing)
        if thing in ("data", "addresses"):
            rotation = kms.get_key_rotation_status(KeyId=found["KeyId"])["KeyRotationEnabled"]
            look.expect(rotation, "keys that do not rotate", thing)
    return ids["data"]


def _tables(stores: Stores, look: Look, region: str, key: str) -> None:
    client = stores.client("dynamodb", region)
    for thing in deployed_tables(stores, region):
        table = client.describe_table(TableName=stores.name(thing))["Table"]
        look.at("tables")
        kept = table.get("SSEDescription", {})
        ours = kept.get("SSEType") == "KMS" and str(kept.get("KMSMasterKeyArn", "")).endswith(key)
        look.expect(ours, "tables that are not encrypted with our key", thing)
        look.expect(table.get("DeletionProtectionEnabled", False), "tables that could be deleted by mistake", thing)


def deployed_tables(stores: Stores, region: str) -> list[str]:
    """The tables of ours in a region, by thing."""

    def read() -> list[str]:
        pages = stores.client("dynamodb", region).get_paginator("list_tables").paginate()
        names = [name for page in pages for name in page["TableNames"] if name.startswith(f"{stores.stack}-")]
        return [name.removeprefix(f"{stores.stack}-") for name in names]

    found: list[str] = stores.once(f"tables/{region}", read)
    return found


def _bucket(stores: Stores, look: Look, thing: str, region: str, key: str) -> None:
    s3, bucket = stores.client("s3", region), stores.bucket(thing, region)
    look.at("buckets")
    sides = (
        setting(s3.get_bucket_encryption, Bucket=bucket).get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    )
    kept = [side["ApplyServerSideEncryptionByDefault"] for side in sides]
    ours = any(one["SSEAlgorithm"] == "aws:kms" and str(one.get("KMSMasterKeyID", "")).endswith(key) for one in kept)
    look.expect(ours, "buckets that are not encrypted with our key", thing)
    block = setting(s3.get_public_access_block, Bucket=bucket).get("PublicAccessBlockConfiguration", {})
    closed = all(
        block.get(name)
        for name in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    )
    look.expect(closed, "buckets that could be public", thing)
    policy = statements(setting(s3.get_bucket_policy, Bucket=bucket).get("Policy", '{"Statement": []}'))
    look.expect(any(_wants_tls(row, bucket) for row in policy), "buckets that answer without TLS", thing)
    look.expect(not any(is_open(row) for row in policy), "buckets that let anybody in", thing)
    versions = s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
    look.expect(versions == BUCKETS[thing].versions, "buckets whose versions are not as they have to be", thing)


def _wants_tls(statement: Statement, bucket: str) -> bool:
    """Whether a statement refuses everybody who comes without TLS, whatever they want of all that is in the bucket."""
    plain = statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    everybody = statement.get("Principal") in ("*", {"AWS": "*"}) and "s3:*" in listed(statement.get("Action"))
    reached = {resource.rpartition(":::")[2] for resource in listed(statement.get("Resource", []))}
    return statement["Effect"] == "Deny" and plain and everybody and {bucket, f"{bucket}/*"} <= reached


_NOT_SET = (
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchLifecycleConfiguration",
)


def setting(call: Any, **arguments: Any) -> dict[str, Any]:
    """A setting of a bucket; nothing where there is none. Raises: ClientError."""
    try:
        found: dict[str, Any] = call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_SET:
            return {}
        raise
    return found


def _queues(stores: Stores, look: Look, region: str) -> None:
    sqs = stores.client("sqs", region)
    things = REGION_QUEUES + (HOME_QUEUES if region == stores.home else ())
    schedules = ["schedule-dead"] if region == stores.home else []
    for name in [name for thing in things for name in (thing, f"{thing}-dead")] + schedules:
        url = sqs.get_queue_url(QueueName=stores.name(name))["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        look.at("queues")
        sealed = found.get("SqsManagedSseEnabled") == "true" or bool(found.get("KmsMasterKeyId"))
        look.expect(sealed, "queues that are not encrypted", name)
        policy = statements(found.get("Policy", '{"Statement": []}'))
        look.expect(not any(is_open(row) for row in policy), "queues that let anybody in", name)


def _logs(stores: Stores, look: Look, region: str) -> None:
    pages = stores.client("logs", region).get_paginator("describe_log_groups")
    for prefix in (f"/aws/lambda/{stores.stack}-", f"/aws/apigateway/{stores.stack}"):
        for page in pages.paginate(logGroupNamePrefix=prefix):
            for group in page["logGroups"]:
                thing = group["logGroupName"].removeprefix(prefix) or "api"
                look.at("logs")
                ends = 0 < group.get("retentionInDays", 0) <= _LOGS_DAYS
                look.expect(ends, "logs that do not end", thing)
                look.expect(bool(group.get("kmsKeyId")), "logs that are not encrypted with our key", thing)


def _trail(stores: Stores, look: Look) -> None:
    """Recompute the trail: every block signed and naming the one before, every entry as it was when it was sealed."""
    public = stores.public_keys("audit")
    witness = stores.item("removals", {"subject": "audit", "entry": "head"})
    entries: dict[str, tuple[str, bool]] = {}
    blocks: dict[int, bytes] = {}
    look.at("entries of the audit trail", 0)
    look.at("blocks of the audit trail", 0)
    for row in stores.rows("audit"):
        if row["part"] == "block":
            with look.row("blocks of the audit trail"):
                blocks[int(row["id"])] = row["document"]
            continue
        with look.row("entries of the audit trail"):
            look.expect(set(row) <= _OF_AN_ENTRY, "entries of the audit trail with something that no block seals")
            waits = "pending" in row
            entries[row["id"]] = (digest(canonical(_entry(row))), waits)
            if waits and stores.now - instant(row, "at") > _SEALED_WITHIN:
                look.doubt("entries of the audit trail that wait for their seal")
    sealed = dict[str, str]()
    last: tuple[int, str | None] = (0, None)
    for number, content in sorted(blocks.items()):
        block = _genuine(content, public)
        follows = block is not None and (block["sequence"], block["previous"]) == (last[0] + 1, last[1])
        look.expect(follows and number == last[0] + 1, "blocks of the audit trail that were changed")
        if block is None:
            continue  # a number that was made up says nothing of the trail
        sealed |= {entry["id"]: entry["digest"] for entry in block["entries"]}
        last = (number, digest(content))
        if number == witness.get("sequence"):
            look.expect(witness["digest"] == last[1], "blocks of the audit trail that were made anew")
    look.expect(witness.get("sequence", 0) <= last[0], "audit trails that were cut short")
    for entry_id, own in sealed.items():
        look.expect(entries.get(entry_id, ("", False))[0] == own, "entries of the audit trail changed or removed")
    for entry_id in entries.keys() - sealed.keys():
        look.expect(entries[entry_id][1], "entries of the audit trail that were slipped in")


def _genuine(content: bytes, public: bytes) -> dict[str, Any] | None:
    """A block that the key of the trail has signed, or None."""
    try:
        found: Any = json.loads(content)
    except (RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) and is_signed(found, public) else None


def _entry(row: Row) -> dict[str, Any]:
    at = instant(row, "at").isoformat().removesuffix("+00:00") + "Z"
    named = {name: row.get(name) for name in ("id", "action", "actor", "subject")}
    return {**named, "at": at, "facts": json.loads(row["facts"])}


def _attempts(stores: Stores, look: Look) -> None:
    look.at("attempts to sign in", 0)
    for row in _rows(stores):
        with look.row("attempts to sign in"):
            look.ends("attempts to sign in", stores.period("sessions.attempts").after(instant(row, "last_used_at")))
            known = {"token_hash", "attempts", "last_used_at", "next_at", "shard", "ttl"}
            look.expect(set(row) <= known, "attempts that tell of whom")
    look.at("repeated requests", 0)
    for row in stores.rows("idempotency", names=["key", "created_at"]):
        with look.row("repeated requests"):
            look.ends("repeated requests", stores.period("idempotency").after(instant(row, "created_at")))


def _rows(stores: Stores) -> Iterator[Row]:
    return (row for row in stores.rows("sessions") if row["token_hash"].startswith("attempt#"))
