"""The one loader of the policy register: promises, retention periods and regions, as the functions use them."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType

from privacy.policy.periods import Period

_REGISTER = Path(__file__).with_name("register.json")
_REGIONS = Path(__file__).with_name("regions.json")


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
class Policy:
    """The policy in force, as data (promise policy.single-source)."""

    version: date
    promises: Mapping[str, Promise]
    retention: Mapping[str, Period]
    regions: Mapping[str, Region]
    default_region: str
    region_of_country: Mapping[str, str]
    wordings: Mapping[str, str]
    """What a person agreed to, by the id that is kept with the consent."""

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


def parse(register: Mapping[str, object], regions: Mapping[str, object]) -> Policy:
    """Build the policy from the two documents.

    Raises: KeyError, PeriodError or ValueError when a document is wrong; it is ours, so that is a defect of a release.
    """
    promises = {
        row["id"]: Promise(row["id"], row["text"], tuple(row["kept_by"])) for row in _rows(register, "promises")
    }
    places = {row["name"]: Region(row["name"], row["country"], row["aws"]) for row in _rows(regions, "regions")}
    countries = {country: row["name"] for row in _rows(regions, "regions") for country in row["nearest_to"].split()}
    retention = {row["id"]: Period.parse(row["period"]) for row in _rows(register, "retention")}
    return Policy(
        version=date.fromisoformat(str(register["version"])),
        promises=MappingProxyType(promises),
        retention=MappingProxyType(retention),
        regions=MappingProxyType(places),
        default_region=str(regions["default"]),
        region_of_country=MappingProxyType(countries),
        wordings=MappingProxyType({row["id"]: row["text"] for row in _rows(register, "wordings")}),
    )


def _rows(document: Mapping[str, object], name: str) -> list[dict[str, str]]:
    rows = document[name]
    if not isinstance(rows, list):
        raise ValueError("a register is a list of rows")
    return rows


@functools.cache
def load() -> Policy:
    """The policy that this release carries."""
    return parse(json.loads(_REGISTER.read_text("utf-8")), json.loads(_REGIONS.read_text("utf-8")))
