"""A table's door: what one call leaves out is asked for again."""

from typing import Any

import pytest

from privacy.tables.store import READS, StoreBusyError, Table, to_aws


class Reluctant:
    """A table that gives at most so many items a call, and nothing at all on some calls."""

    def __init__(self, items: list[dict[str, Any]], most: int, silent: int = 0) -> None:
        self.items = {item["id"]: item for item in items}
        self.most = most
        self.silent = silent
        self.calls: list[dict[str, Any]] = []

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        ((name, asked),) = call["RequestItems"].items()
        self.calls.append(asked)
        assert len(asked["Keys"]) <= READS
        assert asked["ConsistentRead"] is True
        if self.silent:
            self.silent -= 1
            return {"Responses": {}, "UnprocessedKeys": {name: asked}}
        now, later = asked["Keys"][: self.most], asked["Keys"][self.most :]
        found = [to_aws(self.items[key["id"]["S"]]) for key in now if key["id"]["S"] in self.items]
        left = {"UnprocessedKeys": {name: asked | {"Keys": later}}} if later else {}
        return {"Responses": {name: found}, **left}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.tables.store._pause", lambda attempt: None)


@pytest.mark.parametrize(("count", "most"), [(0, 1), (1, 1), (READS, 7), (READS + 1, 100), (3 * READS, 1)])
def test_all_items_come_however_few_one_call_gives(count: int, most: int) -> None:
    items = [{"id": str(number), "size": number} for number in range(count)]
    client = Reluctant(items, most)
    asked = [{"id": item["id"]} for item in items] + [{"id": "absent"}]
    assert sorted(Table(client, "t").get_all(asked), key=lambda item: int(item["size"])) == items


def test_a_table_that_stays_silent_is_busy_and_one_that_answers_in_time_is_not() -> None:
    items = [{"id": "a"}]
    assert list(Table(Reluctant(items, 1, silent=7), "t").get_all(items)) == items
    with pytest.raises(StoreBusyError):
        list(Table(Reluctant(items, 1, silent=8), "t").get_all(items))
