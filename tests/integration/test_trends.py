"""Trends on the deployed template: a month goes by, and what is told of it is about groups."""

import json
from datetime import timedelta
from typing import Any

import pytest

from local import tokens
from local.control_panel import Answer
from privacy.models.trends import Month
from tests.integration.deployed import Deployed

pytestmark = pytest.mark.promise("disclosure.aggregate")

PEOPLE = 120
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


def staff(system: Deployed, role: str = "dpo") -> Answer:
    bearer = tokens.token(system.engine.folder, role, "a-person-of-staff", system.now())
    return system.send("GET", "/helpdesk/trends", None, {"Authorization": f"Bearer {bearer}", "Accept": "*/*"})


def test_a_closed_month_is_told_in_groups_once_and_to_the_officer_alone(apart: Deployed) -> None:
    month = Month.of(apart.now()).following
    apart.travel_to(month.begins + timedelta(days=3))
    for number in range(PEOPLE):
        edge = {"CloudFront-Viewer-Address": f"198.18.7.{number}:4711", "User-Agent": FIREFOX}
        edge |= {"Content-Type": "application/json"}
        language = "de" if number < 70 else "fr" if number < 117 else "fy"
        answer = apart.send("POST", "/visits", json.dumps({"language": language}).encode(), edge)
        assert answer.status == 202
    assert apart.sweep("visit_trends")["trends"]["left"] is False
    assert month not in told(apart)

    apart.travel_to(month.ends + timedelta(hours=2))
    assert apart.sweep("visit_trends")["trends"]["removed"] == 1
    assert apart.sweep("account_trends")["trends"]["removed"] >= 1
    visits, accounts = told(apart)[month]
    languages = {cell["value"]: cell["people"] for cell in visits["tables"]["language"]}
    assert languages.keys() == {"de", "other"}  # fr went into other, so that three people are not alone in it
    assert abs(languages["de"] - 70) <= 40
    assert abs(languages["other"] - 50) <= 40
    assert accounts["of"] == "accounts"
    assert "198.18.7" not in json.dumps(apart.items("trends"), default=str)

    assert apart.sweep("visit_trends")["trends"]["removed"] == 0
    for role in ("helpdesk", "security"):
        assert staff(apart, role).status == 403


def told(system: Deployed) -> dict[Month, list[dict[str, Any]]]:
    """The reports by month, and of each its tables by name."""
    items = staff(system).json()["items"]
    return {
        Month.parse(item["month"]): [
            report | {"tables": {table["by"]: table["cells"] for table in report["tables"]}}
            for report in item["reports"]
        ]
        for item in items
    }
