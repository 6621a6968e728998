"""The accounts table: confirmed people, and beside each the tag of its address, which makes the address unique.

Key `id`: `acc_…` for an account, `email#<tag>` for the address that leads to it. The tag is a keyed pseudonym, so no
key holds an address. Index `due` (`shard`, `last_contact_at`): leads in shards of their own, for they end earlier.
Index `marketing` (`marketing_shard`, `marketing_at`), sparse: who agreed, since the last contact.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from privacy.clock import Clock
from privacy.models.accounts import SIGN_IN_FIELDS, Account, Consent
from privacy.policy import Period, Policy
from privacy.tables.expiry import Expiring, over_condition
from privacy.tables.store import READS, SHARDS, ConditionFailedError, Item, Operation, Table, epoch, instant, shard_of

CONTACT = timedelta(days=1)
"""How exactly the last contact is kept."""

_CLOSED: Item = {"closed": True, "marketing_shard": None, "marketing_at": None, "shard": None}
"""What closing an account changes: it is in no index any more."""

_UNTOUCHED = Attr("closed").not_exists() & Attr("erasing").not_exists()
"""Neither closed nor waiting for its erasure: what is written then would be undone."""

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

    def change_profile(self, account: Account, profile: dict[str, Any]) -> Account:
        """Write another profile, if the account is still as it was read. Raises: ConditionFailedError."""
        same = Attr("profile").eq(account.profile) & _UNTOUCHED
        return _account(self.table.update({"id": account.id}, {"profile": profile}, same))

    def change_address_operations(self, account: Account, email: str, email_tag: str) -> list[Operation]:
        """The three writes that give an account another address: refused when the account is no longer as it was read
        (the first), or when the new address has an account (the second).
        """
        same = Attr("profile").eq(account.profile) & _UNTOUCHED
        changes = {"profile": account.profile | {"email": email}, "email_tag": email_tag}
        new = {"id": f"email#{email_tag}", "account_id": account.id}
        changed = self.table.update_operation({"id": account.id}, changes, same)
        taken = self.table.put_operation(new, Attr("id").not_exists() | Attr("account_id").eq(account.id))
        if email_tag == account.email_tag:  # written in another way, it is the same mailbox
            return [changed, taken]
        return [changed, taken, self.table.delete_operation({"id": f"email#{account.email_tag}"})]

    def note_change(self, account: Account, change_id: str) -> None:
        """Note what new address waits for its link.

        Raises: ConditionFailedError when another one was noted since the account was read, or it is gone, closed or
        being erased.
        """
        old = account.change_id
        same = Attr("change_id").eq(old) if old else Attr("change_id").not_exists()
        alive = Attr("email_tag").exists() & _UNTOUCHED
        self.table.update({"id": account.id}, {"change_id": change_id}, same & alive)

    def note_erasure_operation(self, account: Account, erasure_id: str) -> Operation:
        """The write that notes a request to erase an account; refused when another was noted since it was read, or when
        it is gone or closed.
        """
        old = account.erasure_id
        same = Attr("erasure_id").eq(old) if old else Attr("erasure_id").not_exists()
        alive = Attr("email_tag").exists() & Attr("closed").not_exists()
        return self.table.update_operation({"id": account.id}, {"erasure_id": erasure_id}, same & alive)

    def close_operation(self, account_id: str) -> Operation:
        """The write that closes an account: from here on nobody signs in, and no marketing leaves. Repeated, the same;
        refused when it is gone.
        """
        return self.table.update_operation({"id": account_id}, _CLOSED, Attr("email_tag").exists())

    def close_unheard_operation(self, account: Account) -> Operation:
        """The write that closes an account whose person was not heard of since it was read; refused when they were, or
        when it is closed.
        """
        unheard = Attr("last_contact_at").eq(epoch(account.last_contact_at)) & Attr("closed").not_exists()
        return self.table.update_operation({"id": account.id}, _CLOSED, unheard)

    def shrink_operation(self, account: Account) -> Operation:
        """The write that keeps of a profile what signing in needs, takes it out of marketing, and lets nothing new be
        written beside it: its person waits for the end of their databases' grace period. Repeated, the same; refused
        when it is gone, or has another address than was read.
        """
        profile = {name: value for name, value in account.profile.items() if name in SIGN_IN_FIELDS}
        over = _marketing(account.id, replace(account.marketing, agreed=False), account.last_contact_at)
        changes: Item = {"profile": profile, "captcha_score": None, "erasing": True, **over}
        same = Attr("email_tag").eq(account.email_tag) & Attr("profile.email").eq(account.profile["email"])
        return self.table.update_operation({"id": account.id}, changes, same)

    def untouched_operation(self, account_id: str) -> Operation:
        """The condition, for a transaction, that an account is neither closed nor being erased: what is written beside
        it would be undone (promise rights.erase).
        """
        return self.table.check_operation({"id": account_id}, _UNTOUCHED)

    def set_password(self, account: Account, password_hash: str) -> None:
        """Give an account another password; with one, it is no lead any more.

        Raises: ConditionFailedError when it is gone or closed, or its password is no longer the one that was read.
        """
        old = account.password_hash
        same = Attr("password_hash").eq(old) if old else Attr("password_hash").not_exists()
        still = Attr("email_tag").exists() & Attr("closed").not_exists()
        changes = {"password_hash": password_hash, "shard": shard_of(account.id)}
        self.table.update({"id": account.id}, changes, same & still)

    def contacted(self, account: Account, now: datetime) -> None:
        """Note that a person was heard of: what they gave lives on from here (promise accounts.necessity). Once a day
        is enough, and an account that is gone stays gone.
        """
        if now - account.last_contact_at < CONTACT:
            return
        heard = {"last_contact_at": epoch(now)}
        if account.marketing.agreed:
            heard["marketing_at"] = epoch(now)
        index = Attr("marketing_shard").exists() if account.marketing.agreed else Attr("marketing_shard").not_exists()
        with suppress(ConditionFailedError):  # erased, or they chose otherwise at this moment: the next contact counts
            self.table.update({"id": account.id}, heard, Attr("email_tag").exists() & index)

    def choose_marketing(self, account_id: str, choice: Consent) -> None:
        """Note a choice about marketing: it counts from this write on.

        Raises: ConditionFailedError when there is no such account, when one that agrees is being erased, or when it was
        their choice already, which keeps its time.
        """
        when = Attr("email_tag").exists()
        if choice.agreed:
            asked_anew = Attr("marketing.wording").ne(choice.wording)
            when = when & _UNTOUCHED & (Attr("marketing.agreed").eq(False) | asked_anew)
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

    def created(
        self, first: datetime, end: datetime, fields: Sequence[str], policy: Policy, clock: Clock
    ) -> Iterator[list[tuple[str, dict[str, Any]]]]:
        """The accounts that were created from `first` to before `end` and are neither closed nor past their period:
        their ids, with some fields of the profile and nothing else of it. An account may come twice.
        """
        names = ("id", "created_at", "closed", *(f"profile.{field}" for field in fields))
        # Leads first: an account that stops being one meanwhile is not missed.
        for shards, period_id in ((LEAD_SHARDS, "accounts.leads"), (SHARDS, "accounts.unused")):
            period = policy.retention[period_id]
            for shard in shards:
                heard_of = Key("shard").eq(shard) & Key("last_contact_at").gte(epoch(first))
                for page in self.table.pages(heard_of, index="due", names=("id", "last_contact_at")):
                    now = clock()
                    alive = [item["id"] for item in page if not period.over(instant(item["last_contact_at"]), now)]
                    found = self.table.get_all(({"id": account_id} for account_id in alive), names=names)
                    yield [
                        (item["id"], item.get("profile", {}))
                        for item in found
                        if first <= instant(item["created_at"]) < end and not item.get("closed")
                    ]

    def agrees_operation(self, account: Account, period: Period, now: datetime) -> Operation:
        """The condition, for a transaction, that a person agrees to marketing at this very moment, at the address that
        was read, and was heard of within `period` (promise marketing.opt-out).
        """
        agrees = Attr("marketing.agreed").eq(True) & Attr("marketing_shard").exists() & Attr("closed").not_exists()
        same = Attr("email_tag").eq(account.email_tag)
        heard_of = ~over_condition("marketing_at", period, now)
        return self.table.check_operation({"id": account.id}, agrees & same & heard_of)

    def due(self, shards: tuple[str, ...], period: Period, now: datetime) -> Iterator[tuple[Account, datetime]]:
        """The accounts of some shards (`SHARDS`, or `LEAD_SHARDS`) whose last contact is longer ago than a period, each
        with when that was over; those that are in use by then are among them.
        """
        for account_id, over in Expiring(self.table, "id", "due", "last_contact_at", period, shards).due(now):
            account = self.get(account_id)
            if account is not None and not account.closed and period.over(account.last_contact_at, now):
                yield account, over

    def marketing_due(self, period: Period, now: datetime) -> Iterator[tuple[Account, datetime]]:
        """Those who agreed to marketing, and whose last contact is longer ago than a period."""
        for shard in SHARDS:
            condition = Key("marketing_shard").eq(shard) & Key("marketing_at").lte(
                epoch(period.latest_origin_over(now))
            )
            for item in self.table.query(condition, index="marketing", names=("id", "marketing_at")):
                account, origin = self.get(item["id"]), instant(item["marketing_at"])
                if account is not None and account.marketing.agreed and period.over(origin, now):
                    yield account, period.after(origin)

    def end_marketing(self, account: Account, choice: Consent, period: Period, now: datetime) -> bool:
        """Note that a consent ended with its period, unless its person was heard of in the meantime."""
        still = Attr("email_tag").exists() & over_condition("marketing_at", period, now)
        with suppress(ConditionFailedError):
            self.table.update({"id": account.id}, _marketing(account.id, choice, choice.at), still)
            return True
        return False

    def untold(self, version: str) -> Iterator[str]:
        """The accounts of a policy version before `version` that were not told of that one, or a later one; those that
        are being erased are not among them.
        """
        names = ("id", "policy_version", "told_of_version", "closed")
        for shard in (*SHARDS, *LEAD_SHARDS):
            for page in self.table.pages(Key("shard").eq(shard), index="due", names=("id",), page=READS):
                for item in self.table.get_all([{"id": row["id"]} for row in page], names=names):
                    known = max(item["policy_version"], item.get("told_of_version", ""))
                    if known < version and not item.get("closed"):
                        yield item["id"]

    def note_told(self, account_id: str, version: str) -> bool:
        """Mark an account as told of a policy version; False when it was told already, or is gone or closed."""
        untold = Attr("told_of_version").not_exists() | Attr("told_of_version").lt(version)
        alive = Attr("email_tag").exists() & Attr("closed").not_exists()
        with suppress(ConditionFailedError):
            self.table.update({"id": account_id}, {"told_of_version": version}, alive & untold)
            return True
        return False


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
        change_id=item.get("change_id"),
        erasure_id=item.get("erasure_id"),
        erasing=item.get("erasing", False),
        told_of_version=item.get("told_of_version"),
        closed=item.get("closed", False),
    )
