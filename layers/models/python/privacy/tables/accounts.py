"""The accounts table: confirmed people, and beside each the tag of its address, which makes the address unique.

Key `id`: `acc_…` for an account, `email#<tag>` for the address that leads to it. The tag is a keyed pseudonym, so no
key holds an address. Index `due` (`shard`, `last_contact_at`): leads in shards of their own, for they end earlier.
Index `marketing` (`marketing_shard`, `marketing_at`), sparse: who agreed, since the last contact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.accounts import Account, Consent
from privacy.tables.store import SHARDS, Item, Operation, Table, epoch, instant, shard_of

LEAD_SHARDS = tuple(f"lead-{shard}" for shard in SHARDS)


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
            "captcha_score": account.captcha_score,
            "signup_id": account.signup_id,
            "last_contact_at": epoch(account.last_contact_at),
            "shard": _shard(account),
            **_marketing(account.id, account.marketing, account.last_contact_at),
        }
        address = {"id": f"email#{account.email_tag}", "account_id": account.id}
        return [self.table.put_operation(row, Attr("id").not_exists()) for row in (item, address)]

    def get(self, account_id: str) -> Account | None:
        """An account by id, read consistently."""
        item = self.table.get({"id": account_id})
        return _account(item) if item else None

    def with_address(self, email_tag: str) -> Account | None:
        """The account that an address (by its tag) leads to. It takes two reads also when there is none, so that the
        time does not tell.
        """
        item = self.table.get({"id": f"email#{email_tag}"})
        account = self.get(item["account_id"] if item else "acc_of_nobody")
        return account if item else None

    def choose_marketing(self, account_id: str, choice: Consent) -> None:
        """Note a choice about marketing: it counts from this write on.

        Raises: ConditionFailedError when there is no such account.
        """
        self.table.update({"id": account_id}, _marketing(account_id, choice, choice.at), Attr("email_tag").exists())

    def agreed(self, shard: str, after: str | None = None, page: int = 1000) -> Iterator[str]:
        """The ids of who agreed to marketing, of one shard (`SHARDS`); the index may be a moment behind, so consent is
        asked for again before anything is sent.
        """
        start = None
        if after and (item := self.table.get({"id": after})) and "marketing_at" in item:
            start = {"id": after, "marketing_shard": shard, "marketing_at": item["marketing_at"]}
        condition = Key("marketing_shard").eq(shard)
        for item in self.table.query(condition, index="marketing", after=start, names=("id",), page=page):
            yield item["id"]


def _shard(account: Account) -> str:
    shard = shard_of(account.id)
    return f"lead-{shard}" if account.is_lead else shard


def _marketing(account_id: str, choice: Consent, contact: datetime) -> Item:
    """The attributes of a choice; who did not agree is in no index."""
    return {
        "marketing": {
            "agreed": choice.agreed,
            "at": epoch(choice.at),
            "policy_version": choice.policy_version,
            "wording": choice.wording,
        },
        "marketing_shard": shard_of(account_id) if choice.agreed else None,
        "marketing_at": epoch(contact) if choice.agreed else None,
    }


def _account(item: Item) -> Account:
    marketing = item["marketing"]
    return Account(
        id=item["id"],
        created_at=instant(item["created_at"]),
        policy_version=item["policy_version"],
        email_tag=item["email_tag"],
        profile=item["profile"],
        password_hash=item.get("password_hash"),
        marketing=Consent(
            marketing["agreed"], instant(marketing["at"]), marketing["policy_version"], marketing["wording"]
        ),
        last_contact_at=instant(item["last_contact_at"]),
        captcha_score=item.get("captcha_score"),
        signup_id=item.get("signup_id"),
        closed=item.get("closed", False),
    )
