"""Delivery over HTTPS to the hosts of the register and no other: one POST, no redirect, no value in an error."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Protocol

from privacy.policy import Policy

TIMEOUT_SECONDS = 10.0
"""For each wait on the network; a processor's answer takes a second or two."""

LARGEST_ANSWER = 65_536
"""Bytes of an answer that are read; a token has some hundreds."""

_HTTPS = 443


class NotAHostError(Exception):
    """The register does not name this host for this processor."""


class LostError(Exception):
    """No answer came. Whether the message arrived is open: it is sent again, under the same key."""


class Sender(Protocol):
    """Brings content to a processor."""

    def post(self, processor: str, host: str, path: str, content: bytes, headers: Mapping[str, str]) -> int:
        """POST it; the status of the answer, which is not read any further.

        Raises: NotAHostError, LostError.
        """
        ...


class Asking(Sender, Protocol):
    """A sender that reads an answer, too."""

    def ask(
        self, processor: str, host: str, path: str, content: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """POST it; the status and the answer, `LARGEST_ANSWER` bytes at most: for a token of ours, which is nothing of
        anybody's.

        Raises: NotAHostError, LostError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Https:
    """The way to the processors themselves. Certificates are verified against the platform's authorities."""

    policy: Policy
    timeout: float = TIMEOUT_SECONDS

    def post(self, processor: str, host: str, path: str, content: bytes, headers: Mapping[str, str]) -> int:
        """See Sender."""
        return _post(self._connection(processor, host), path, content, headers)[0]

    def ask(
        self, processor: str, host: str, path: str, content: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """See Asking."""
        return _post(self._connection(processor, host), path, content, headers, LARGEST_ANSWER)

    def _connection(self, processor: str, host: str) -> HTTPSConnection:
        known = self.policy.processors.get(processor)
        if known is None or host not in known.hosts:
            raise NotAHostError(f"{processor} is not reached at this host")
        context = ssl.create_default_context()
        return HTTPSConnection(host, _HTTPS, timeout=self.timeout, context=context)


@dataclass(frozen=True, slots=True)
class Sink:
    """For the local engine, where no processor is reached: a process of this machine takes everything and shows it."""

    port: int

    def post(self, processor: str, host: str, path: str, content: bytes, headers: Mapping[str, str]) -> int:
        """See Sender. The host is not asked: its name is a part of the path."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        return _post(connection, f"/{processor}{path}", content, headers)[0]


def _post(
    connection: HTTPConnection, path: str, content: bytes, headers: Mapping[str, str], read: int = 0
) -> tuple[int, bytes]:
    try:
        connection.request("POST", path, content, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read(read)
    except (OSError, HTTPException, ValueError):  # their texts may tell what was sent
        raise LostError("the processor gave no answer") from None
    finally:
        connection.close()
