"""The last mail to a person: what was erased, what is kept, and the certificates."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from privacy.clock import rfc3339
from privacy.egress import Letters
from privacy.models.erasures import Erasure, NoticeStatus
from privacy.subjects.notices import Notice


@dataclass(frozen=True, slots=True)
class Post:
    """Sends it."""

    letters: Letters

    def send(self, to: str, erasure: Erasure, told: Sequence[Notice], certificates: Sequence[bytes]) -> None:
        """Send the mail; see Letters.send."""
        self.letters.send(to, "Your data at PerfectWORK is erased", text(erasure, told, certificates))


def text(erasure: Erasure, notices: Sequence[Notice], certificates: Sequence[bytes]) -> str:
    """The mail's text; the first certificate is the erasure's, the others are those of the databases. `notices` are
    what became of the processors' notices by now, which may be more than the certificate says.
    """
    kept = [
        f"- {kept['category']} ({', '.join(kept['fields'])}), until {kept['until']}:\n  {kept['why']}."
        for kept in erasure.kept
    ]
    told = [f"- {notice.processor}: {_when(notice)}" for notice in notices]
    is_open = any(notice.status is not NoticeStatus.TOLD for notice in notices)
    parts = [
        "What we held about you is erased, as you asked or as our policy says, and we looked\n"
        "twice that nothing is left.",
        "What the law makes us keep:\n\n" + "\n".join(kept) if kept else "The law makes us keep nothing of it.",
        "These processors received data of yours:\n\n" + "\n".join(told) if told else "",
        "What is not confirmed yet goes on without your address. Our HelpDesk can tell you how it\n"
        f"ended: name the request {erasure.id}."
        if is_open
        else "",
        "Your address is removed as soon as this mail has left. The certificates follow: the first\n"
        "of your erasure, then one for each of your databases that was destroyed. Keep this mail\n"
        "if you want to prove it; anybody can check them with the published key.",
        *(json.dumps(json.loads(certificate), ensure_ascii=False, indent=1) for certificate in certificates),
        "PerfectWORK",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _when(notice: Notice) -> str:
    if notice.status is NoticeStatus.TOLD and notice.at:
        return f"told at {rfc3339(notice.at)}"
    if notice.status is NoticeStatus.REFUSED:
        return "not told yet: our notice was refused, and our data protection officer sees to it"
    return "not confirmed yet; it is told as soon as it can be reached"
