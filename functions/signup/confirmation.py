"""The link in the mail was followed: one transaction makes the account, its session, and what else the form was for.

What does not fit into a transaction comes before it and may be repeated: the database's data key, in the region that
will host it. All ids are derived from the sign-up's, so that a repetition makes nothing twice (promise signup.trial).
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from privacy.models import disclosures
from privacy.models.accounts import Account, BillingRecord, Consent, PendingSignup
from privacy.models.databases import Database, Status, trial_name
from privacy.models.fields import mailbox
from privacy.models.ids import encode
from privacy.models.sessions import Session
from privacy.models.signups import opens_database
from privacy.tables.store import Operation, TransactionRefusedError
from privacy.vault.sealing import SealBrokenError, unseal
from privacy.vault.tokens import TokenError, new_session_token, session_hash
from signup.capture import PURPOSE
from signup.parts import Parts


class LinkError(Exception):
    """The link is forged, has expired, or what it opened is gone."""


class AddressTakenError(Exception):
    """There is an account for this address already."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a confirmation answers. `session` comes with its token only the first time."""

    account_id: str
    database: Database | None
    session: Session | None = None
    token: str | None = None


def confirm(parts: Parts, token: str, address: str | None, country: str | None = None) -> Confirmed:
    """Make an account of a sign-up, once; repeated, tell what came of it. `address` is the visitor's, sealed on the
    session; `country` decides about the region when the form came without one.

    Raises: LinkError, AddressTakenError.
    """
    now = parts.clock()
    links = parts.links()
    try:
        signup = parts.signups.get(links.subject(PURPOSE, token, now), now)
    except TokenError:
        signup = None
    if signup is None:
        raise LinkError
    if signup.account_id or signup.sealed is None:
        return _confirmed_before(parts, signup)
    try:
        content = json.loads(unseal(links.sealing_key(token), signup.sealed, signup.id))
    except SealBrokenError:
        raise LinkError from None
    content["region"] = content["region"] or parts.policy.nearest_region(country)
    return _Making(parts, signup, content, now).make(address)


def _confirmed_before(parts: Parts, signup: PendingSignup) -> Confirmed:
    database = parts.databases.get(signup.database_id) if signup.database_id else None
    return Confirmed(signup.account_id or "", database)


@dataclass(frozen=True, slots=True)
class _Making:
    """The making of an account from an opened sign-up."""

    parts: Parts
    signup: PendingSignup
    content: dict[str, Any]
    now: datetime

    def make(self, address: str | None) -> Confirmed:
        parts, form = self.parts, self.content["form"]
        account = self._account()
        token = new_session_token()
        hashed = session_hash(token)
        session = Session(hashed, account.id, self.now, self.now, parts.addresses.seal(address, hashed))
        database = self._database(account.id) if opens_database(form["kind"]) else None
        if database:
            parts.host(database.region).keyring.create(database.id, self.now)
        confirming = parts.signups.confirm_operation(self.signup, account.id, database.id if database else None)
        creating = parts.accounts.create_operations(account)
        operations: list[Operation] = [confirming, *creating, parts.sessions.create_operation(session)]
        if database:
            operations.append(parts.databases.create_operation(database))
        paying = None
        if form.get("order"):
            record = self._billing_record(account.id)
            paying = disclosures.payment(form["order"]["processor"], record.id, account.id, self.now)
            operations.append(parts.billing.create_operation(record))
            operations.append(parts.disclosures.create_operation(paying))
        try:
            parts.transact(operations)
        except TransactionRefusedError as refusal:
            return self._refused(refusal)
        if paying:  # should this get lost, the sweep (account_expiry) sends it
            parts.queues.send("disclosure", parts.settings.home_region, {"id": paying.id})
        return Confirmed(account.id, database, session, token)

    def _refused(self, refusal: TransactionRefusedError) -> Confirmed:
        """Somebody was faster: with this link, or with another one for the same address."""
        if 0 in refusal.failed:
            signup = self.parts.signups.get(self.signup.id, self.now)
            if signup is None or not signup.account_id:
                raise LinkError from None
            return _confirmed_before(self.parts, signup)
        if 2 in refusal.failed:  # the address's own item: see Accounts.create_operations
            raise AddressTakenError from None
        raise refusal

    def _account(self) -> Account:
        form = dict(self.content["form"])
        agreed = form.pop("marketing_consent")
        form.pop("order", None)
        version = self.parts.policy.version.isoformat()
        return Account(
            id=self._id("acc"),
            created_at=self.now,
            policy_version=version,
            email_tag=self.parts.pseudonyms().address(mailbox(form["email"])),
            profile=form,
            password_hash=self.content["password_hash"],
            marketing=Consent(agreed, self.now, version),
            last_contact_at=self.now,
            captcha_score=self.content["captcha_score"],
            signup_id=self.signup.id,
        )

    def _database(self, account_id: str) -> Database:
        return Database(
            id=self._id("db"),
            owner=self.parts.pseudonyms().owner(account_id),
            name=trial_name(self.content["form"].get("company")),
            region=self.content["region"],
            status=Status.ACTIVE,
            created_at=self.now,
            since=self.now,
            policy_version=self.parts.policy.version.isoformat(),
        )

    def _billing_record(self, account_id: str) -> BillingRecord:
        form = self.content["form"]
        fields = {**form["order"], "name": form["name"], "postal_address": form.get("postal_address")}
        kept = {name: value for name, value in fields.items() if value is not None}
        return BillingRecord(self._id("bil"), account_id, self.now, kept)

    def _id(self, prefix: str) -> str:
        """An id that is always the same for this sign-up, and that its reference does not tell."""
        return f"{prefix}_{encode(bytes.fromhex(self.parts.pseudonyms().of(f'id/{prefix}', self.signup.id)))}"
