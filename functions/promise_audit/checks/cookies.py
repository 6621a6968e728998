"""Section 6, cookies: the register, and choices that name nobody."""

import json
import re
from collections.abc import Iterator
from typing import Any

from promise_audit.checks.policies import archived
from promise_audit.looking import Look
from promise_audit.stores import NotDeployedError, Stores, instant

_KNOWN = frozenset({"id", "day", "preferences", "analytics", "gpc", "policy_version", "shard", "ttl"})
"""What the proof of a choice may tell."""

_DAY_SECONDS = 86_400

_SOMEBODY = re.compile(r"@|\b(acc|db|ses|sgn)_|\b\d{1,3}(\.\d{1,3}){3}\b|Mozilla/")


def cookies_choice(stores: Stores, look: Look) -> None:
    """The proof that choices were made tells nothing of who made them, and goes in time."""
    kept = stores.period("cookies.proof")
    categories = list(stores.policy.cookies.values())
    look.at("categories of cookies", len(categories))
    look.expect(
        [one.required for one in categories] == [True] + [False] * (len(categories) - 1), "categories one must take"
    )
    with look.trying():
        look.at("choices", 0)
        for row in stores.rows("choices"):
            with look.row("choices"):
                look.expect(set(row) <= _KNOWN, "choices that tell more than what was chosen")
                look.expect(
                    not any(_SOMEBODY.search(str(value)) for value in row.values()), "choices that name somebody"
                )
                look.expect(row["day"] % _DAY_SECONDS == 0, "choices that tell more of their time than the day")
                look.ends("choices", kept.after(instant(row, "day")))
    look.swept(stores, "session-expiry", "choices")


def cookies_register(stores: Stores, look: Look) -> None:
    """Every cookie is in one category, with who sets it and a period that there is; what was published says the same,
    and the API, as deployed, adds none to the answers of our functions.
    """
    names: list[str] = []
    for category in stores.policy.cookies.values():
        for cookie in category.cookies:
            with look.row("cookies"):
                names.append(cookie.name)
                look.expect(bool(cookie.what) and bool(cookie.party), "cookies that do not say what for")
                ours = cookie.set_by == "server"
                known = cookie.period in stores.policy.retention if cookie.period else not ours
                look.expect(known, "cookies of ours without a period")
    look.expect(len(names) == len(set(names)), "cookies in two categories")
    with look.trying("archive"):
        published = archived(stores, look)
        table = {
            one.id: (one.required, [tuple(getattr(cookie, name) for name in _TOLD) for cookie in one.cookies])
            for one in stores.policy.cookies.values()
        }
        same = published is None or table == {
            row["id"]: (row["required"], [tuple(cookie[name] for name in _TOLD) for cookie in row["cookies"]])
            for row in published["cookies"]
        }
        look.expect(same, "registers of cookies that differ from what was published")
    with look.trying("API"):
        for answer in _answers(stores):
            look.at("answers of the API itself")
            look.expect("set-cookie" not in json.dumps(answer).lower(), "answers of the API that set a cookie")


_TOLD = ("name", "party", "period", "set_by", "http_only")
"""What is compared of a cookie."""


def _answers(stores: Stores) -> Iterator[Any]:
    """What the API says by itself, or makes of what a function says. Raises: NotDeployedError."""
    api = stores.client("apigateway")
    pages = api.get_paginator("get_rest_apis").paginate()
    ours = [each["id"] for page in pages for each in page["items"] if each["name"] == stores.stack]
    if not ours:
        raise NotDeployedError("API")
    for api_id in ours:
        yield from (each.get("responseParameters", {}) for each in _refusals(api, api_id))
        for page in api.get_paginator("get_resources").paginate(restApiId=api_id, embed=["methods"]):
            for resource in page["items"]:
                for method in resource.get("resourceMethods", {}).values():
                    integration = method.get("methodIntegration", {})
                    yield [method.get("methodResponses", {}), integration.get("integrationResponses", {})]


def _refusals(api: Any, api_id: str) -> Iterator[Any]:
    for page in api.get_paginator("get_gateway_responses").paginate(restApiId=api_id):
        yield from page["items"]
