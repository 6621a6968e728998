"""The last mail to a person: what was erased, what is kept, and the certificates."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from privacy.egress import Letters
from privacy.models.erasures import Erasure


@dataclass(frozen=True, slots=True)
class Post:
    """Sends it."""

    letters: Letters

    def send(self, to: str, erasure: Erasure, certificates: Sequence[bytes]) -> None:
        """Send the mail; see Letters.send."""
        self.letters.send(to, "Your data at PerfectWORK is erased", text(erasure, certificates))


def text(erasure: Erasure, certificates: Sequence[bytes]) -> str:
    """The mail's text; the first certificate is the erasure's, the others are those of the databases."""
    kept = [
        f"- {kept['category']} ({', '.join(kept['fields'])}), until {kept['until']}:\n  {kept['why']}."
        for kept in erasure.kept
    ]
    told = [f"- {notice['processor']}: {_when(notice)}" for notice in erasure.notices]
    parts = [
        "What we held about you is erased, as you asked or as our policy says, and we looked\n"
        "twice that nothing is left.",
        "What the law makes us keep:\n\n" + "\n".join(kept) if kept else "The law makes us keep nothing of it.",
        "These processors received data of yours:\n\n" + "\n".join(told) if told else "",
        "Your address is removed as soon as this mail has left. The certificates follow: the first\n"
        "of your erasure, then one for each of your databases that was destroyed. Keep this mail\n"
        "if you want to prove it; anybody can check them with the published key.",
        *(json.dumps(json.loads(certificate), ensure_ascii=False, indent=1) for certificate in certificates),
        "PerfectWORK",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _when(notice: dict[str, Any]) -> str:
    return f"told at {notice['told_at']}" if "told_at" in notice else "will be told as soon as it can be reached"
