"""The choices table: that choices about cookies were made, and not whose (promise cookies.choice).

Key `id`, random, which is in nothing else. Index `due` (`shard`, `day`: the beginning of the day in epoch seconds;
nothing finer is stored).
"""

import secrets
from dataclasses import dataclass

from privacy.models.consent import Choice
from privacy.policy import Policy
from privacy.tables.expiry import Expiring
from privacy.tables.store import Table, epoch, shard_of


@dataclass(frozen=True, slots=True)
class Choices:
    """Typed access to the choices table."""

    table: Table
    policy: Policy

    def count(self, choice: Choice, *, gpc: bool) -> None:
        """Count a choice; `gpc` tells that the browser itself rejected analytics. A retry of the SDK writes the same
        row again.
        """
        row_id = secrets.token_hex(16)
        self.table.put(
            {
                "id": row_id,
                "day": epoch(choice.decided_at),
                "preferences": choice.preferences,
                "analytics": choice.analytics,
                "gpc": gpc,
                "policy_version": choice.version.isoformat(),
                "shard": shard_of(row_id),
                "ttl": epoch(self.policy.retention["cookies.proof"].after(choice.decided_at)),
            }
        )

    def expiring(self) -> Expiring:
        """What is due."""
        return Expiring(self.table, "id", "due", "day", self.policy.retention["cookies.proof"])
