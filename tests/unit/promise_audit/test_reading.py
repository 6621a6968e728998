"""How the audit reads: with the rights of its role and no other, each store once, what is large in several audits."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from privacy.aws import client
from privacy.settings import Deployment, load
from promise_audit.app import build
from promise_audit.audit import ONCE, audit, examine
from promise_audit.checks import CHECKS
from promise_audit.looking import Finding, Status
from promise_audit.parts import Parts, assemble
from promise_audit.stores import FEW, Stores
from promise_audit.walking import Place, Walk
from tests.template.source import template
from tests.unit.engine import AMERICAS, HOME, STACK, Context, environment, items, schedule_event
from tests.unit.promise_audit.recorder import Recorder
from tests.unit.promise_audit.world import ADA, DAY, DB, GONE, HOUR, NOW, change, put, remove, seconds, upload

pytestmark = pytest.mark.promise("audit.proof")

ENDLESS: Callable[[], bool] = lambda: True  # noqa: E731  # it is a value of a parameter


def parts(clients: Any = None, later: timedelta = timedelta(0)) -> Parts:
    settings = load(Deployment, environment("PromiseAuditFunction"))
    given = {"clients": clients} if clients else {}
    return assemble(settings, lambda: NOW + later, **given)


# --- rights and calls ----------------------------------------------------------------------------------------------

SPELLED = {
    "list_object_versions": "s3:ListBucketVersions",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "get_bucket_encryption": "s3:GetEncryptionConfiguration",
    "get_public_access_block": "s3:GetBucketPublicAccessBlock",
    "list_buckets": "s3:ListAllMyBuckets",
    "describe_continuous_backups": "dynamodb:DescribeContinuousBackups",
    "get_rest_apis": "apigateway:GET",
    "get_gateway_responses": "apigateway:GET",
    "get_resources": "apigateway:GET",
}
"""Operations whose right has another name (Service Authorization Reference)."""


def right(service: str, operation: str) -> str:
    """The IAM action of a call as boto3 spells it."""
    camel = "".join(word.capitalize() for word in operation.split("_"))
    return SPELLED.get(operation, f"{service}:{camel}")


def test_the_audit_s_role_has_the_rights_that_it_uses_and_no_other(world: None) -> None:
    recorder = Recorder()
    build(lambda: parts(recorder))(schedule_event(), Context(900))
    build(lambda: parts(recorder, 99 * 365 * DAY))(schedule_event(), Context(900))  # history goes, too
    used = {right(service, operation) for service, operation in recorder.calls}
    (policy,) = template()["Resources"]["PromiseAuditRole"]["Properties"]["Policies"]
    granted = {action for statement in policy["PolicyDocument"]["Statement"] for action in statement["Action"]}
    assert {action for action in granted if not re.match(r"logs:(Create|Put)", action)} == used


def test_an_audit_of_a_world_in_order_reads_each_table_once(world: None) -> None:
    recorder = Recorder()
    stores = parts(recorder).stores(ENDLESS, ENDLESS, {})
    findings = list(audit(stores, lambda: stores, CHECKS))
    assert {one.status for one in findings} == {Status.KEPT}
    assert set(recorder.scanned.values()) == {1}
    assert {table for _, table in recorder.scanned} >= {f"{STACK}-content", f"{STACK}-visits", f"{STACK}-accounts"}
    assert recorder.calls["s3", "list_object_versions"] == 8


def test_a_large_table_is_not_kept_in_memory_and_seen_whole_by_each_check(world: None) -> None:
    recorder = Recorder()
    stores = parts(recorder).stores(ENDLESS, ENDLESS, {})
    for number in range(FEW):
        put("holds", part="hold", id=f"hld_{number:026d}")
    few = [row["id"] for row in stores.rows("correlations")]
    assert [[row["id"] for row in stores.rows("correlations")] for _ in "ab"] == [few, few]
    for _ in "abc":
        assert len(list(stores.rows("holds"))) == FEW + 1
    names = ["id"]
    assert all(set(row) == {"id"} for row in stores.rows("holds", names=names))
    assert recorder.scanned[HOME, f"{STACK}-correlations"] == 1
    assert recorder.scanned[HOME, f"{STACK}-holds"] == 4


def test_a_table_that_was_not_read_to_its_end_is_read_again(world: None) -> None:
    stores = parts().stores(ENDLESS, ENDLESS, {})
    next(iter(stores.rows("signups")))
    assert len(list(stores.rows("signups"))) == 3


# --- walks ---------------------------------------------------------------------------------------------------------


def book(*pages: str) -> Callable[[Any], tuple[str, Any]]:
    """A store of some pages."""

    def ask(token: Any) -> tuple[str, Any]:
        number = token["page"] if token else 0
        return pages[number], {"page": number + 1} if number + 1 < len(pages) else None

    return ask


def times(count: int) -> Callable[[], bool]:
    """Time for so many pages."""
    left: Iterator[bool] = iter([True] * count)
    return lambda: next(left, False)


def test_a_walk_goes_on_where_the_last_one_stopped_and_begins_anew_after_the_end() -> None:
    ask, place, seen = book("a", "b", "c", "d", "e"), Place(), []
    for audit_at in (100, 200, 300, 400):
        walk = Walk(place, audit_at, place)
        seen.append(("".join(walk.pages(ask, times(2))), walk.is_whole))
        place = walk.reached
    assert seen == [("ab", False), ("cd", False), ("e", False), ("ab", False)]
    assert (place.began, place.whole) == (400, 100)


def test_a_walk_from_beginning_to_end_is_whole_and_one_without_time_stays_where_it_is() -> None:
    walk = Walk(Place(), 100, Place())
    assert ("".join(walk.pages(book("a", "b"), times(9))), walk.is_whole, walk.reached.whole) == ("ab", True, 100)
    place = Place({"page": 1}, began=50, whole=7)
    walk = Walk(place, 100, place)
    assert ("".join(walk.pages(book("a", "b"), times(0))), walk.is_whole, walk.reached) == ("", False, place)


def test_a_place_that_the_store_does_not_know_any_more_is_forgotten() -> None:
    def ask(token: Any) -> tuple[str, Any]:
        raise ValueError(token)

    place = Place({"page": 9}, began=50, whole=7)
    walk = Walk(place, 100, place)
    with pytest.raises(ValueError, match="page"):
        list(walk.pages(ask, times(9)))
    assert (walk.reached, walk.is_whole) == (Place(whole=7), False)


def in_pages(service: str, region: str) -> Any:
    """Clients that scan two items, and list two versions, at a time."""
    return _Short(client(service, region))


class _Short:
    def __init__(self, asked: Any) -> None:
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._asked, name)

    def scan(self, **request: Any) -> Any:
        return self._asked.scan(**request, Limit=2)

    def list_object_versions(self, **request: Any) -> Any:
        return self._asked.list_object_versions(**request, MaxKeys=2)


class Hurried(Context):
    """A context whose time for walks is over after so many looks at the clock, and whose other time is not."""

    def __init__(self, looks: int) -> None:
        super().__init__(900)
        self.looks = looks

    def get_remaining_time_in_millis(self) -> int:
        self.looks -= 1
        return 900_000 if self.looks >= 0 else 300_000


def told(promise: str) -> dict[str, Any]:
    return next(row for row in items("findings") if (row["promise"], row["entry"]) == (promise, "now"))


def hasty(*pages: int, start: int = 0) -> Iterator[dict[str, Any]]:
    """Audits, an hour apart, each with time for so many pages of the visits; what the visits' check said."""
    for number, count in enumerate(pages):
        now, walked = NOW + (start + number) * HOUR, times(count)
        settings = load(Deployment, environment("PromiseAuditFunction"))
        given = assemble(settings, lambda now=now: now, in_pages)  # type: ignore[misc]
        findings = given.findings()
        places, left = findings.places(now)
        stores = given.stores(ENDLESS, walked, places)

        def again(given: Parts = given, places: Any = places) -> Stores:
            return given.stores(ENDLESS, ENDLESS, places)

        only = {"visits.fields": CHECKS["visits.fields"]}
        for finding in audit(stores, again, only, left):
            if finding.promise in only:
                findings.publish(finding, now)
        findings.keep_places({**places, **{name: walk.reached for name, walk in stores.walks.items()}}, ())
        yield told("visits.fields")


def visits(count: int) -> None:
    for number in range(count):
        put(
            "visits",
            shard="00",
            at=f"{seconds(NOW - DAY):012d}#{number:016x}",
            ttl=seconds(NOW + DAY),
            ip="203.0.113.7",
        )


def test_a_store_that_was_not_looked_at_all_is_at_risk_and_what_is_wrong_further_on_is_found_by_the_next_audit(
    world: None,
) -> None:
    visits(6)
    bad = {"shard": "00", "at": f"{seconds(NOW - DAY):012d}#{'f' * 16}"}
    put("visits", **bad, ttl=seconds(NOW + DAY), page="/pricing")
    rows = list(hasty(2, 2))
    assert [row["status"] for row in rows] == ["at-risk", "broken"]
    assert f"in doubt: not looked at all, the next audit goes on: visits ({HOME})" in rows[0]["evidence"]
    remove("visits", bad)
    # Repaired, but nobody has seen it yet: a whole round without it has to come to its end first.
    rows = list(hasty(2, 2, 9, start=2))
    assert [row["status"] for row in rows] == ["broken", "at-risk", "kept"]
    assert "was broken when it was seen last, and not all was looked at since" in rows[0]["evidence"]


def test_what_was_seen_wrong_once_with_no_time_for_a_second_look_is_at_risk(world: None) -> None:
    change("sessions", {"token_hash": "1" * 64}, last_used_at=seconds(NOW - 9 * DAY))
    given, over = parts(), False

    def has_time() -> bool:
        return not over

    def again() -> Stores:
        nonlocal over
        over = True
        return given.stores(has_time, has_time, {})

    found: dict[str, Finding] = {}
    for one in audit(given.stores(has_time, has_time, {}), again, CHECKS):
        found[one.promise] = one
    assert found["sessions.idle"].status is Status.AT_RISK
    assert ONCE in found["sessions.idle"].evidence
    assert found["databases.destroyed"].status is Status.AT_RISK  # nothing is called kept that nobody looked at


def test_what_an_audit_had_no_time_for_comes_first_in_the_next(world: None) -> None:
    hurried = build(parts)(schedule_event(), Context(60))
    unseen = {promise for promise, status in hurried["promises"].items() if status != "kept"}
    assert {"visits.retention", "security.measures", "audit.proof"} <= unseen
    _, left = parts().findings().places(NOW)
    assert {"visits.retention", "rights.erase"} <= set(left)
    order = list(build(parts)(schedule_event(), Context(900))["promises"])
    assert set(order[: len(left)]) == set(left)
    assert parts().findings().places(NOW)[1] == ()


def test_walks_take_half_of_an_audit_s_time_and_leave_the_rest_to_all_else(world: None) -> None:
    answered = build(parts)(schedule_event(), Hurried(2))  # given, then the first page's two looks
    assert {promise for promise, status in answered["promises"].items() if status != "kept"} >= {
        "databases.ownership", "databases.destroyed", "databases.region", "visits.fields", "visits.retention",
    }  # fmt: skip
    assert answered["promises"]["sessions.idle"] == answered["promises"]["security.measures"] == "kept"


def test_the_noted_places_name_nobody(world: None) -> None:
    build(parts)(schedule_event(), Hurried(4))
    (row,) = [row for row in items("findings") if row["promise"] == "walks"]
    assert set(json.loads(row["places"])) == {
        f"content ({HOME})", f"content ({AMERICAS})", f"content bucket ({HOME})", f"content bucket ({AMERICAS})",
        f"visits ({HOME})",
    }  # fmt: skip
    assert not re.search(r"@|203\.0\.113|acc_", row["places"])


def test_content_is_judged_page_by_page_from_both_ends(world: None) -> None:
    put("content", AMERICAS, place=f"{GONE}#00", id="r#1#2", sealed=b"sealed")
    put("content", place=f"{DB}#07", id="r#1#9", open="Ada")
    answered = build(parts)(schedule_event(), Context(900))
    broken = {promise for promise, status in answered["promises"].items() if status == "broken"}
    assert broken == {"databases.ownership", "databases.destroyed"}
    assert ADA not in json.dumps(items("findings"), default=str)


@pytest.mark.parametrize("thing", ["sessions", "content"])
def test_what_lies_on_a_later_page_is_found(world: None, thing: str) -> None:
    """Also past the 1 MB that a Scan shows at once."""
    for number in range(5):
        put("sessions", token_hash=f"{number}" * 64, account_id=ADA, created_at=seconds(NOW - 9 * DAY),
            last_used_at=seconds(NOW - (9 if thing == "sessions" and number == 3 else 1) * DAY))  # fmt: skip
    for number in range(5):
        upload("content", f"{DB if thing == 'sessions' or number < 4 else GONE}/{number}")
    stores = parts(in_pages).stores(ENDLESS, ENDLESS, {})
    wrong = {one.promise for one in audit(stores, lambda: stores, CHECKS) if one.status is Status.BROKEN}
    assert wrong == {"sessions": {"sessions.idle"}, "content": {"databases.destroyed"}}[thing]


# --- what lies there -----------------------------------------------------------------------------------------------


def test_no_row_ends_an_audit_and_what_nobody_expected_is_that_promise_s_doubt_without_a_word_of_the_row(
    world: None, capsys: pytest.CaptureFixture[str]
) -> None:
    secret, deep = "ada@example.com", "[" * 100_000
    put("jobs", database_id=DB, id="job_" + "j" * 26, note=secret)  # of no kind
    put("policies", archive="policy", version=f"../{secret}", document=deep)
    put("removals", subject=secret, entry="certificate", document=deep.encode())
    put("removals", subject="certificates", entry="head", sequence=secret)
    put("audit", part="entry", id="000999999999", facts=deep, at=9**15)
    put("audit", part="block", id=secret, document=deep.encode())
    put("findings", promise="sessions.idle", entry="now", since=secret, status=secret, checked_at=9**15)
    for thing, key in (("accounts", "id"), ("enquiries", "reference"), ("billing", "id"), ("holds", "id")):
        put(thing, **{"part": "hold", key: secret})
    for thing, key in (("disclosures", "id"), ("trends", "id"), ("choices", "id"), ("erasures", "id")):
        put(thing, **{key: secret, "tables": deep, "fields": 9**15, "day": 9**15, "created_at": 10**37})
    answered = build(parts)({"demand": "audit"}, Context(900))
    assert set(answered["promises"]) == set(CHECKS)
    told = {row["promise"]: row for row in items("findings") if row["entry"] == "now"}
    assert told["exports.retention"]["evidence"][-1] == "in doubt: the check failed: KeyError"
    assert told["sessions.idle"]["status"] == "kept"
    assert secret not in json.dumps(list(told.values()), default=str) + capsys.readouterr().out


def test_a_place_of_a_time_that_has_not_come_is_none_to_go_on_from(world: None) -> None:
    findings, now = parts().findings(), seconds(NOW)
    right = {"a": Place({"x": "y"}, now, now), "b": Place(None, 0, now - 1)}
    wrong = {"c": Place(None, 0, now + 1), "d": Place(None, now + 1, 0), "e": Place(5, 0, 0), "f": Place(None, 0, -1)}  # type: ignore[arg-type]
    findings.keep_places({**right, **wrong}, ())
    assert findings.places(NOW) == (right, ())


def test_the_finding_of_a_promise_that_is_made_no_more_keeps_no_other_in_doubt(world: None) -> None:
    for promise, status in (("of.yore", Status.KEPT), ("sessions.idle", Status.AT_RISK)):
        put("findings", promise=promise, entry="now", checked_at=seconds(NOW - DAY))
        stores = parts().stores(ENDLESS, ENDLESS, {})
        assert examine("audit.proof", CHECKS["audit.proof"], stores).status is status


def test_what_is_of_the_next_twenty_minutes_was_written_while_the_audit_looked(world: None) -> None:
    for late, status in ((timedelta(minutes=20), Status.KEPT), (timedelta(minutes=20, seconds=1), Status.BROKEN)):
        change("sessions", {"token_hash": "1" * 64}, last_used_at=seconds(NOW + late))
        stores = parts().stores(ENDLESS, ENDLESS, {})
        assert examine("sessions.idle", CHECKS["sessions.idle"], stores).status is status
