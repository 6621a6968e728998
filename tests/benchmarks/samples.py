"""Made-up content of a customer database, the same in every run: people as records, tables and pictures as files."""

import json
import random
from collections.abc import Iterator

_NAMES = ("Aiko", "Bilal", "Chandra", "Dewi", "Emeka", "Farah", "Goran", "Hui-Min", "Inês", "João", "Katarína", "Linh")
_TAGS = ("renewal", "invoice", "meeting", "offer", "Singapore", "export", "delivery", "quarter", "contract", "support")
_SYLLABLES = ("an", "ber", "co", "de", "el", "fi", "ga", "ho", "in", "ka", "lo", "ma", "ne", "or", "pa", "que", "ri")

FILE_BYTES = 1 << 20


def _sentence(chance: random.Random) -> str:
    """Words that nobody knows, so that they compress as a language does and not as a list of a dozen words."""
    return " ".join(
        "".join(chance.choices(_SYLLABLES, k=chance.randrange(1, 5))) for _ in range(chance.randrange(8, 20))
    )


def records(count: int, seed: int = 1) -> Iterator[tuple[str, dict[str, object]]]:
    """Records of people, each a key and its data: about 350 bytes of JSON."""
    chance = random.Random(seed)
    for number in range(count):
        name = f"{chance.choice(_NAMES)} {chance.choice(_NAMES)}"
        yield (
            f"person-{number:07d}",
            {
                "name": name,
                "email": f"{name.split()[0].lower()}.{chance.randrange(10**6)}@example.org",
                "phone": f"+65 6{chance.randrange(10**3):03d} {chance.randrange(10**4):04d}",
                "address": {"street": f"{chance.randrange(1, 400)} Orchard Road", "postcode": chance.randrange(10**6)},
                "balance": round(chance.uniform(-500, 5000), 2),
                "active": chance.random() < 0.8,
                "tags": chance.sample(_TAGS, 3),
                "notes": _sentence(chance),
            },
        )


def lines(count: int, seed: int = 1) -> bytes:
    """Records as the batch route takes them (NDJSON)."""
    return b"".join(
        json.dumps({"key": key, "data": data}, ensure_ascii=False).encode("utf-8") + b"\n"
        for key, data in records(count, seed)
    )


def stored(count: int, seed: int = 1) -> list[tuple[str, bytes]]:
    """Records as they are stored: key and JSON."""
    return [
        (key, json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
        for key, data in records(count, seed)
    ]


def picture(seed: int = 1) -> bytes:
    """A file of 1 MiB that compression makes no smaller, as pictures are."""
    return b"\x89PNG\r\n\x1a\n" + random.Random(seed).randbytes(FILE_BYTES - 8)


def spreadsheet(seed: int = 1) -> bytes:
    """A file of 1 MiB of comma-separated values."""
    chance = random.Random(seed)
    rows: list[str] = []
    size = 0
    while size < FILE_BYTES:
        row = f"{len(rows)},{chance.choice(_NAMES)},{chance.choice(_TAGS)},{chance.uniform(0, 9999):.2f},2026-11-24\n"
        rows.append(row)
        size += len(row.encode("utf-8"))
    return "".join(rows).encode("utf-8")[:FILE_BYTES]
