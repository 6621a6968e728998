"""What the policy function publishes, as data and as pages: the policy, its versions and differences, the registers."""

import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
import pytest

from policy import writing
from policy.app import build
from policy.parts import Parts, assemble
from privacy.policy import Document, documents
from privacy.policy.documents import VERSIONS, read
from privacy.settings import Deployment, load
from tests.unit.engine import SetClock, environment, http, sample, send

FIRST, SECOND = date(2026, 11, 24), date(2026, 11, 27)
LATER = date(2027, 2, 1)
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
JSON = {"Accept": "application/json"}
ROUTES = ("/policy", "/policy/versions", "/policy/versions/2026-11-24", "/policy/changes", "/cookies", "/processors")


@pytest.fixture
def clock() -> SetClock:
    return SetClock(datetime(2026, 11, 27, 12, 0, tzinfo=UTC))


@pytest.fixture
def parts(clock: SetClock) -> Parts:
    return assemble(load(Deployment, environment("PolicyFunction")), clock)


@pytest.fixture
def app(parts: Parts) -> Any:
    return build(lambda: parts)


def with_versions(parts: Parts, versions: Mapping[date, Document]) -> Any:
    """The function of a release with other versions."""
    return build(lambda: replace(parts, versions=versions))


def later(tmp_path: Path, change: Callable[[Any], object]) -> Mapping[date, Document]:
    """The first two versions with one more, which its people wrote as docs/operations.md says."""
    for path in [*VERSIONS.glob("*.md"), *(VERSIONS / f"{version}.json" for version in (FIRST, SECOND))]:
        tmp_path.joinpath(path.name).write_bytes(path.read_bytes())
    data = json.loads(VERSIONS.joinpath(f"{SECOND}.json").read_text("utf-8"))
    data["version"] = LATER.isoformat()
    change(data)
    tmp_path.joinpath(f"{LATER}.json").write_text(json.dumps(data), "utf-8")
    return read(tmp_path)


class Page(HTMLParser):
    """What a page is made of; an element that is not closed, or closed twice, is an error."""

    VOID = frozenset({"meta", "br", "hr"})

    def __init__(self, raw: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(raw.decode("utf-8"))
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(app: Any, path: str) -> Page:
    answer = http(app, "GET", path, headers=BROWSER)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return Page(answer.body)


@pytest.mark.promise("policy.single-source")
def test_every_figure_cookie_processor_region_and_category_of_the_data_is_on_the_page(app: Any) -> None:
    shown = page(app, "/policy")
    text = " ".join(shown.text.split())
    told = http(app, "GET", "/policy", headers=JSON).json()
    for row in told["retention"]:
        assert [row["what"], row["in_words"]] in shown.rows, row["id"]
    for row in told["data"]:
        assert row["title"] in [cells[0] for cells in shown.rows if cells]
    for category in told["cookies"]:
        for cookie in category["cookies"]:
            assert cookie["name"] in [cells[0] for cells in shown.rows if cells]
    for row in told["processors"]:
        (cells,) = [cells for cells in shown.rows if cells[0] == row["name"]]
        for purpose in row["purposes"]:
            assert purpose["what"] in cells[1]
            assert all(field.replace("_", " ") in cells[1] for field in purpose["fields"])
    for row in told["promises"]:
        assert row["text"] in text
    for row in told["regions"]:
        assert f"{row['name']} ({row['country']})" in text
    assert "at least 10 people" in text


@pytest.mark.promise("policy.single-source")
def test_a_changed_period_is_on_the_page_and_in_the_sentences_from_its_first_second(
    parts: Parts, clock: SetClock, tmp_path: Path
) -> None:
    def shorten(data: Any) -> None:
        (row,) = [row for row in data["retention"] if row["id"] == "visits"]
        row["period"] = "P6M"

    app = with_versions(parts, later(tmp_path, shorten))
    clock.set(datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC))
    assert "keep it 12 months at most" in page(app, "/policy").text
    clock.advance(seconds=1)
    shown = page(app, "/policy")
    assert "keep it 6 months at most" in shown.text
    assert ["the summary of a visit", "6 months"] in shown.rows
    assert "Last updated: 1 February 2027" in shown.text


def test_a_figure_that_the_data_does_not_have_is_no_page(parts: Parts, tmp_path: Path) -> None:
    def forget(data: Any) -> None:
        data["retention"] = [row for row in data["retention"] if row["id"] != "visits"]

    with pytest.raises(jinja2.UndefinedError):
        writing.markdown(later(tmp_path, forget)[LATER])


def test_a_text_holds_no_figure_of_its_own() -> None:
    for document in documents().values():
        words = re.sub(r"{[{%].*?[%}]}", "", document.text)
        assert re.findall(r"\d", words) == [], document.version


@pytest.mark.promise("policy.versions")
def test_a_version_that_is_to_come_is_listed_and_readable_and_takes_effect_on_its_day(
    parts: Parts, clock: SetClock, tmp_path: Path
) -> None:
    app = with_versions(parts, later(tmp_path, lambda data: data.update(summary="More.")))

    def statuses() -> list[str]:
        return [each["status"] for each in http(app, "GET", "/policy/versions").json()["items"]]

    assert statuses() == ["upcoming", "in-force", "archived"]
    assert http(app, "GET", f"/policy/versions/{LATER}").json()["status"] == "upcoming"
    assert "has not taken effect yet" in page(app, f"/policy/versions/{LATER}").text
    assert http(app, "GET", "/policy").json()["version"] == "2026-11-27"
    clock.set(datetime(2027, 2, 1, tzinfo=UTC))
    assert statuses() == ["in-force", "archived", "archived"]
    assert http(app, "GET", "/policy").json()["version"] == "2027-02-01"
    assert http(app, "GET", "/policy/versions/2026-11-24").json()["status"] == "archived"
    assert "is archived" in page(app, "/policy/versions/2026-11-24").text


@pytest.mark.promise("policy.versions")
def test_the_differences_are_of_the_version_before_to_the_one_in_force_unless_asked_otherwise(
    app: Any, clock: SetClock
) -> None:
    told = http(app, "GET", "/policy/changes").json()
    assert (told["from"], told["to"], told["material"]) == ("2026-11-24", "2026-11-27", True)
    assert "The text and counts of a marketing message: 6 months instead of 12." in told["words"]
    assert [(change["kind"], change["id"]) for change in told["changes"]] == [
        ("period", "campaigns"),
        ("processor", "aws"),
    ]
    assert (told["changes"][0]["before"], told["changes"][0]["after"]) == ("P12M", "P6M")
    assert "-the text and counts of a marketing message | 12 months" in told["text"]
    assert "+the text and counts of a marketing message | 6 months" in told["text"]
    back = http(app, "GET", "/policy/changes?from=2026-11-27&to=2026-11-24").json()
    assert "The text and counts of a marketing message: 12 months instead of 6." in back["words"]
    first = http(app, "GET", "/policy/changes?to=2026-11-24").json()
    assert (first["from"], first["to"], first["words"], first["text"]) == ("2026-11-24", "2026-11-24", [], [])
    shown = page(app, "/policy/changes").text
    assert "6 months instead of 12." in shown
    assert "Amazon Web Services" in shown
    clock.set(datetime(2026, 11, 26, 23, 59, 59, tzinfo=UTC))
    assert http(app, "GET", "/policy/changes").json()["to"] == "2026-11-24"


@pytest.mark.promise("processors.register")
def test_the_registers_are_those_of_the_version_in_force(app: Any, clock: SetClock) -> None:
    cookies = http(app, "GET", "/cookies").json()
    assert [row["id"] for row in cookies["categories"]] == ["security", "preferences", "analytics"]
    lives = {each["name"]: each["period"] for row in cookies["categories"] for each in row["cookies"]}
    assert (lives["td_id"], lives["_ga"]) == ("P6M", None)
    assert "aws" in [row["id"] for row in http(app, "GET", "/processors").json()["processors"]]
    assert [cells[0] for cells in page(app, "/cookies").rows].count("td_id") == 1
    assert "Amazon Web Services" in page(app, "/processors").text
    clock.set(datetime(2026, 11, 26, tzinfo=UTC))
    assert http(app, "GET", "/processors").json()["policy_version"] == "2026-11-24"
    assert "Amazon Web Services" not in page(app, "/processors").text


@pytest.mark.parametrize("path", ROUTES)
def test_a_page_is_in_a_language_has_one_heading_and_its_links_lead_to_routes(app: Any, path: str) -> None:
    shown = page(app, path)
    assert shown.named("html") == [{"lang": "en"}]
    assert len(shown.named("h1")) == len(shown.named("main")) == len(shown.named("title")) == 1
    assert not {"script", "img", "link", "iframe", "form"} & {tag for tag, _ in shown.tags}
    assert all(attributes == {"scope": "col"} for attributes in shown.named("th"))
    levels = [int(tag[1]) for tag, _ in shown.tags if re.fullmatch(r"h\d", tag)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for link in shown.named("a"):
        target = str(link["href"])
        if not target.startswith("https://"):
            steps = ["", *path.split("/")[1:-1]]
            while target.startswith("../"):
                steps, target = steps[:-1], target[3:]
            assert http(app, "GET", "/".join([*steps, target]), headers=BROWSER).status == 200


@pytest.mark.parametrize("path", ROUTES)
def test_an_answer_may_be_kept_a_while_and_is_asked_for_by_its_tag(app: Any, clock: SetClock, path: str) -> None:
    first = http(app, "GET", path)
    assert (first.headers["cache-control"], first.headers["vary"]) == ("public, max-age=300", "Origin, Accept")
    for sent in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
        again = http(app, "GET", path, headers={"If-None-Match": sent})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert http(app, "GET", path, headers={"If-None-Match": '"another"'}).status == 200
    assert http(app, "GET", path, headers=BROWSER).headers["etag"] != first.headers["etag"]
    clock.set(datetime(2026, 11, 27, 23, 59, 18, tzinfo=UTC))
    assert http(app, "GET", path).headers["cache-control"] == "public, max-age=42"


def test_only_the_style_of_the_page_may_run_in_it(app: Any) -> None:
    answer = http(app, "GET", "/policy", headers=BROWSER)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
    assert "sandbox" in http(app, "GET", "/policy").headers["content-security-policy"]


@pytest.mark.parametrize(
    "day", ["yesterday", "2026-13-01", "20261124", "2026-W48-2", "2026-11-24T00:00", " 2026-11-24"]
)
def test_what_is_no_date_is_invalid(app: Any, day: str) -> None:
    for name in ("from", "to"):
        answer = http(app, "GET", f"/policy/changes?{name}={day}")
        assert (answer.status, answer.errors) == (422, {name: "is a date such as 2026-11-24"})
    assert http(app, "GET", f"/policy/versions/{day}").status == 422


def test_a_day_without_a_version_is_unknown(app: Any) -> None:
    for path in ("/policy/versions/2026-11-25", "/policy/changes?from=2026-11-25", "/policy/changes?to=1999-01-01"):
        assert http(app, "GET", path).status == 404
    assert http(app, "GET", "/policy/changes?from=2026-11-24&from=2026-11-27").status == 422


def test_markup_in_the_data_is_text_on_the_page(parts: Parts, clock: SetClock, tmp_path: Path) -> None:
    odd = "<script>alert(1)</script> | a_b_c *bold* [x](https://x) `y` &amp; # ~~z~~ {{ 7*7 }}"

    def change(data: Any) -> None:
        data["retention"][0]["what"] = odd
        data["processors"][0]["name"] = odd
        data["summary"] = odd
        data["promises"][0]["text"] = odd
        data["cookies"][0]["title"] = odd

    app = with_versions(parts, later(tmp_path, change))
    clock.set(datetime(2027, 2, 1, tzinfo=UTC))
    for path in ("/policy", "/policy/versions", "/policy/changes", "/cookies", "/processors"):
        shown = page(app, path)
        assert odd in shown.text
        assert not {"script", "strong", "em", "code", "s"} & {
            tag for tag, _ in shown.tags if path != "/policy/changes" or tag != "code"
        }


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("current", 200), ("current-page", 200), ("versions", 200), ("version", 200), ("changes", 200),
        ("cookies", 200), ("processors", 200), ("bad-version", 404), ("bad-changes", 422),
    ],
)  # fmt: skip
def test_samples(app: Any, case: str, status: int) -> None:
    assert send(app, sample(f"policy/{case}")).status == status
