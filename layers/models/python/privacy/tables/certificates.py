"""The deletion certificates, in the removals table (home region), and the chain that they form.

Key `subject`, `entry`: a database's is `certificate`, beside its journal. The chain's head is the one item under the
subject `certificates`: each new certificate moves it on in its own transaction, so no two can follow the same one.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from boto3.dynamodb.conditions import Attr

from privacy.tables.store import Operation, Table

_ENTRY = "certificate"
_HEAD = {"subject": "certificates", "entry": "head"}


@dataclass(frozen=True, slots=True)
class Head:
    """The latest certificate: its number in the chain (from 1), its digest, and the database that it is of."""

    sequence: int = 0
    digest: str | None = None
    subject: str | None = None

    def after(self, subject: str, document: bytes) -> "Head":
        """The head once a certificate is added to the chain."""
        return Head(self.sequence + 1, hashlib.sha256(document).hexdigest(), subject)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Typed access to the certificates."""

    table: Table

    def get(self, subject: str) -> bytes | None:
        """A database's certificate: its canonical bytes, the signature included."""
        item = self.table.get({"subject": subject, "entry": _ENTRY})
        return item["document"] if item else None

    def head(self) -> Head:
        """The chain's head, read consistently."""
        item = self.table.get(_HEAD)
        return Head(item["sequence"], item["digest"], item["latest"]) if item else Head()

    def add_operations(self, subject: str, document: bytes, head: Head) -> tuple[Operation, Operation]:
        """The writes that add a certificate after the head that it names: refused when the database has one (the
        first) or when the chain has gone on (the second).
        """
        new = head.after(subject, document)
        certificate = {"subject": subject, "entry": _ENTRY, "document": document, "follows": head.subject}
        moved = _HEAD | {"sequence": new.sequence, "digest": new.digest, "latest": subject}
        same = Attr("sequence").eq(head.sequence) if head.sequence else Attr("subject").not_exists()
        return (
            self.table.put_operation(certificate, Attr("subject").not_exists()),
            self.table.put_operation(moved, same),
        )

    def chain(self) -> Iterator[bytes]:
        """Every certificate, the latest first."""
        subject = self.head().subject
        while subject is not None:
            item = self.table.get({"subject": subject, "entry": _ENTRY})
            if item is None:
                return  # it was removed: what came before it is out of reach
            yield item["document"]
            subject = item.get("follows")
