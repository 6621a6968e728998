"""The versions of the policy: their schema, what is published and may not be edited, and what they refer to."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from privacy.policy import Document, Period, documents, versions
from privacy.policy.documents import PUBLISHED, SCHEMA, VERSIONS, digest, read

DOCUMENTS = list(documents().values())


def schema() -> Draft202012Validator:
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text("utf-8")))
    return Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def plain(document: Document) -> Any:
    """A version's data, to be changed."""
    return json.loads(json.dumps(dict(document.data)))


@pytest.mark.promise("policy.single-source")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.version.isoformat())
def test_a_version_has_the_schema(document: Document) -> None:
    assert list(schema().iter_errors(plain(document))) == []


@pytest.mark.parametrize(
    "break_it",
    [
        lambda data: data.pop("retention"),
        lambda data: data["retention"][0].update(period="12 months"),
        lambda data: data["retention"][0].update(period="P"),
        lambda data: data["data"][0].pop("owner"),
        lambda data: data["data"][0].update(retention=[]),
        lambda data: data["processors"][0]["purposes"][0].update(values=["amount"]),
        lambda data: data["processors"][0].update(privacy_policy="javascript:alert(1)"),
        lambda data: data["cookies"][0]["cookies"][0].update(name="a b"),
        lambda data: data["trends"].update(least_people=1),
        lambda data: data.update(version="2026-13-01"),
    ],
)
def test_the_schema_refuses_what_is_no_version(break_it: Any) -> None:
    data = plain(DOCUMENTS[-1])
    break_it(data)
    assert list(schema().iter_errors(data)) != []


@pytest.mark.promise("policy.versions")
def test_a_published_version_has_its_hash_and_every_version_is_published() -> None:
    assert json.loads(PUBLISHED.read_text("utf-8")) == {each.version.isoformat(): each.sha256 for each in DOCUMENTS}


@pytest.mark.promise("policy.versions")
@pytest.mark.parametrize("suffix", ["json", "md"])
def test_one_letter_of_a_versions_data_or_text_is_another_hash(tmp_path: Path, suffix: str) -> None:
    for path in VERSIONS.iterdir():
        text = path.read_text("utf-8")
        changed = text.replace("a visit", "a Visit", 1) if path.suffix == f".{suffix}" else text
        assert path.suffix != f".{suffix}" or changed != text
        tmp_path.joinpath(path.name).write_text(changed, "utf-8")
    assert [each.sha256 for each in read(tmp_path).values()] != [each.sha256 for each in DOCUMENTS]


def test_what_moves_from_the_text_to_the_data_is_another_hash() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.version.isoformat())
def test_a_version_refers_to_nothing_that_it_does_not_have(document: Document) -> None:
    data = document.data
    periods, processors = ({row["id"] for row in data[name]} for name in ("retention", "processors"))
    for name in ("retention", "data", "processors", "cookies", "promises", "wordings"):
        ids = [row["id"] for row in data[name]]
        assert len(ids) == len(set(ids)), name
    for row in data["data"]:
        assert set(row["retention"]) <= periods, row["id"]
        assert set(row["recipients"]) <= processors, row["id"]
    for row in data["processors"]:
        for purpose in row["purposes"]:
            assert set(purpose.get("anonymised", ())) <= set(purpose["fields"]), row["id"]
    for row in data["cookies"]:
        assert row.get("processor") is None or row["processor"] in processors
        assert {cookie["period"] for cookie in row["cookies"]} <= periods | {None}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.version.isoformat())
def test_every_period_belongs_to_a_category_of_data(document: Document) -> None:
    named = {each for row in document.data["data"] for each in row["retention"]}
    assert {row["id"] for row in document.data["retention"]} - named == set()


def test_a_version_is_known_by_its_day() -> None:
    assert list(versions()) == sorted(versions()) == [each.version for each in DOCUMENTS]
    assert min(versions()) == date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("P12M", "12 months"), ("P1M", "1 month"), ("P21D", "21 days"), ("P5Y", "5 years"), ("PT15M", "15 minutes"),
        ("PT1H", "1 hour"), ("P1DT12H", "1 day and 12 hours"), ("P2W", "2 weeks"), ("P0Y3M", "3 months"),
    ],
)  # fmt: skip
def test_a_period_is_said_in_words(text: str, words: str) -> None:
    assert Period.parse(text).words == words


@pytest.mark.parametrize(
    ("one", "other", "longer"),
    [("P12M", "P6M", True), ("P6M", "P12M", False), ("P12M", "P1Y", False), ("P31D", "P1M", True),
     ("P30D", "P1M", True), ("P28D", "P1M", False)],
)  # fmt: skip
def test_a_period_is_longer_when_it_is_so_in_any_month(one: str, other: str, longer: bool) -> None:
    assert Period.parse(one).longer_than(Period.parse(other)) is longer
