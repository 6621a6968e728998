"""What one check saw: counts in words of ours, what is wrong, what is in doubt, and how late it was. No personal data:
of what lies in the stores nothing but ids of ours gets in here.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice

from botocore.exceptions import BotoCoreError, ClientError

from promise_audit.inventory import SCHEDULES
from promise_audit.stores import NotDeployedError, OutOfTimeError, Stores

TICK = timedelta(hours=1)
"""What is due goes at the next tick of a sweep; the slowest comes every hour (template.yaml)."""

LATE = timedelta(hours=2)
"""Two ticks: what is due for longer should be gone (the alarms' threshold, docs/operations.md)."""

_NEVER = datetime.fromtimestamp(0, UTC)

EXAMPLES = 5
"""Ids that a finding names."""

_OURS = re.compile(
    r"(db|acc|crt|bak|exp|job|upl|rec|hld|cor|cam|ers|grt|red|sgn|enq|inq|bil|aud)_[a-z0-9_#]{1,80}|[a-z-]{1,40}"
)
"""What may be named in a finding: ids that tell nothing, and names of stores."""


class Status(StrEnum):
    """Whether a promise is kept; `at-risk`: nobody could look, or something is about to go wrong."""

    KEPT = "kept"
    AT_RISK = "at-risk"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found of a promise: `evidence` in words and counts, `examples` ids of ours for who repairs it.

    `lags` are how late removals were, in seconds (p50, p99, maximum), None where there are no figures of any. One that
    `is_partial` did not see all; since `whole_since` each thing was seen at least once, by several audits.
    """

    promise: str
    status: Status
    evidence: tuple[str, ...]
    examples: tuple[str, ...]
    checked: int
    violations: int
    overdue: int
    lags: tuple[int, int, int] | None
    is_partial: bool = False
    whole_since: datetime | None = None


@dataclass
class Look:
    """One check at work."""

    promise: str
    now: datetime
    seen: Counter[str] = field(default_factory=Counter)
    wrongs: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    lags: list[int] = field(default_factory=list)
    overdue: int = 0
    latest: int = 0
    """How late the latest of what still lies there is, in seconds."""
    is_partial: bool = False
    whole_since: list[datetime] = field(default_factory=list)

    def at(self, what: str, count: int = 1) -> None:
        """Note that something was looked at (also that there is none)."""
        self.seen[what] += count

    def wrong(self, what: str, example: str | None = None) -> None:
        """Note a violation."""
        self.wrongs[what] += 1
        if example and len(self.examples) < EXAMPLES and _OURS.fullmatch(example):
            self.examples.append(example)

    def doubt(self, what: str) -> None:
        """Note what could not be seen, or what may become a violation."""
        self.doubts[what] += 1

    def expect(self, holds: bool, what: str, example: str | None = None) -> None:
        """A violation unless something holds."""
        if not holds:
            self.wrong(what, example)

    def ends(self, what: str, end: datetime, example: str | None = None) -> bool:
        """Look at when something ends: whether it is due. What lies there two ticks later is a violation."""
        late = self.now - end
        if late < timedelta(0):
            return False
        self.overdue += 1
        self.latest = max(self.latest, int(late.total_seconds()))
        if late > LATE:
            self.wrong(f"{what} past their end", example)
        elif late > TICK:
            self.doubt(f"{what} past their end")
        return True

    @contextmanager
    def row(self, what: str, example: str | None = None) -> Iterator[None]:
        """Look at one row; one that is not as it has to be is a violation."""
        self.at(what)
        try:
            yield
        except (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError):
            self.wrong(f"{what} that are not as they have to be", example)

    @contextmanager
    def trying(self, where: str = "") -> Iterator[None]:
        """Look into one place; if that fails, the others are still looked into. Never kept, when it did."""
        place = f" ({where})" if where else ""
        try:
            yield
        except NotDeployedError as missing:
            self.doubt(f"nothing to look at: {missing} is not deployed{place}")
        except OutOfTimeError:
            self.is_partial = True
            self.whole_since.append(_NEVER)
            self.doubt(f"time was up before all was looked at{place}")
        except ClientError as error:
            self.doubt(f"could not look: {error.response['Error']['Code']}{place}")
        except BotoCoreError as error:
            self.doubt(f"could not look: {type(error).__name__}{place}")

    def walked(self, stores: Stores, *names: str) -> None:
        """Say which of the stores that were walked through were not looked at all in this audit."""
        for name in names:
            walk = stores.walks[name]
            if not walk.is_whole:
                self.is_partial = True
                self.whole_since.append(datetime.fromtimestamp(walk.reached.whole, UTC))
                self.doubt(f"not looked at all, the next audit goes on: {name}")

    def add(self, part: "Look") -> None:
        """Take over what was seen for this check in a walk that it shares with others."""
        self.seen.update(part.seen)
        self.wrongs.update(part.wrongs)
        self.doubts.update(part.doubts)
        self.notes += part.notes
        self.examples += part.examples[: EXAMPLES - len(self.examples)]
        self.overdue += part.overdue
        self.latest = max(self.latest, part.latest)

    def swept(self, stores: Stores, function: str, *names: str) -> None:
        """Look whether a schedule runs, and how late the removals of some of its stores were."""
        with self.trying(function):
            points = self.ran(stores, function, *names)
            self.lags += [lag for _, lag in points]
            day = self.now - timedelta(days=1)
            if any(at >= day and lag > LATE.total_seconds() for at, lag in points):
                self.doubt("stores of which something was removed late within the last day")

    def ran(self, stores: Stores, function: str, *names: str) -> list[tuple[datetime, int]]:
        """Look whether a schedule is on as deployed, often enough, and ran lately; the figures of some of its stores.

        A store without figures, beside others with, was not wholly swept. Where there are none at all, the log tells of
        a run.
        """
        self.at("schedules")
        every, deployed = SCHEDULES[function], stores.ticks(function)
        self.expect(deployed is not None, f"schedules that are off or gone: {function}", function)
        self.expect((deployed or every) <= every, f"schedules that start too seldom: {function}", function)
        self.expect(stores.may_run(function), f"functions that may not run: {function}", function)
        points: list[tuple[datetime, int]] = []
        runs: list[datetime] = []
        for name in names:
            figures = stores.lags(function.replace("-", "_"), name)
            points += figures
            runs += [max(at + TICK for at, _ in figures)] if figures else []
        known = len(runs) in (0, len(names))
        last = min(runs, default=None) or stores.logged_at(function) if known else None
        patience = max(LATE, 2 * every)
        if last is None or last < self.now - patience:
            hours = int(patience / TICK)
            self.doubt(f"schedules without a run on record for {hours} hours: {function}")
        return points

    def letters(self, stores: Stores, queue: str, region: str | None = None) -> None:
        """Look for messages that a queue gave up."""
        with self.trying(f"{queue} queue"):
            self.at("queues")
            if stores.dead_letters(queue, region):
                self.doubt(f"queues that gave up messages: {queue}")

    def finding(self) -> Finding:
        """What came of it. Who looked at nothing has nothing to say."""
        if not self.seen:
            self.doubt("nothing was looked at")
        status = Status.BROKEN if self.wrongs else Status.AT_RISK if self.doubts else Status.KEPT
        looked = ", ".join(f"{count} {what}" for what, count in self.seen.items())
        late = f"late by up to {self.latest} s" if self.latest else ""
        told = [f"looked at {looked}"] if looked else []
        told += [f"{count} {what}" for what, count in self.wrongs.items()]
        told += [
            f"in doubt: {what}" + (f" ({count} times)" if count > 1 else "") for what, count in self.doubts.items()
        ]
        told += [f"{self.overdue} due and still there, {late or 'since this second'}"] if self.overdue else []
        lags = sorted([*self.lags, self.latest] if self.latest else self.lags)
        return Finding(
            promise=self.promise,
            status=status,
            evidence=(*told, *self.notes),
            examples=tuple(self.examples),
            checked=sum(self.seen.values()),
            violations=sum(self.wrongs.values()),
            overdue=self.overdue,
            lags=(_percentile(lags, 50), _percentile(lags, 99), lags[-1]) if lags else None,
            is_partial=self.is_partial,
            whole_since=min(self.whole_since, default=None),
        )


def _percentile(ordered: list[int], percent: int) -> int:
    """The nearest-rank percentile of an ordered list that is not empty."""
    return next(islice(ordered, -(-len(ordered) * percent // 100) - 1, None))
