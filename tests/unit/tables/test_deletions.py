"""The ledger of single deletions: there before the deletion, tags and times alone, and longer than any backup."""

from datetime import timedelta

import pytest

from privacy import policy
from privacy.hosting import hosts
from privacy.hosting.files import Files
from privacy.hosting.records import Records, new_record
from privacy.models.ids import new_id
from privacy.tables.deletions import Deletions
from tests.unit.engine import NAMES, NOON, items, table
from tests.unit.interference import KilledError, killed_at

pytestmark = [pytest.mark.usefixtures("stores"), pytest.mark.promise("databases.backups")]

POLICY = policy.load()
KEPT = POLICY.retention["deletions"]


def ledger() -> Deletions:
    return Deletions(table("deletions"), POLICY)


def filled() -> tuple[Records, Files]:
    host, made = hosts(NAMES, POLICY)("americas"), new_id("db")
    host.keyring.create(made, NOON)
    records, files = Records(host, made), Files(host, made)
    records.put(new_record("canary-model", "canary-key", b"{}", NOON))
    files.put("canary-path", "a/a", b"content", NOON)
    return records, files


def test_a_deletion_is_noted_under_the_key_of_the_item_and_shows_no_name() -> None:
    records, files = filled()
    keys = {(item["place"], item["id"]) for item in items("content", "us-east-1")}
    assert records.delete("canary-model", "canary-key", ledger(), NOON)
    assert files.delete("canary-path", ledger(), NOON)
    noted = items("deletions")
    assert {(item["place"], item["id"]) for item in noted} == keys
    assert {item["deleted_at"] for item in noted} == {int(NOON.timestamp())}
    assert {item["expires_at"] for item in noted} == {int(KEPT.after(NOON).timestamp())}
    assert "canary" not in repr(noted)
    asked = [{"place": place, "id": item_id} for place, item_id in keys]
    assert ledger().of([*asked, {"place": "db_a#00", "id": "r#a#b"}]) == dict.fromkeys(keys, NOON)


def test_what_was_not_there_leaves_no_note() -> None:
    records, files = filled()
    assert not records.delete("canary-model", "absent", ledger(), NOON)
    assert not files.delete("absent", ledger(), NOON)
    assert items("deletions") == []


@pytest.mark.parametrize("death", range(5))
def test_a_deletion_that_dies_at_any_call_deleted_nothing_that_is_not_noted(death: int) -> None:
    records, _ = filled()
    records.get("canary-model", "canary-key")
    with killed_at(death) as made:
        try:
            records.delete("canary-model", "canary-key", ledger(), NOON)
        except KilledError:
            pass
        else:
            assert death >= len(made)
    assert records.get("canary-model", "canary-key") is not None or items("deletions")


def test_of_several_deletions_the_latest_counts_in_whatever_order_they_come() -> None:
    where = {"place": "db_a#00", "id": "r#a#b"}
    for minutes in (5, 9, 7):
        ledger().note(where, NOON + timedelta(minutes=minutes))
    assert ledger().of([where]) == {("db_a#00", "r#a#b"): NOON + timedelta(minutes=9)}


def test_the_ledger_covers_a_backup_to_the_second() -> None:
    assert ledger().covers(NOON, KEPT.after(NOON) - timedelta(seconds=1))
    assert not ledger().covers(NOON, KEPT.after(NOON))


def test_the_ledger_outlives_every_backup_twice() -> None:
    kept = POLICY.retention["backups.kept"]
    assert kept.after(kept.after(NOON)) < KEPT.after(NOON)
