"""The audit's own list of stores, queues and schedules: what is deployed and not in it, nobody checks (drift)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Kept:
    """A table as it has to be deployed: its `ttl` attribute (None: it has none), point-in-time recovery, and whether
    it is in every region.
    """

    ttl: str | None = None
    recovery: bool = False
    everywhere: bool = False


TABLES: Mapping[str, Kept] = {
    "idempotency": Kept(ttl="ttl"),
    "signups": Kept(ttl="ttl"),
    "accounts": Kept(recovery=True),
    "enquiries": Kept(ttl="ttl"),
    "billing": Kept(ttl="ttl", recovery=True),
    "visits": Kept(ttl="ttl"),
    "sessions": Kept(ttl="ttl"),
    "databases": Kept(recovery=True),
    "jobs": Kept(),
    "removals": Kept(recovery=True),
    "content": Kept(recovery=True, everywhere=True),
    "deletions": Kept(ttl="expires_at", recovery=True),
    "keys": Kept(everywhere=True),
    "erasures": Kept(ttl="ttl"),
    "recordings": Kept(),
    "campaigns": Kept(ttl="ttl"),
    "access": Kept(ttl="ttl"),
    "holds": Kept(),
    "correlations": Kept(ttl="ttl"),
    "audit": Kept(recovery=True),
    "findings": Kept(ttl="ttl"),
    "disclosures": Kept(ttl="ttl"),
    "choices": Kept(ttl="ttl"),
    "trends": Kept(ttl="ttl"),
    "policies": Kept(recovery=True),
}


@dataclass(frozen=True, slots=True)
class Holder:
    """A bucket as it has to be deployed. `rules`: by prefix, the period that the lifecycle is the backstop of; it may
    last `slack` days longer at most, since the sweep is what removes in time.
    """

    versions: bool
    rules: Mapping[str, str]
    slack: int = 0


BUCKETS: Mapping[str, Holder] = {
    "content": Holder(versions=True, rules={}),
    "transfer": Holder(versions=False, rules={"exports/": "exports.file", "staging/": "uploads"}, slack=1),
    "backup": Holder(versions=True, rules={"": "backups.kept"}, slack=14),
    "recordings": Holder(versions=True, rules={"": "recordings"}, slack=4),
}

HOME_QUEUES = ("mail", "account-export", "erasure", "marketing", "disclosure")
REGION_QUEUES = ("deletion", "export", "import", "move", "backup", "restore")

_QUARTER, _HOUR, _DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)

SCHEDULES: Mapping[str, timedelta] = {
    "session-expiry": _HOUR,
    "log-purging": _HOUR,
    "database-expiry": _QUARTER,
    "account-expiry": _QUARTER,
    "audit-sealing": timedelta(minutes=5),
    "policy-publishing": _HOUR,
    "visit-trends": _DAY,
    "account-trends": _DAY,
    "promise-audit": _HOUR,
}
"""The functions that a schedule starts, and how often at least."""
