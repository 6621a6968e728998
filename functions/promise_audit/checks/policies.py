"""Section 7, the policy itself: what is in force, what was agreed to, and whether what is deployed runs by it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from privacy import policy
from promise_audit.checks.security import deployed_tables, setting
from promise_audit.inventory import BUCKETS, TABLES
from promise_audit.looking import Look
from promise_audit.stores import Function, NotDeployedError, Stores

_FOLDER = Path(policy.__file__).parent

_DAY = timedelta(days=1)

_TOLD = ("STACK", "ACCOUNT", "HOME_REGION", "SITE_URL")
"""What every function is told of the deployment (Globals in template.yaml)."""


def mapping() -> Mapping[str, Any]:
    """Who keeps and who checks each promise, and for which version of the policy that was last looked at."""
    found: dict[str, Any] = json.loads((_FOLDER / "mapping.json").read_text("utf-8"))
    return found


def versions(stores: Stores, look: Look) -> None:
    """Every account and database names a version of the policy that is there, and what keeps the promises was looked
    at for the version in force.
    """
    known = {version.isoformat() for version in policy.versions()}
    look.at("versions of the policy", len(known))
    mapped = mapping()["version"]
    look.expect(mapped == stores.policy.version.isoformat(), "policies in force that nobody mapped to what keeps them")
    for path in sorted((_FOLDER / "versions").glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        look.expect(document["version"] == path.stem, "versions under another date")
    look.at("archived versions", 0)
    rows = list(stores.rows("policies"))
    _archive(stores, look, {str(row.get("version")) for row in rows})
    for row in rows:
        with look.row("archived versions", row["version"]):
            data = (_FOLDER / "versions" / f"{row['version']}.json").read_bytes()
            text = (_FOLDER / "versions" / json.loads(data)["text"]).read_bytes()
            as_published = hashlib.sha256(b"%d\n%b%b" % (len(data), data, text)).hexdigest() == row["sha256"]
            same = json.loads(row["document"]) == json.loads(data) and row["text"] == text.decode("utf-8")
            look.expect(as_published and same, "versions that are not what was published")
    for thing in ("accounts", "databases"):
        look.at(thing, 0)
        for row in stores.rows(thing, names=["id", "policy_version"]):
            if row["id"].startswith("email#"):
                continue
            with look.row(thing, row["id"]):
                named = row["policy_version"]
                right = named in known and date.fromisoformat(named) <= stores.now.date()
                look.expect(right, f"{thing} under a version of the policy that there is not", row["id"])


def _archive(stores: Stores, look: Look, there: set[str]) -> None:
    """Each version whose day has come is in the archive, once the schedule that archives them has run."""
    with look.trying("policy-publishing"):
        has_run = bool(look.ran(stores, "policy-publishing", "policies", "notices"))
        has_run = has_run or stores.logged_at("policy-publishing") is not None
        for day in policy.versions():
            if day <= stores.now.date() and day.isoformat() not in there and has_run:
                look.wrong("versions that are not in the archive")


def archived(stores: Stores, look: Look) -> Mapping[str, Any] | None:
    """The version in force as it was published and archived; None, and a doubt, while it is not. Raises:
    NotDeployedError.
    """
    row = stores.item("policies", {"archive": "policy", "version": stores.policy.version.isoformat()})
    look.at("archived registers", 1 if row else 0)
    if not row:
        look.doubt("the version in force is not in the archive")
        return None
    found: dict[str, Any] = json.loads(row["document"])
    return found


def single_source(stores: Stores, look: Look) -> None:
    """The settings that remove things by themselves are those that the periods in force ask for, and every function
    reads the same ones: those that the audit reads.
    """
    for name, region in stores.regions.items():
        with look.trying(f"functions in {name}"):
            _layers(stores, look, region)
    for name, region in stores.regions.items():
        with look.trying(f"tables in {name}"):
            for thing in deployed_tables(stores, region):
                if thing in TABLES:
                    _table(stores, look, thing, region)
        for thing in BUCKETS:
            with look.trying(f"{thing} bucket in {name}"):
                _lifecycle(stores, look, thing, region)


def _layers(stores: Stores, look: Look, region: str) -> None:
    """Every function of a region stands on one version of the layer that has the policy, and is told the same."""
    functions = stores.functions(region)
    own = {function.thing: function for function in stores.functions(stores.home)}.get("promise-audit")
    if own is None:
        raise NotDeployedError("promise-audit")
    models = {function.thing: _models(function, stores) for function in functions}
    right = models.get("promise-audit") or Counter(models.values()).most_common(1)[0][0]
    for function in functions:
        look.at("functions")
        thing = function.thing
        look.expect(bool(right) and models[thing] == right, "functions that read another register", thing)
        told = all(function.environment.get(name) == own.environment.get(name) for name in _TOLD)
        look.expect(told, "functions that are told otherwise where they are", thing)


def _models(function: Function, stores: Stores) -> str:
    return next((arn for arn in function.layers if f":layer:{stores.stack}-models:" in arn), "")


def _table(stores: Stores, look: Look, thing: str, region: str) -> None:
    client, name, kept = stores.client("dynamodb", region), stores.name(thing), TABLES[thing]
    look.at("tables")
    ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    on = ttl.get("AttributeName") if ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING") else None
    look.expect(on == kept.ttl, "tables with another time to live than they have to have", thing)
    if thing == "keys":
        return  # databases.destroyed looks at that
    found = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = found.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED"
    look.expect(recovery == kept.recovery, "tables with another point-in-time recovery than they have to have", thing)


def _lifecycle(stores: Stores, look: Look, thing: str, region: str) -> None:
    found = setting(
        stores.client("s3", region).get_bucket_lifecycle_configuration, Bucket=stores.bucket(thing, region)
    ).get("Rules", [])
    rules = [rule for rule in found if rule["Status"] == "Enabled"]
    look.at("lifecycles")
    look.expect(
        any("AbortIncompleteMultipartUpload" in rule for rule in rules), "buckets that keep broken uploads", thing
    )
    if BUCKETS[thing].versions:
        superseded = any(rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays", 99) <= 1 for rule in rules)
        markers = any(rule.get("Expiration", {}).get("ExpiredObjectDeleteMarker") for rule in rules)
        look.expect(superseded and markers, "buckets that keep superseded versions or markers", thing)
    for prefix, period in BUCKETS[thing].rules.items():
        days = [
            rule["Expiration"]["Days"]
            for rule in rules
            if _prefix(rule) == prefix and "Days" in rule.get("Expiration", {})
        ]
        ends = stores.period(period).after(stores.now) - stores.now
        latest = ends + timedelta(days=BUCKETS[thing].slack)
        # Not before the period ends, or it would take what may be read; not long after, or it is no backstop.
        right = bool(days) and ends - _DAY <= timedelta(days=min(days)) <= latest + _DAY
        look.expect(right, "lifecycles that differ from the period in force", thing)


def _prefix(rule: Mapping[str, Any]) -> str:
    return str(rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")))
