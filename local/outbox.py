"""The mails that the local engine's SES holds instead of sending them."""

import json
import urllib.request
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from local.engine import EngineError


@dataclass(frozen=True)
class Mail:
    """One mail, as its reader would see it."""

    sent: str
    to: list[str]
    subject: str
    text: str


def read(outbox: str) -> list[Mail]:
    """The mails at an outbox's address, newest last.

    Raises: EngineError when nothing answers there.
    """
    try:
        with urllib.request.urlopen(outbox, timeout=10) as answer:
            accounts = json.load(answer)["messages"]
    except OSError:
        raise EngineError("the local engine does not answer: `make local` starts it") from None
    messages = sorted(
        (message for account in accounts.values() for message in account),
        key=lambda message: float(message["Timestamp"]),
    )
    return [
        Mail(
            datetime.fromtimestamp(float(message["Timestamp"]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            message["To"],
            message["Subject"] or "",
            message["BodyText"] or "",
        )
        for message in messages
    ]


def keep(outbox: str, folder: Path) -> None:
    """Write the mails down before the engine ends, which forgets them."""
    mails = read(outbox)
    with _kept(folder).open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps(asdict(mail), ensure_ascii=False) + "\n" for mail in mails)


def kept(folder: Path) -> list[Mail]:
    """The mails of earlier runs, newest last."""
    try:
        return [Mail(**json.loads(line)) for line in _kept(folder).read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []


def show(mail: Mail) -> str:
    """A mail as text for a terminal."""
    return f"To: {', '.join(mail.to)}\nDate: {mail.sent}\nSubject: {mail.subject}\n\n{mail.text.rstrip()}\n"


def _kept(folder: Path) -> Path:
    return folder / "outbox.jsonl"
