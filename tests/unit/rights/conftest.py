"""A person with everything that the system can hold about them, and all functions that their rights need."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import account.app
import account.parts
import account_expiry.app
import account_expiry.parts
import account_export.app
import account_export.parts
import databases.app
import databases.parts
import erasure.app
import erasure.parts
import erasures.app
import erasures.parts
import mail.app
import mail.parts
import marketing.app
import marketing.parts
import sessions.app
import sessions.parts
import signup.app
import signup.parts
from erasure.post import Post as LastPost
from mail.post import Post
from privacy.models.campaigns import Campaign, Outcome
from privacy.models.databases import Database, Status
from privacy.models.ids import new_id
from privacy.settings import Deployment, load
from privacy.tables.campaigns import Campaigns
from privacy.web.staff import StaffSettings
from tests.unit.customers import Customer, database
from tests.unit.engine import (
    SITE,
    Answer,
    Context,
    SetClock,
    environment,
    failures,
    http,
    items,
    messages,
    schedule_event,
    sqs_event,
    table,
)
from tests.unit.people import CANARIES, PASSWORD, confirmed, signed_up
from tests.unit.staff import Issuer, call

TICKS = 3
"""What an erasure takes at most from the first message to its end, if nobody stands in its way."""


@dataclass
class Ses:
    """Stands for SES: keeps what it is given, or is down."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    broken: int = 0

    def send_email(self, **mail: Any) -> dict[str, str]:
        if self.broken:
            self.broken -= 1
            raise OSError("canary-mailbox-oxbow@example.org cannot be reached")
        self.sent.append(mail)
        return {"MessageId": "1"}

    def to(self, address: str) -> list[str]:
        return [
            mail["Content"]["Simple"]["Body"]["Text"]["Data"]
            for mail in self.sent
            if mail["Destination"]["ToAddresses"] == [address]
        ]

    def token(self, address: str, page: str = "confirm") -> str:
        """The token of the latest link to somebody."""
        found = [
            link
            for text in self.to(address)
            for link in re.findall(rf"^{SITE}/{page}#token=(\S+)$", text, re.MULTILINE)
        ]
        return str(found[-1])


@dataclass
class World:
    """The functions over one deployment, and its queues, carried by hand."""

    clock: SetClock
    ses: Ses
    issuer: Issuer
    website: Any
    website_parts: signup.parts.Parts
    panel: Any
    panel_parts: account.parts.Parts
    door: Any
    control: Any
    choices: Any
    desk: Any
    worker: Any
    exporter: Any
    mailer: Any
    expiry: Any

    def deliver(self) -> None:
        """Carry messages until none waits: mails, exports, erasures; a deletion ends at once. What was sent with a
        delay waits for real time here, so ticks take its place.
        """
        ticks = 0
        while True:
            moved = False
            for queue, handler in (
                ("mail", self.mailer),
                ("account-export", self.exporter),
                ("erasure", self.worker),
            ):
                for body in messages(queue):
                    moved = True
                    assert failures(handler(sqs_event([body], queue), Context())) == []
            if self.destroy() or moved:
                continue
            under_way = any(row.get("open_shard") in ("approved", "erased") for row in items("erasures"))
            if not under_way or ticks == TICKS:
                return
            ticks += 1
            self.pass_time(ticks)

    def pass_time(self, ticks: int) -> None:
        """To the next tick, and that: two within minutes, as the worker looks again; with the third the hour is over in
        which processors, to whom nobody carries anything here, are waited for.
        """
        self.clock.advance(seconds=121 if ticks < TICKS else 3600)
        self.tick()

    def destroy(self) -> bool:
        """What the deletion's workers, and the sweep that wakes them, make of the databases that are given up."""
        messages("deletion")
        given_up = [row["id"] for row in items("databases") if row["status"] == Status.DELETING]
        for database_id in given_up:
            found = self.databases.get(database_id)
            assert found is not None
            self.databases.change(found, Status.DESTROYED, self.clock())
        return bool(given_up)

    @property
    def databases(self) -> Any:
        """The control table of databases."""
        return self.website_parts.databases

    def tick(self) -> Any:
        """A tick of the schedule of accounts."""
        return self.expiry(schedule_event(self.clock()), Context())

    def staff(self, method: str, path: str, **request: Any) -> Answer:
        """A call of the HelpDesk's."""
        return call(self.desk, self.issuer.token("helpdesk", now=self.clock()), method, path, **request)

    def subscriber(self, **changes: Any) -> Customer:
        """Somebody who subscribed, signed in at the panel."""
        answer = confirmed(self.website, self.website_parts, "subscription", **changes)
        account_id = answer.json()["account_id"]
        owner = self.website_parts.pseudonyms().owner(account_id)
        return Customer(self.panel, str(answer.cookie), account_id, owner)

    def whole(self) -> tuple[Customer, Database]:
        """Somebody with one of everything: account, order, enquiry, wrong passwords, database, sessions, a new address
        that waits, a marketing message, an export.
        """
        person = self.subscriber()
        signed_up(self.website, "contact")
        made = database(self.website_parts, person.owner, name=CANARIES["company"])
        for _ in range(2):
            http(self.door, "POST", "/sessions", body={"email": CANARIES["email"], "password": "not this one"})
        person.send("PATCH", "/account", body={"email": "canary-new-oxbow@example.org"})
        self.campaign({person: Outcome.SENT})
        person.post("/account/data/exports")
        self.deliver()
        return person, made

    def campaign(self, outcomes: Mapping[Customer, Outcome], subject: str = "A new report") -> Campaign:
        """A marketing message of this moment, and what became of it for some people."""
        campaign = Campaign(new_id("cam"), self.clock(), subject, "It shows what moves slowly.", "all")
        self.campaigns.create(campaign)
        for person, outcome in outcomes.items():
            recipient = self.website_parts.pseudonyms().recipient(campaign.id, person.account_id)
            self.campaigns.queue(campaign, recipient)
            self.campaigns.settle(campaign.id, recipient, Outcome.QUEUED, outcome)
        return campaign

    @property
    def campaigns(self) -> Campaigns:
        """The table of campaigns."""
        return Campaigns(table("campaigns"), self.panel_parts.policy)

    def sign_in(self, email: str = CANARIES["email"], password: str = PASSWORD) -> Answer:
        """Sign in at the door."""
        return http(self.door, "POST", "/sessions", body={"email": email, "password": password})

    def subscriber_again(self, person: Customer) -> Customer:
        """The same person, signed in anew."""
        return replace(person, token=str(self.sign_in().cookie))

    def approved(self, person: Customer, databases: str = "delete-now") -> str:
        """Ask for an erasure and have it approved; the request's id."""
        asked = person.post("/account/erasure", body={"databases": databases, "message": "Canary Wish Oxbow"})
        assert asked.status == 202, asked.body
        request_id = str(asked.json()["request_id"])
        decided = self.staff(
            "POST", f"/helpdesk/erasures/{request_id}/decision", body={"decision": "approve", "reason": "as asked"}
        )
        assert decided.status == 200, decided.body
        return request_id


@pytest.fixture
def world(stores: None, clock: SetClock) -> World:
    ses, issuer = Ses(), Issuer()
    at_home = load(Deployment, environment("AccountExpiryFunction"))
    website = signup.parts.assemble(
        load(signup.parts.SignupSettings, environment("SignupFunction", CaptchaVerifier="local")), clock
    )
    panel = account.parts.assemble(load(account.parts.AccountSettings, environment("AccountFunction")), clock)
    door = sessions.parts.assemble(load(sessions.parts.SessionsSettings, environment("SessionsFunction")), clock)
    desk = erasures.parts.assemble(load(StaffSettings, issuer.environment("ErasuresFunction")), clock)
    worker = erasure.parts.assemble(load(erasure.parts.ErasureSettings, environment("ErasureFunction")), clock)
    worker = replace(worker, post=LastPost(replace(worker.post.letters, ses=ses)))
    mailer = mail.parts.assemble(load(mail.parts.MailSettings, environment("MailFunction")), clock)
    mailer = replace(mailer, post=Post(replace(mailer.post.letters, ses=ses)))
    exporter = account_export.parts.assemble(at_home, clock)
    control = databases.parts.assemble(load(databases.parts.DatabasesSettings, environment("DatabasesFunction")), clock)
    choices = marketing.parts.assemble(load(Deployment, environment("MarketingFunction")), clock)
    expiry = account_expiry.parts.assemble(at_home, clock)
    return World(
        clock=clock,
        ses=ses,
        issuer=issuer,
        website=signup.app.build(lambda: website),
        website_parts=website,
        panel=account.app.build(lambda: panel),
        panel_parts=panel,
        door=sessions.app.build(lambda: door),
        control=databases.app.build(lambda: control),
        choices=marketing.app.build(lambda: choices),
        desk=erasures.app.build(lambda: desk),
        worker=erasure.app.build(lambda: worker),
        exporter=account_export.app.build(lambda: exporter),
        mailer=mail.app.build(lambda: mailer),
        expiry=account_expiry.app.build(lambda: expiry),
    )
