"""What differs between two versions, in words and as data, and what customers are told of."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from privacy.policy import Change, Document, changes, documents

pytestmark = pytest.mark.promise("policy.versions")

NEWEST = documents()[date(2026, 11, 27)]


def another(change: Callable[[Any], object]) -> Document:
    """The newest version with a change."""
    data = json.loads(json.dumps(dict(NEWEST.data)))
    change(data)
    return replace(NEWEST, data=data)


def row(data: Any, part: str, name: str) -> Any:
    (found,) = [each for each in data[part] if each["id"] == name]
    return found


def only(change: Callable[[Any], object]) -> Change:
    (found,) = changes(NEWEST, another(change))
    return found


def test_the_published_versions_differ_in_a_period_and_a_processor() -> None:
    period, processor = changes(documents()[date(2026, 11, 24)], NEWEST)
    assert (period.kind, period.id, period.before, period.after) == ("period", "campaigns", "P12M", "P6M")
    assert period.words == "The text and counts of a marketing message: 6 months instead of 12."
    assert (processor.kind, processor.id, processor.before) == ("processor", "aws", None)
    assert "Amazon Web Services" in processor.words
    assert (period.material, processor.material) == (False, True)


def test_a_version_does_not_differ_from_itself() -> None:
    assert changes(NEWEST, NEWEST) == ()


NEW_COOKIE = {"name": "_x", "party": "X", "what": "counts", "period": None, "set_by": "website", "http_only": False}
NEW_DATA = {**NEWEST.data["data"][0], "id": "mood", "title": "Moods", "purpose": "to know"}


@pytest.mark.parametrize(
    ("change", "kind", "words", "material"),
    [
        (lambda d: row(d, "retention", "visits").update(period="P6M"), "period", "6 months instead of 12.", False),
        (lambda d: row(d, "retention", "visits").update(period="P13M"), "period", "13 months instead of 12.", True),
        (
            lambda d: row(d, "retention", "visits").update(period="P40D"),
            "period",
            "40 days instead of 12 months.",
            False,
        ),
        (lambda d: row(d, "retention", "visits").update(what="a look"), "period", "a look, 12 months", False),
        (lambda d: d["retention"].append({**d["retention"][0], "id": "new"}), "period", "New: an unconfirmed", False),
        (lambda d: d["retention"].remove(row(d, "retention", "idempotency")), "period", "No longer a period", True),
        (lambda d: d["data"].append(NEW_DATA), "data", "Moods, for this: to know", True),
        (lambda d: row(d, "data", "visits").update(purpose="fun"), "data", "for this: fun", True),
        (lambda d: row(d, "data", "account")["recipients"].append("stripe"), "data", "received by Stripe", True),
        (
            lambda d: row(d, "data", "billing")["recipients"].remove("stripe"),
            "data",
            "no longer received by Stripe",
            False,
        ),
        (lambda d: d["data"].pop(), "data", "No longer a category", False),
        (
            lambda d: row(d, "processors", "paypal")["purposes"][0]["fields"].append("postal_address"),
            "processor",
            "it also receives postal address",
            True,
        ),
        (
            lambda d: row(d, "processors", "paypal")["purposes"][0]["fields"].remove("email"),
            "processor",
            "no longer receives email",
            False,
        ),
        (
            lambda d: row(d, "processors", "google-analytics")["purposes"][0].pop("anonymised"),
            "processor",
            "not anonymised any more ip address",
            True,
        ),
        (
            lambda d: row(d, "processors", "stripe")["purposes"][0].update(erasure=False),
            "processor",
            "no longer told",
            True,
        ),
        (lambda d: row(d, "processors", "stripe")["purposes"].pop(), "processor", "no longer to be told", False),
        (lambda d: row(d, "processors", "stripe").update(keeps="all"), "processor", "it collects itself: all", True),
        (
            lambda d: row(d, "processors", "stripe").update(safeguards="none"),
            "processor",
            "the safeguards changed",
            False,
        ),
        (
            lambda d: d["processors"].remove(row(d, "processors", "cloudflare")),
            "processor",
            "No longer a processor",
            False,
        ),
        (
            lambda d: row(d, "cookies", "analytics")["cookies"].append(NEW_COOKIE),
            "cookie",
            "A new cookie: _x (X)",
            True,
        ),
        (lambda d: row(d, "cookies", "analytics")["cookies"].pop(), "cookie", "No longer a cookie: _gac_*", False),
        (
            lambda d: row(d, "cookies", "preferences")["cookies"][0].update(period="billing"),
            "cookie",
            "it lives 5 years",
            False,
        ),
        (
            lambda d: row(d, "cookies", "security")["cookies"][1].update(period="billing"),
            "cookie",
            "it lives 5 years",
            True,
        ),
        (lambda d: row(d, "cookies", "analytics").update(required=True), "cookie", "They are needed now.", True),
        (lambda d: d["regions"].append({"name": "europe", "country": "Ireland"}), "region", "europe (Ireland)", True),
        (lambda d: d["regions"].pop(), "region", "No longer a Cloud Region: asia", False),
        (lambda d: d["promises"].pop(), "promise", "No longer promised", True),
        (lambda d: d["promises"][0].update(text="We try."), "promise", "reads now: We try.", True),
        (lambda d: d["promises"].append({"id": "more", "text": "More."}), "promise", "A new promise: More.", False),
        (lambda d: d["trends"].update(least_people=5), "promise", "at least 5 people instead of 10", True),
        (lambda d: d["wordings"][0].update(text="Yes."), "wording", "in other words", False),
    ],
)
def test_each_difference_is_told_in_words_and_is_material_or_not(
    change: Callable[[Any], object], kind: str, words: str, material: bool
) -> None:
    found = only(change)
    assert (found.kind, found.material) == (kind, material)
    assert words in found.words


def test_moving_a_cookie_to_another_category_is_one_material_change() -> None:
    def move(data: Any) -> None:
        row(data, "cookies", "security")["cookies"].append(row(data, "cookies", "analytics")["cookies"].pop())

    found = only(move)
    assert (found.id, found.material) == ("_gac_*", True)
    assert "its category is now Session & Security" in found.words


def test_every_field_of_a_version_that_changes_is_told() -> None:
    """Whatever string of the data is another one, something is said of it (ids aside, which make another row)."""

    def strings(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if isinstance(node, str):
            return [path]
        entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        return [found for key, entry in entries for found in strings(entry, (*path, key))]

    def changed(path: tuple[Any, ...]) -> Document:
        def change(data: Any) -> None:
            for key in path[:-1]:
                data = data[key]
            data[path[-1]] = "P99Y" if path[-1] == "period" and path[0] == "retention" else f"{data[path[-1]]} x"

        return another(change)

    whole = json.loads(json.dumps({name: part for name, part in NEWEST.data.items() if isinstance(part, list)}))
    # Where a period comes from, and what a category of cookies is called among ourselves, changes nothing for anybody.
    ours = {("retention", "source"), ("cookies", "id"), ("cookies", "processor"), ("cookies", "period")}
    for path in strings(whole):
        assert (path[0], path[-1]) in ours or changes(NEWEST, changed(path)), path
