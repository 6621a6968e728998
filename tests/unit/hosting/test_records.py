"""Records: sealed, in their place, as they were written; read in pages that miss nothing and give nothing twice."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from boto3.dynamodb.conditions import ConditionBase

from privacy.hosting import Host
from privacy.hosting.files import Files
from privacy.hosting.partitions import count, is_empty
from privacy.hosting.records import MAX_RECORD_BYTES, Page, Record, Records, new_record
from privacy.models.paging import CursorError
from privacy.tables.deletions import Deletions
from privacy.tables.store import SHARDS, Item, Table
from privacy.vault.keys import KeyDestroyedError
from privacy.vault.sealing import SealBrokenError
from tests.unit.engine import NOON, items
from tests.unit.interference import once_before, recorded


@pytest.fixture
def records(host: Host, database_id: str) -> Records:
    return Records(host, database_id)


class SmallPages(Table):
    """A table whose answers end after three items, as DynamoDB's do after 1 MB."""

    def pages(
        self,
        condition: ConditionBase,
        *,
        index: str | None = None,
        after: Item | None = None,
        names: Sequence[str] = (),
        page: int | None = None,
        newest_first: bool = False,
        where: ConditionBase | None = None,
    ) -> Iterator[list[Item]]:
        size = min(page or 3, 3)
        return super().pages(
            condition, index=index, after=after, names=names, page=size, newest_first=newest_first, where=where
        )


@pytest.fixture
def paged(records: Records) -> Records:
    content = records.host.content
    return replace(records, host=replace(records.host, content=SmallPages(content.client, content.name)))


def filled(records: Records, number: int, model: str = "person", data: bytes = b'{"n":1.0}') -> set[str]:
    keys = {f"key-{place}" for place in range(number)}
    records.put_all([new_record(model, key, data, NOON) for key in keys])
    return keys


def pages_of(records: Records, model: str, limit: int, max_bytes: int = 4_194_304) -> list[Page]:
    pages = [records.page(model, limit=limit, max_bytes=max_bytes)]
    while pages[-1].cursor is not None:
        pages.append(records.page(model, limit=limit, max_bytes=max_bytes, cursor=pages[-1].cursor))
    return pages


@pytest.mark.promise("databases.ownership")
def test_a_record_is_given_back_as_it_was_written(records: Records) -> None:
    data = '{"z":1.0,"a":1E400,"n":-0,"big":12345678901234567890.10,"ü":"\\u00fc é \U0001f600"}'.encode()
    records.put(new_record("person", "A.b:c@d-1", data, NOON))
    assert records.get("person", "A.b:c@d-1") == Record("person", "A.b:c@d-1", data, "2026-11-24T12:00:00Z")


def test_names_that_run_together_do_not_meet(records: Records) -> None:
    records.put(new_record("a", "b.c", b'{"which":1}', NOON))
    records.put(new_record("a.b", "c", b'{"which":2}', NOON))
    one, other = records.get("a", "b.c"), records.get("a.b", "c")
    assert one is not None
    assert other is not None
    assert (one.data, other.data) == (b'{"which":1}', b'{"which":2}')


def test_no_name_and_no_content_is_in_plain_in_the_table(records: Records) -> None:
    records.put(new_record("canary-model", "canary-key", b'{"canary-field":"canary-value"}', NOON))
    assert "canary" not in repr(items("content", records.host.aws_region))


def test_the_largest_record_fits_an_item_with_the_longest_names(records: Records) -> None:
    data = b'{"d":"' + b"x" * (MAX_RECORD_BYTES - 8) + b'"}'
    records.put(new_record("m" * 64, "k" * 200, data, NOON))
    (item,) = items("content", records.host.aws_region)
    size = sum(len(name) + len(value if isinstance(value, bytes) else str(value)) for name, value in item.items())
    assert size < 400 * 1024  # DynamoDB's limit of an item


def test_a_record_of_one_place_does_not_open_in_another(records: Records, host: Host) -> None:
    records.put(new_record("person", "one", b"{}", NOON))
    records.put(new_record("person", "two", b"{}", NOON))
    one, two = items("content", host.aws_region)
    host.content.put(one | {"sealed": two["sealed"]})
    with pytest.raises(SealBrokenError):
        list(records.page("person", limit=10, max_bytes=1000).records)


@pytest.mark.promise("databases.ownership")
def test_a_record_of_one_database_does_not_open_in_another(records: Records, host: Host) -> None:
    host.keyring.create("db_other", NOON)
    records.put(new_record("person", "one", b"{}", NOON))
    (item,) = items("content", host.aws_region)
    other = host.keyring.key("db_other")
    with pytest.raises(SealBrokenError):
        other.unseal(item["sealed"], item["id"])
    assert Records(host, "db_other").get("person", "one") is None


@pytest.mark.promise("databases.destroyed")
def test_a_write_that_a_destruction_overtakes_is_refused(records: Records, database_id: str) -> None:
    destroy = lambda: records.host.keyring.keys.destroy(database_id, NOON)  # noqa: E731
    records.put(new_record("person", "first", b"{}", NOON))  # the key is cached from here on
    with once_before("dynamodb.TransactWriteItems", destroy), pytest.raises(KeyDestroyedError):
        records.put(new_record("person", "late", b"{}", NOON))
    with pytest.raises(KeyDestroyedError):
        records.put_all([new_record("person", "late", b"{}", NOON)])
    assert len(items("content", records.host.aws_region)) == 1


def test_of_two_records_with_one_name_in_a_batch_the_later_stays(records: Records) -> None:
    batch = [new_record("person", "same", b'{"v":%d}' % number, NOON) for number in range(30)]
    records.put_all(batch)
    assert records.get("person", "same") == batch[-1]


@pytest.mark.parametrize("limit", [1, 7, 99, 100, 101, 1000])
def test_pages_give_every_record_once(paged: Records, limit: int) -> None:
    records = paged
    keys = filled(records, 100)
    filled(records, 5, "other")
    pages = pages_of(records, "person", limit)
    seen = [record.key for page in pages for record in page.records]
    assert sorted(seen) == sorted(keys)
    assert all(len(page.records) == limit for page in pages[:-1])
    assert len(pages) == -(-100 // limit)  # none is empty


def test_a_page_ends_before_its_bytes_run_out_but_holds_one_record_at_least(records: Records) -> None:
    filled(records, 20, data=b'{"d":"' + b"x" * 1000 + b'"}')
    pages = pages_of(records, "person", 1000, max_bytes=5000)
    assert {len(page.records) for page in pages} == {4}
    assert all(len(page.records) == 1 for page in pages_of(records, "person", 1000, max_bytes=10))


def test_a_page_of_large_records_goes_on_over_the_ends_of_dynamodbs_own_pages(records: Records) -> None:
    keys = filled(records, 40, data=b'{"d":"' + b"x" * 300_000 + b'"}')
    seen = [record.key for page in pages_of(records, "person", 1000) for record in page.records]
    assert sorted(seen) == sorted(keys)


def test_the_order_of_a_list_does_not_depend_on_the_size_of_its_pages(records: Records) -> None:
    filled(records, 60)
    orders = [
        [record.key for page in pages_of(records, "person", limit) for record in page.records] for limit in (1, 9, 1000)
    ]
    assert orders[0] == orders[1] == orders[2]


def test_what_is_deleted_between_pages_moves_no_other_record(records: Records, ledger: Deletions) -> None:
    keys = filled(records, 50)
    first = records.page("person", limit=20, max_bytes=10**6)
    for record in first.records:
        records.delete("person", record.key, ledger, NOON)
    rest = records.page("person", limit=100, max_bytes=10**6, cursor=first.cursor)
    assert {record.key for record in first.records + rest.records} == keys
    assert len(first.records) + len(rest.records) == 50


def test_a_cursor_that_is_none_is_refused(records: Records, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["", "x", "00r#", "00f#" + "a" * 32, "10r#" + "a" * 32 + "#" + "b" * 32, "00r#" + "a" * 3000]
    for cursor in cases:
        with subtests.test(cursor=cursor), pytest.raises(CursorError):
            records.page("person", limit=10, max_bytes=1000, cursor=cursor)


def test_a_cursor_of_another_models_list_is_refused(records: Records) -> None:
    filled(records, 3)
    cursor = records.page("person", limit=1, max_bytes=1000).cursor
    with pytest.raises(CursorError):
        records.page("other", limit=1, max_bytes=1000, cursor=cursor)


def test_every_record_of_a_model_can_be_taken_up_after_any_cursor(paged: Records) -> None:
    records = paged
    keys = filled(records, 30)
    ((_, tag),) = records.models()
    all_of_them = list(records.every(tag))
    assert {record.key for _, record in all_of_them} == keys
    after = all_of_them[11][0]
    assert list(records.every(tag, after)) == all_of_them[12:]


def test_models_are_counted_over_all_pages_and_shards(paged: Records) -> None:
    records = paged
    filled(records, 300, "many")
    filled(records, 1, "few")
    assert [name for name, _ in records.models()] == ["few", "many"]
    assert records.counted_models(time.monotonic() + 60) == [("few", 1), ("many", 300)]


def test_models_without_the_time_to_count_have_names_all_the_same(paged: Records) -> None:
    records = paged
    filled(records, 300, "many")
    assert records.counted_models(time.monotonic() - 1) == [("many", None)]


def test_a_count_knows_records_files_and_bytes(records: Records) -> None:
    filled(records, 40, data=b'{"n":1}')
    Files(records.host, records.database_id).put("a", "a/a", b"12345", NOON)
    tally = count(records.host, records.database_id, time.monotonic() + 60)
    assert tally is not None
    assert (tally.records, tally.files, tally.bytes) == (40, 1, 40 * 7 + 5)


def test_a_count_that_takes_too_long_is_none_at_all(paged: Records) -> None:
    records = paged
    filled(records, 300, "many")
    assert count(records.host, records.database_id, time.monotonic() - 1) is None


def test_a_database_is_empty_until_there_is_a_record_or_a_file(records: Records, host: Host, ledger: Deletions) -> None:
    assert is_empty(host, records.database_id)
    assert records.is_empty()
    filled(records, 1)
    assert not records.is_empty()
    records.delete("person", "key-0", ledger, NOON)
    assert records.is_empty()


def test_the_number_of_calls_is_known(records: Records, ledger: Deletions) -> None:
    """Each is money and a round trip: a change here is a decision."""
    filled(records, 1)
    with recorded() as calls:
        records.put(new_record("person", "key-0", b"{}", NOON))
    assert calls == {"dynamodb.TransactWriteItems": 1}
    with recorded() as calls:
        records.get("person", "key-0")
    assert calls == {"dynamodb.GetItem": 1}
    with recorded() as calls:
        records.delete("person", "key-0", ledger, NOON)
    # The look whether it takes writes, so that the ledger names nothing that is not deleted, and whether it is there.
    assert calls == {"dynamodb.GetItem": 2, "dynamodb.PutItem": 1, "dynamodb.TransactWriteItems": 1}
    with recorded() as calls:
        filled(records, 100)
    assert calls == {"dynamodb.GetItem": 1, "dynamodb.BatchWriteItem": 4}
    with recorded() as calls:
        records.page("absent", limit=100, max_bytes=10**6)
    assert calls == {"dynamodb.Query": len(SHARDS)}
    filled(records, 1000)
    with recorded() as calls:
        records.page("person", limit=10, max_bytes=10**6)
    assert calls == {"dynamodb.Query": 1}
    with recorded() as calls:
        count(records.host, records.database_id, time.monotonic() + 60)
    assert calls == {"dynamodb.Query": len(SHARDS)}
