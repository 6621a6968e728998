"""The accounts table: confirmed people, and beside each the tag of its address, which makes the address unique.

Key `id`: `acc_…` for an account, `email#<tag>` for the address that leads to it. The tag is a keyed pseudonym, so no
key holds an address.
"""

from dataclasses import dataclass

from boto3.dynamodb.conditions import Attr

from privacy.models.accounts import Account
from privacy.tables.store import Item, Operation, Table, epoch, instant


@dataclass(frozen=True, slots=True)
class Accounts:
    """Typed access to the accounts table."""

    table: Table

    def create_operations(self, account: Account) -> list[Operation]:
        """The two writes that create an account; refused when its id or its address has one."""
        item: Item = {
            "id": account.id,
            "created_at": epoch(account.created_at),
            "policy_version": account.policy_version,
            "email_tag": account.email_tag,
            "profile": account.profile,
            "password_hash": account.password_hash,
            "marketing_consent": account.marketing_consent,
            "captcha_score": account.captcha_score,
        }
        address = {"id": f"email#{account.email_tag}", "account_id": account.id}
        return [self.table.put_operation(row, Attr("id").not_exists()) for row in (item, address)]

    def get(self, account_id: str) -> Account | None:
        """An account by id, read consistently."""
        item = self.table.get({"id": account_id})
        if item is None:
            return None
        return Account(
            id=item["id"],
            created_at=instant(item["created_at"]),
            policy_version=item["policy_version"],
            email_tag=item["email_tag"],
            profile=item["profile"],
            password_hash=item.get("password_hash"),
            marketing_consent=item["marketing_consent"],
            captcha_score=item.get("captcha_score"),
        )

    def with_address(self, email_tag: str) -> Account | None:
        """The account that an address (by its tag) leads to. It takes two reads also when there is none, so that the
        time does not tell.
        """
        item = self.table.get({"id": f"email#{email_tag}"})
        account = self.get(item["account_id"] if item else "acc_of_nobody")
        return account if item else None
