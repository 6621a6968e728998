"""The holdings of the home region's tables, in the order in which an erasure empties them: the account itself last."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from privacy.clock import rfc3339
from privacy.hosting import Host
from privacy.hosting.transfers import EXPORTS
from privacy.models.accounts import LAWFUL_FIELDS
from privacy.models.erasures import ErasureStatus
from privacy.models.jobs import JobStatus
from privacy.policy import Policy
from privacy.removal.certificate import VERSIONS
from privacy.removal.stores import Objects
from privacy.subjects.holding import HOSTING, MAILING, Holding, Item, Kept, Thing, corrected
from privacy.subjects.person import Person
from privacy.tables.accounts import Accounts
from privacy.tables.attempts import Attempts
from privacy.tables.billing import Billing
from privacy.tables.changes import Changes
from privacy.tables.databases import Databases
from privacy.tables.disclosures import Disclosures
from privacy.tables.enquiries import Enquiries
from privacy.tables.erasures import Erasures
from privacy.tables.jobs import Jobs
from privacy.tables.sessions import Sessions
from privacy.tables.signups import Signups

_SIGNING_IN = "you kept your databases, and sign in until the last of them is destroyed"
_OF_A_FORM = ("name", "company", "phone", "sector", "interest")
_PAYMENT = {"paypal": "PayPal (took the payment)", "stripe": "Stripe (took the payment)"}


@dataclass(frozen=True, slots=True)
class OfSignups(Holding):
    """The receipt that a confirmed sign-up leaves."""

    signups: Signups
    policy: Policy
    category = "sign-up"
    store = "signups"
    purpose = "to say the same to who follows the confirmation link again"
    origin = "the sign-up form"
    holds = "the receipt of the confirmed sign-up"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The receipt, while it lasts."""
        signup = self.signups.get(person.signup_id, now) if person.signup_id else None
        if signup is not None:
            data = {"reference": signup.id, "created_at": rfc3339(signup.created_at), "database_id": signup.database_id}
            yield Item(signup.id, data, self.policy.retention["signups.pending"].after(signup.created_at))

    def left(self, person: Person) -> Sequence[Thing]:
        """The receipt, be it over."""
        found = self.signups.table.get({"id": person.signup_id}) if person.signup_id else None
        return [(found["id"],)] if found else []

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Remove the receipt."""
        for (signup_id,) in things:
            self.signups.forget(signup_id)


@dataclass(frozen=True, slots=True)
class OfChanges(Holding):
    """A new address that waits for its link."""

    changes: Changes
    category = "address-change"
    store = "signups"
    purpose = "to confirm a new e-mail address before it is used"
    origin = "you, in the control panel"
    holds = "a new address that waits, sealed, for its link"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """That a new address waits; it is sealed, and opens only with the link in the mail."""
        change = self.changes.get(person.change_id, now) if person.change_id else None
        if change is not None:
            data = {"created_at": rfc3339(change.created_at), "new_address": "sealed until its link is followed"}
            yield Item(change.id, data, change.expires_at, (HOSTING, MAILING))

    def left(self, person: Person) -> Sequence[Thing]:
        """The change, be it over."""
        found = self.changes.table.get({"id": person.change_id}) if person.change_id else None
        return [(found["id"],)] if found else []

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Remove it."""
        for (change_id,) in things:
            self.changes.discard(change_id)


@dataclass(frozen=True, slots=True)
class OfAttempts(Holding):
    """Wrong passwords, and resets asked for, that are counted for an address."""

    attempts: Attempts
    policy: Policy
    category = "sign-in-attempts"
    store = "sessions"
    purpose = "to slow down who guesses passwords (security)"
    origin = "who tried to sign in with your address"
    holds = "counts of attempts at signing in"
    stays = "it slows down who guesses your password, as long as you sign in"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The counts."""
        for kind, tag in zip(("wrong passwords", "resets asked for"), person.attempts, strict=True):
            found = self.attempts.get(tag, now)
            if found is not None:
                data = {"what": kind, "count": found[0], "latest_at": rfc3339(found[1])}
                yield Item(kind, data, self.policy.retention["sessions.attempts"].after(found[1]))

    def left(self, person: Person) -> Sequence[Thing]:
        """Those that lie there, be they over."""
        return [(tag,) for tag in person.attempts if self.attempts.table.get({"token_hash": f"attempt#{tag}"})]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Remove them."""
        for (tag,) in things:
            self.attempts.forget(tag)


@dataclass(frozen=True, slots=True)
class OfEnquiries(Holding):
    """Contact forms that came with the person's address."""

    enquiries: Enquiries
    category = "enquiries"
    store = "enquiries"
    purpose = "to answer what was asked"
    origin = "the contact form, with your address"
    holds = "enquiries from the person's address"
    stays = "you asked it after your erasure was approved, and it is answered"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The enquiries."""
        for enquiry in self.enquiries.of_address(person.email_tag):
            if enquiry.expires_at > now:
                data = {"reference": enquiry.reference, "created_at": rfc3339(enquiry.created_at), **enquiry.fields}
                place = f"{rfc3339(enquiry.created_at)} {enquiry.reference}"
                yield Item(place, data, enquiry.expires_at, (HOSTING, MAILING))

    def left(self, person: Person) -> Sequence[Thing]:
        """All of them."""
        return [(enquiry.reference,) for enquiry in self.enquiries.of_address(person.email_tag)]

    def left_at_once(self, person: Person, decided_at: datetime) -> Sequence[Thing]:
        """Those that were asked before."""
        found = self.enquiries.of_address(person.email_tag)
        return [(enquiry.reference,) for enquiry in found if enquiry.created_at <= decided_at]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Remove them."""
        self.enquiries.table.delete_all({"reference": reference} for (reference,) in things)

    def correct(self, person: Person, old: Mapping[str, Any], new: Mapping[str, Any], email_tag: str) -> None:
        """What equals the old profile becomes the new one; the address always does. A message stays as it was typed."""
        for enquiry in self.enquiries.of_address(person.email_tag):
            fields = corrected(enquiry.fields, old, new, _OF_A_FORM) | {"email": new["email"]}
            if fields != enquiry.fields or email_tag != enquiry.email_tag:
                self.enquiries.correct(enquiry.reference, fields, email_tag)


@dataclass(frozen=True, slots=True)
class OfBilling(Holding):
    """Orders, of which a law makes us keep a record."""

    billing: Billing
    policy: Policy
    category = "billing"
    store = "billing"
    purpose = "invoices and taxes, as the law requires"
    origin = "the order of a subscription"
    holds = "billing records: the law's fields are kept, and the way from the person to them is gone"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The records."""
        for record in self.billing.of_account(person.account_id, now):
            data = {"id": record.id, "recorded_at": rfc3339(record.recorded_at), **record.fields}
            paid = _PAYMENT.get(str(record.fields.get("processor")))
            place = f"{rfc3339(record.recorded_at)} {record.id}"
            ends = self.policy.retention["billing"].after(record.recorded_at)
            yield Item(place, data, ends, (HOSTING, paid) if paid else (HOSTING,))

    def left(self, person: Person) -> Sequence[Thing]:
        """Those that tell whose they are."""
        return [(record.id,) for record in self.billing.of_account(person.account_id)]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Shrink them to what the law wants."""
        for (record_id,) in things:
            self.billing.shrink(record_id)

    def correct(self, person: Person, old: Mapping[str, Any], new: Mapping[str, Any], email_tag: str) -> None:
        """The name and the postal address, where they are the old ones."""
        for record in self.billing.of_account(person.account_id):
            fields = corrected(record.fields, old, new, ("name", "postal_address"))
            if fields != record.fields:
                self.billing.correct(record, fields)

    def kept(self, person: Person, now: datetime) -> list[Kept]:
        """The records, until their date."""
        records = list(self.billing.of_account(person.account_id, now))
        if not records:
            return []
        until = max(self.policy.retention["billing"].after(record.recorded_at) for record in records)
        why = "the law requires us to keep billing and tax records; nobody may use them for anything else"
        return [Kept(self.category, len(records), [*LAWFUL_FIELDS, "recorded_at"], why, until)]


@dataclass(frozen=True, slots=True)
class OfDisclosures(Holding):
    """What processors received of the person, by field names."""

    disclosures: Disclosures
    policy: Policy
    category = "disclosures"
    store = "disclosures"
    purpose = "to tell you, and to prove, what processors received"
    origin = "us, when it was sent"
    holds = "disclosures: what was sent to whom is kept by field names, without whose it was"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The disclosures."""
        for one in self.disclosures.of_account(person.account_id, now):
            data = {
                "id": one.id,
                "processor": one.processor,
                "purpose": one.purpose,
                "fields": list(one.fields),
                "record": one.record,
                "status": one.status.value,
                "created_at": rfc3339(one.created_at),
                "delivered_at": rfc3339(one.delivered_at) if one.delivered_at else None,
            }
            ends = self.policy.retention["disclosures"].after(one.created_at)
            yield Item(f"{rfc3339(one.created_at)} {one.id}", data, ends)

    def left(self, person: Person) -> Sequence[Thing]:
        """Those that tell whose they are."""
        return [(one.id,) for one in self.disclosures.of_account(person.account_id)]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Take out whose they were."""
        for (disclosure_id,) in things:
            self.disclosures.forget_person(disclosure_id)


@dataclass(frozen=True, slots=True)
class OfExports(Holding):
    """Exports of the person's own data."""

    jobs: Jobs
    policy: Policy
    category = "data-exports"
    store = "jobs"
    purpose = "to give you a copy of your data"
    origin = "you, in the control panel"
    holds = "exports of the person's data, as the control panel knew them"
    stays = "you asked for it after your erasure was approved, and may take it out"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The exports; the file of one is gone at its end."""
        for job in self.jobs.of_database(person.account_id):
            ends = job.file_expires_at(self.policy) if job.status is JobStatus.READY else None
            data = {"export_id": job.id, "created_at": rfc3339(job.created_at), "status": job.status.value}
            if ends is None or ends > now:
                yield Item(f"{rfc3339(job.created_at)} {job.id}", data, ends)

    def left(self, person: Person) -> Sequence[Thing]:
        """All of them."""
        return [(job.id,) for job in self.jobs.of_database(person.account_id)]

    def left_at_once(self, person: Person, decided_at: datetime) -> Sequence[Thing]:
        """Those that were asked for before: they hold what is gone."""
        return [(job.id,) for job in self.jobs.of_database(person.account_id) if job.created_at <= decided_at]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Remove their items; a worker that is under way can end none of them any more."""
        self.jobs.table.delete_all({"database_id": person.account_id, "id": job_id} for (job_id,) in things)


@dataclass(frozen=True, slots=True)
class OfExportFiles(Holding):
    """The files of those exports."""

    host: Host
    jobs: Jobs
    category = "data-export-files"
    store = "transfer"
    purpose = OfExports.purpose
    origin = OfExports.origin
    holds = f"the files of those exports: {VERSIONS}"
    stays = OfExports.stays

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """Nothing that their exports do not tell."""
        yield from ()

    def left(self, person: Person) -> Sequence[Thing]:
        """Every object, and unfinished upload, under the person's prefix."""
        return self._objects(person).left()

    def left_at_once(self, person: Person, decided_at: datetime) -> Sequence[Thing]:
        """All but those of exports that were asked for since. Listed first: a file has its export before."""
        found, account_id = self.left(person), person.account_id
        since = [job.id for job in self.jobs.of_database(account_id) if job.created_at > decided_at]
        staying = tuple(f"{EXPORTS}{account_id}/{export_id}" for export_id in since)
        return [thing for thing in found if not thing[1].startswith(staying)]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Remove them."""
        self._objects(person).remove(things)

    def _objects(self, person: Person) -> Objects:
        prefix = f"{EXPORTS}{person.account_id}/"
        return Objects("exports", "0", self.host.region, self.host.s3, self.host.transfer_bucket, (prefix,))


@dataclass(frozen=True, slots=True)
class OfErasures(Holding):
    """What the person asked the HelpDesk to erase, and what was decided."""

    erasures: Erasures
    policy: Policy
    category = "erasure-requests"
    store = "erasures"
    purpose = "to answer your request, and to prove that we did"
    origin = "you, in the control panel"
    holds = "the person's requests: that they were made and decided is kept, without whose they were"
    stays = "it is what your erasure goes by"

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The requests."""
        for erasure in self.erasures.of_account(person.account_id):
            data = {
                "request_id": erasure.id,
                "created_at": rfc3339(erasure.created_at),
                "status": erasure.status.value,
                "databases": erasure.databases.value,
                "message": erasure.message,
            }
            ends = self.policy.retention["erasures.kept"].after(erasure.created_at)
            yield Item(f"{rfc3339(erasure.created_at)} {erasure.id}", data, ends)

    def left(self, person: Person) -> Sequence[Thing]:
        """Those that were decided and tell whose they are; the one that is being carried out ends by itself."""
        found = self.erasures.of_account(person.account_id)
        return [(erasure.id,) for erasure in found if erasure.status is not ErasureStatus.APPROVED]

    def left_at_once(self, person: Person, decided_at: datetime) -> Sequence[Thing]:
        """All of those: the one that is being carried out is not among them."""
        return self.left(person)

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Take out whose they were, and what was typed."""
        for (erasure_id,) in things:
            self.erasures.forget_person(erasure_id)


@dataclass(frozen=True, slots=True)
class OfSessions(Holding):
    """The sessions of the person's browsers."""

    sessions: Sessions
    policy: Policy
    category = "sessions"
    store = "sessions"
    purpose = "to keep you signed in"
    origin = "your browser, when you signed in"
    holds = "sessions, each with the sealed address of its sign-in"
    stays = _SIGNING_IN

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The living sessions. Nobody but the correlation function can open the address of a sign-in, and it only on a
        legal ground.
        """
        for session in self.sessions.of_account(person.account_id):
            if not session.is_expired(self.policy, now):
                data = {
                    "created_at": rfc3339(session.created_at),
                    "last_used_at": rfc3339(session.last_used_at),
                    "ip_address": "sealed" if session.sealed_address else None,
                }
                place = f"{rfc3339(session.created_at)} {session.token_hash[:16]}"
                yield Item(place, data, session.expires_at(self.policy))

    def left(self, person: Person) -> Sequence[Thing]:
        """All of them."""
        return [(session.token_hash,) for session in self.sessions.of_account(person.account_id)]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """End them."""
        for (token_hash,) in things:
            self.sessions.end(token_hash)


@dataclass(frozen=True, slots=True)
class OfAccounts(Holding):
    """The account: what the person gave of themself, and their choice about marketing."""

    accounts: Accounts
    databases: Databases
    policy: Policy
    category = "account"
    store = "accounts"
    purpose = "the contract with you: your account, and what you ordered"
    origin = "the sign-up form, and you in the control panel"
    holds = "the account with its profile, password hash and consent, and the keyed pseudonym of its address"
    stays = _SIGNING_IN

    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """The account, and the consent."""
        account = self.accounts.get(person.account_id)
        if account is None:
            return
        data = {
            **account.profile,
            "account_id": account.id,
            "created_at": rfc3339(account.created_at),
            "policy_version": account.policy_version,
            "last_contact_at": rfc3339(account.last_contact_at),
            "password": "stored as a hash" if account.password_hash else "none",
            "captcha_score": account.captcha_score,
        }
        if account.told_of_version is not None:
            data["told_of_policy_version"] = account.told_of_version
        in_use = any(True for _ in self.databases.living(person.owner))
        period = self.policy.retention["accounts.leads" if account.is_lead else "accounts.unused"]
        yield Item("account", data, None if in_use else period.after(account.last_contact_at), (HOSTING, MAILING))
        choice = account.marketing
        consent = {
            "marketing": choice.agreed,
            "since": rfc3339(choice.at),
            "policy_version": choice.policy_version,
            "wording": self.policy.wordings.get(choice.wording),
        }
        ends = self.policy.retention["accounts.marketing"].after(account.last_contact_at) if choice.agreed else None
        yield Item("marketing", consent, ends, (HOSTING, MAILING))

    def left(self, person: Person) -> Sequence[Thing]:
        """The account's item, and that of its address."""
        rows = [{"id": person.account_id}, {"id": f"email#{person.email_tag}"}]
        found = [(row["id"], self.accounts.table.get(row)) for row in rows]
        return [
            (key,) for key, item in found if item and item.get("account_id", person.account_id) == person.account_id
        ]

    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Remove them: the way to the account first."""
        for (key,) in sorted(things, key=lambda thing: not thing[0].startswith("email#")):
            self.accounts.table.delete({"id": key})
