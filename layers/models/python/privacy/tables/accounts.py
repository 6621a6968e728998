"""The accounts table: confirmed people, and beside each the tag of its address, which makes the address unique.

Key `id`: `acc_…` for an account, `email#<tag>` for the address that leads to it. The tag is a keyed pseudonym, so no
key holds an address. Index `due` (`shard`, `last_contact_at`): leads in shards of their own, for they end earlier.
Index `marketing` (`marketing_shard`, `marketing_at`), sparse: who agreed, since the last contact.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.accounts import Account, Consent
from privacy.policy import Period
from privacy.tables.expiry import over_condition
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

        Raises: ConditionFailedError when there is no such account, when one that agrees is being erased, or when it was
        their choice already, which keeps its time.
        """
        when = Attr("email_tag").exists()
        if choice.agreed:
            asked_anew = Attr("marketing.wording").ne(choice.wording)
            when = when & Attr("closed").not_exists() & (Attr("marketing.agreed").eq(False) | asked_anew)
        else:
            when = when & Attr("marketing.agreed").eq(True)
        self.table.update({"id": account_id}, _marketing(account_id, choice, choice.at), when)

    def agreed(self, shard: str, after: str | None = None, page: int = 1000) -> Iterator[tuple[str, str]]:
        """The ids of who agreed to marketing, of one shard (`SHARDS`), each with its place in the list, after which a
        later call goes on, whatever became of that account. The index may be a moment behind, so consent is asked for
        again before anything is sent.
        """
        start: Item | None = None
        if after:
            contact, account_id = after.split(".")
            start = {"id": account_id, "marketing_shard": shard, "marketing_at": int(contact)}
        condition = Key("marketing_shard").eq(shard)
        names = ("id", "marketing_at")
        for item in self.table.query(condition, index="marketing", after=start, names=names, page=page):
            yield item["id"], f"{item['marketing_at']}.{item['id']}"

    def kinds(self, account_ids: Iterable[str]) -> dict[str, str]:
        """The kind of form that each account came of; those that are gone are left out."""
        keys = [{"id": account_id} for account_id in account_ids]
        return {item["id"]: item["profile"]["kind"] for item in self.table.get_all(keys, names=("id", "profile"))}

    def agrees_operation(self, account: Account, period: Period, now: datetime) -> Operation:
        """The condition, for a transaction, that a person agrees to marketing at this very moment, at the address that
        was read, and was heard of within `period` (promise marketing.opt-out).
        """
        agrees = Attr("marketing.agreed").eq(True) & Attr("marketing_shard").exists() & Attr("closed").not_exists()
        same = Attr("email_tag").eq(account.email_tag)
        heard_of = ~over_condition("marketing_at", period, now)
        return self.table.check_operation({"id": account.id}, agrees & same & heard_of)


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
