"""The one loader of the policy: every version as it was published, the one in force, and who keeps each promise.

What we publish is a version's document (`policy.documents`). `mapping.json` is ours: which functions keep each promise,
and to what category of data each stored field belongs, for which version that was last looked at.
"""

import functools
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from privacy.clock import system_clock
from privacy.policy.documents import documents
from privacy.policy.periods import Period

MAPPING = Path(__file__).with_name("mapping.json")
REGIONS = Path(__file__).with_name("regions.json")


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise of the published policy.

    `kept_by` names the functions that keep it; a promise that nothing keeps yet names none, and says so in public.
    """

    id: str
    text: str
    kept_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A Cloud Region: its name in the policy, its country, and the AWS region that carries it."""

    name: str
    country: str
    aws: str


@dataclass(frozen=True, slots=True)
class Retained:
    """How long a kind of thing is kept, in words and as a period; `source` is the promise or law it comes from."""

    id: str
    what: str
    period: Period
    source: str


@dataclass(frozen=True, slots=True)
class Category:
    """A category of data: for what, whose, from where, for how long (ids of retention periods), who receives it."""

    id: str
    title: str
    purpose: str
    owner: str
    source: str
    retention: tuple[str, ...]
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sharing:
    """What a processor receives for one purpose: these fields and no other, `anonymised` ones only in that form.

    `erasure`: whether it is to be told when the person is erased.
    """

    id: str
    what: str
    fields: frozenset[str]
    anonymised: frozenset[str]
    erasure: bool


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor: its purposes by id, the hosts that it is reached at, and how it is bound.

    `keeps` is what it collects itself, which never passes us.
    """

    id: str
    name: str
    purposes: Mapping[str, Sharing]
    keeps: str
    safeguards: str
    contract: str
    hosts: tuple[str, ...]
    privacy_policy: str


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie: `name` may end in `*`; `period` is the id of a retention period (None: as its setter says)."""

    name: str
    party: str
    what: str
    period: str | None
    set_by: str
    http_only: bool

    @property
    def called(self) -> tuple[str, ...]:
        """What browsers know it as: its name, and for one of a third party also what its maker appends to it, as in
        `_ga_<id>` and `_gat_<tracker>` (https://support.google.com/analytics/answer/11397207).
        """
        is_open = self.name.endswith("*") or self.set_by != "third-party"
        return (self.name,) if is_open else (self.name, f"{self.name}_*")

    def is_called(self, name: str) -> bool:
        """Whether this is the entry of a cookie of that name."""
        return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in self.called)


@dataclass(frozen=True, slots=True)
class CookieCategory:
    """A category of cookies, which a visitor may reject unless the website needs it."""

    id: str
    title: str
    what: str
    required: bool
    without: str
    cookies: tuple[Cookie, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of the policy, as data (promise policy.single-source)."""

    version: date
    promises: Mapping[str, Promise]
    retention: Mapping[str, Period]
    regions: Mapping[str, Region]
    default_region: str
    region_of_country: Mapping[str, str]
    wordings: Mapping[str, str]
    """What a person agreed to, by the id that is kept with the consent."""
    summary: str
    """What changed with this version, in a sentence."""
    retained: Mapping[str, Retained]
    data: Mapping[str, Category]
    processors: Mapping[str, Processor]
    cookies: Mapping[str, CookieCategory]
    least_people: int
    """The `k` of promise disclosure.aggregate."""

    def nearest_region(self, country: str | None) -> str:
        """The Cloud Region nearest to a country (ISO 3166 alpha-2), or the documented default without one
        (promise databases.region).
        """
        return self.region_of_country.get((country or "").upper(), self.default_region)

    def region_in(self, aws_region: str) -> str:
        """The Cloud Region that lies in an AWS region.

        Raises: LookupError when none does.
        """
        for region in self.regions.values():
            if region.aws == aws_region:
                return region.name
        raise LookupError("no Cloud Region lies in this AWS region")


def parse(version: Mapping[str, Any], regions: Mapping[str, Any], mapping: Mapping[str, Any]) -> Policy:
    """Build a policy from its documents.

    Raises: KeyError, PeriodError or ValueError when a document is wrong; it is ours, so that is a defect of a release.
    """
    kept_by = {row["id"]: tuple(row["kept_by"]) for row in mapping["promises"]}
    places = {row["name"]: Region(row["name"], row["country"], row["aws"]) for row in regions["regions"]}
    if [(row["name"], row["country"]) for row in version["regions"]] != [(r.name, r.country) for r in places.values()]:
        raise ValueError("the policy names other Cloud Regions than those that exist")
    countries = {country: row["name"] for row in regions["regions"] for country in row["nearest_to"].split()}
    retained = {
        row["id"]: Retained(row["id"], row["what"], Period.parse(row["period"]), row["source"])
        for row in version["retention"]
    }
    return Policy(
        version=date.fromisoformat(version["version"]),
        summary=version["summary"],
        promises=_by_id(Promise(row["id"], row["text"], kept_by.get(row["id"], ())) for row in version["promises"]),
        retention=MappingProxyType({row.id: row.period for row in retained.values()}),
        retained=MappingProxyType(retained),
        data=_by_id(
            Category(**{**row, "retention": tuple(row["retention"]), "recipients": tuple(row["recipients"])})
            for row in version["data"]
        ),
        processors=_by_id(_processor(row) for row in version["processors"]),
        cookies=_by_id(_cookies(row) for row in version["cookies"]),
        least_people=int(version["trends"]["least_people"]),
        regions=MappingProxyType(places),
        default_region=str(regions["default"]),
        region_of_country=MappingProxyType(countries),
        wordings=MappingProxyType({row["id"]: row["text"] for row in version["wordings"]}),
    )


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_Row = TypeVar("_Row", bound=_Named)
_Built = TypeVar("_Built")


def _by_id(rows: Iterable[_Row]) -> Mapping[str, _Row]:
    return MappingProxyType({row.id: row for row in rows})


def _processor(row: Mapping[str, Any]) -> Processor:
    purposes = _by_id(
        Sharing(
            each["id"], each["what"], frozenset(each["fields"]), frozenset(each.get("anonymised", ())), each["erasure"]
        )
        for each in row["purposes"]
    )
    return Processor(**{**row, "purposes": purposes, "hosts": tuple(row["hosts"])})


def _cookies(row: Mapping[str, Any]) -> CookieCategory:
    return CookieCategory(
        row["id"], row["title"], row["what"], row["required"], row["without"],
        tuple(Cookie(**cookie) for cookie in row["cookies"]),
    )  # fmt: skip


@functools.cache
def versions() -> Mapping[date, Policy]:
    """Every version, the oldest first, also one whose day has not come."""
    regions, mapping = json.loads(REGIONS.read_text("utf-8")), json.loads(MAPPING.read_text("utf-8"))
    return MappingProxyType({day: parse(each.data, regions, mapping) for day, each in documents().items()})


def day_in_force(days: Collection[date], on: date) -> date:
    """The day of the version in force on a day (UTC): the latest that has come; before the first, the first."""
    return max((day for day in days if day <= on), default=min(days))


def in_force(on: date) -> Policy:
    """The version in force on a day (UTC)."""
    return versions()[day_in_force(versions(), on)]


def load() -> Policy:
    """The version in force now."""
    return in_force(system_clock().date())


def under_policy_in_force(build: Callable[[], _Built]) -> Callable[[], _Built]:
    """What a container builds once, and anew when another version takes effect: one that lives past midnight works
    under the new figures from the first second (promise policy.versions).
    """
    built = functools.cache(lambda _version: build())
    return lambda: built(load().version)
