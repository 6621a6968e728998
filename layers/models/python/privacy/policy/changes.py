"""What differs between two versions of the policy, in words and as data, and whether customers are to be told of it
(promise policy.versions).

Material is what may take something from a person: a longer period, a new category of data, or another use of one, a new
or wider processor, a new cookie, one more Cloud Region, smaller groups in trends, and a promise that is gone or that
reads differently, since nothing computes whether it got weaker (docs/decisions.md).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from privacy.policy.documents import Document
from privacy.policy.periods import Period

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `kind` is period, data, processor, cookie, region, promise or wording; `before` and `after` are
    what it was and is, None where it was not or is no longer.
    """

    kind: str
    id: str
    before: Any
    after: Any
    words: str
    material: bool


def changes(old: Document, new: Document) -> tuple[Change, ...]:
    """Every difference, in the order in which a person would read of them."""
    found: list[Change] = []
    for compare in (_periods, _data, _processors, _cookies, _regions, _promises, _wordings):
        found += compare(old.data, new.data)
    return tuple(found)


def material(found: Iterable[Change]) -> bool:
    """Whether customers are told."""
    return any(change.material for change in found)


def _pairs(old: Sequence[Row], new: Sequence[Row], key: str = "id") -> Iterator[tuple[str, Row | None, Row | None]]:
    """The rows that differ, by id: those of the new version in its order, then those that are gone."""
    before, after = ({row[key]: row for row in rows} for rows in (old, new))
    for name in [*after, *(name for name in before if name not in after)]:
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _periods(old: Row, new: Row) -> Iterator[Change]:
    for name, before, after in _pairs(old["retention"], new["retention"]):
        if before is None and after is not None:
            words = f"New: {after['what']}, {Period.parse(after['period']).words}."
            yield Change("period", name, None, after["period"], words, False)
        elif after is None and before is not None:
            words = f"No longer a period of its own: {before['what']} ({Period.parse(before['period']).words})."
            yield Change("period", name, before["period"], None, words, True)
        elif before is not None and after is not None:
            then, now = Period.parse(before["period"]), Period.parse(after["period"])
            if then.text != now.text:
                words = f"{_capital(after['what'])}: {_instead(now, then)}."
                yield Change("period", name, then.text, now.text, words, now.longer_than(then))
            if before["what"] != after["what"]:
                words = f"A period reads now: {after['what']}, {now.words}; it was: {before['what']}."
                yield Change("period", name, before["what"], after["what"], words, False)


def _instead(now: Period, then: Period) -> str:
    """`6 months instead of 12`."""
    count, unit = then.words.split(" ", 1)
    same = now.words.split(" ", 1)[-1].removesuffix("s") == unit.removesuffix("s")
    return f"{now.words} instead of {count if same else then.words}"


def _data(old: Row, new: Row) -> Iterator[Change]:
    common = _names(old["processors"]).keys() & _names(new["processors"]).keys()
    for name, before, after in _pairs(old["data"], new["data"]):
        if before is None and after is not None:
            words = f"A new category of data: {after['title']}, for this: {after['purpose']}."
            yield Change("data", name, None, after, words, True)
        elif after is None and before is not None:
            yield Change("data", name, before, None, f"No longer a category of data: {before['title']}.", False)
        elif before is not None and after is not None:
            told = []
            widened = False
            if before["purpose"] != after["purpose"]:
                told.append(f"they are kept for this: {after['purpose']}")
                widened = True
            # Who is a new processor, or none any more, is told of with the processors.
            receive = _added(before["recipients"], after["recipients"], common)
            receive_no_more = _added(after["recipients"], before["recipients"], common)
            if receive:
                told.append(f"also received by {_listed(_names(new['processors'])[each] for each in receive)}")
                widened = True
            if receive_no_more:
                told.append(
                    f"no longer received by {_listed(_names(old['processors'])[each] for each in receive_no_more)}"
                )
            for field, word in (("title", "the name"), ("owner", "the owner"), ("source", "the origin")):
                if before[field] != after[field]:
                    told.append(f"{word} reads now: {after[field]}")
            if before["retention"] != after["retention"]:
                told.append("other periods apply")
                widened = widened or not set(after["retention"]) <= set(before["retention"])
            if told:
                yield Change("data", name, before, after, f"{after['title']}: {'; '.join(told)}.", widened)


def _processors(old: Row, new: Row) -> Iterator[Change]:
    for name, before, after in _pairs(old["processors"], new["processors"]):
        if before is None and after is not None:
            purposes = "; ".join(each["what"] for each in after["purposes"])
            yield Change("processor", name, None, after, f"A new processor: {after['name']}, {purposes}.", True)
        elif after is None and before is not None:
            yield Change("processor", name, before, None, f"No longer a processor: {before['name']}.", False)
        elif before is not None and after is not None:
            told, widened = _processor(before, after)
            yield Change("processor", name, before, after, f"{after['name']}: {'; '.join(told)}.", widened)


def _processor(before: Row, after: Row) -> tuple[list[str], bool]:
    told: list[str] = []
    widened = False
    for _, then, now in _pairs(before["purposes"], after["purposes"]):
        if then is None and now is not None:
            received = _listed(map(_field, now["fields"])) or "nothing from us"
            told.append(f"a new purpose, {now['what']} (it receives {received})")
            widened = True
        elif now is None and then is not None:
            told.append(f"no longer {then['what']}")
        elif then is not None and now is not None:
            more, less = _added(then["fields"], now["fields"]), _added(now["fields"], then["fields"])
            plain = _added(now.get("anonymised", ()), then.get("anonymised", ()), now["fields"])
            hidden = _added(then.get("anonymised", ()), now.get("anonymised", ()))
            for fields, words in (
                (more, "it also receives"), (less, "it no longer receives"),
                (plain, "not anonymised any more"), (hidden, "anonymised from now on"),
            ):  # fmt: skip
                if fields:
                    told.append(f"{words} {_listed(map(_field, fields))}, {now['what']}")
            if then["what"] != now["what"]:
                told.append(f"its purpose reads now: {now['what']}")
            if then["erasure"] != now["erasure"]:
                told.append(f"it is {'told' if now['erasure'] else 'no longer told'} of an erasure")
            widened = widened or bool(more or plain) or then["what"] != now["what"] or then["erasure"] > now["erasure"]
    if before["keeps"] != after["keeps"]:
        told.append(f"it collects itself: {after['keeps'] or 'nothing'}")
        widened = widened or bool(after["keeps"])
    for field, words in (
        ("name", "its name"), ("safeguards", "the safeguards"), ("contract", "the contract"),
        ("hosts", "its addresses"), ("privacy_policy", "the link to its own policy"),
    ):  # fmt: skip
        if before[field] != after[field]:
            told.append(f"{words} changed")
    return told or ["its entry is ordered in another way"], widened


def _cookies(old: Row, new: Row) -> Iterator[Change]:
    periods = [{row["id"]: row["period"] for row in each["retention"]} for each in (old, new)]
    for _, before, after in _pairs(_each_cookie(old), _each_cookie(new), "name"):
        if before is None and after is not None:
            words = f"A new cookie: {after['name']} ({after['party']}), {after['what']}; category {after['category']}."
            yield Change("cookie", after["name"], None, after, words, True)
        elif after is None and before is not None:
            words = f"No longer a cookie: {before['name']} ({before['party']})."
            yield Change("cookie", before["name"], before, None, words, False)
        elif before is not None and after is not None:
            told = [
                f"{words} {after[field]}"
                for field, words in (
                    ("category", "its category is now"), ("party", "it is now of"), ("what", "it now"),
                    ("set_by", "it is now set by the"),
                )
                if before[field] != after[field]
            ]  # fmt: skip
            then, now = (
                each[row["period"]] if row["period"] else None
                for each, row in zip(periods, (before, after), strict=True)
            )
            longer = then != now and (
                now is None or (then is not None and Period.parse(now).longer_than(Period.parse(then)))
            )
            if before["period"] != after["period"]:
                told.append(f"it lives {Period.parse(now).words if now else 'as its setter says'}")
            words = f"The cookie {after['name']}: {'; '.join(told) or 'its entry changed'}."
            yield Change(
                "cookie", after["name"], before, after, words, longer or before["category"] != after["category"]
            )
    for name, before, after in _pairs(_bare(old), _bare(new)):
        if before is None or after is None:
            continue  # its cookies are told of
        words = f"The cookies {after['title']}: {after['what']}; without them {after['without']}."
        if before["required"] != after["required"]:
            words += " They are needed now." if after["required"] else " They may be rejected now."
        yield Change("cookie", name, before, after, words, after["required"] > before["required"])


def _each_cookie(version: Row) -> list[Row]:
    return [{**cookie, "category": row["title"]} for row in version["cookies"] for cookie in row["cookies"]]


def _bare(version: Row) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "cookies"} for row in version["cookies"]]


def _regions(old: Row, new: Row) -> Iterator[Change]:
    for name, before, after in _pairs(old["regions"], new["regions"], "name"):
        if after is None:
            yield Change("region", name, before, None, f"No longer a Cloud Region: {name}.", False)
        else:
            words = f"{'A new' if before is None else 'Moved, the'} Cloud Region: {name} ({after['country']})."
            yield Change("region", name, before, after, words, True)


def _promises(old: Row, new: Row) -> Iterator[Change]:
    for name, before, after in _pairs(old["promises"], new["promises"]):
        if before is None and after is not None:
            yield Change("promise", name, None, after["text"], f"A new promise: {after['text']}", False)
        elif after is None and before is not None:
            yield Change("promise", name, before["text"], None, f"No longer promised: {before['text']}", True)
        elif before is not None and after is not None:
            words = f"A promise reads now: {after['text']} It was: {before['text']}"
            yield Change("promise", name, before["text"], after["text"], words, True)
    then, now = (each["trends"]["least_people"] for each in (old, new))
    if then != now:
        words = f"Trends are told of groups of at least {now} people instead of {then}."
        yield Change("promise", "disclosure.aggregate", then, now, words, now < then)


def _wordings(old: Row, new: Row) -> Iterator[Change]:
    for name, before, after in _pairs(old["wordings"], new["wordings"]):
        then, now = (row["text"] if row is not None else None for row in (before, after))
        words = "We ask for consent in other words." if after is not None else "A wording is no longer in use."
        yield Change("wording", name, then, now, words, False)


def _names(processors: Sequence[Row]) -> dict[str, str]:
    return {row["id"]: row["name"] for row in processors}


def _added(before: Iterable[str], after: Iterable[str], among: Iterable[str] | None = None) -> list[str]:
    """What is new, in the order in which it is listed."""
    known, allowed = set(before), None if among is None else set(among)
    return [each for each in after if each not in known and (allowed is None or each in allowed)]


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _field(name: str) -> str:
    return name.replace("_", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
