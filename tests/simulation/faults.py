"""AWS clients that a test can watch and break: at any call the worker is killed, or the answer is lost on its way."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

_LOCAL = ("exceptions", "meta", "generate_presigned_url", "get_paginator", "can_paginate")
"""What a boto3 client does without a call."""

READS = ("get_", "list_", "head_", "query", "describe_")


class CrashError(BaseException):
    """The worker is gone. No handler may catch it: nothing of the process is left that could."""


@dataclass
class Call:
    """One call to AWS, in the order in which they were made."""

    service: str
    name: str
    region: str = ""

    @property
    def writes(self) -> bool:
        return not self.name.startswith(READS)


Fault = Callable[[int, Call], str | None]
"""Says by the number of a call (from 1) what befalls it: `crash-before`, `crash-after`, `timeout-after` (the answer is
lost), `twice` (as when the SDK tries again after a lost answer), `unreachable`, or None.
"""


@dataclass
class Faults:
    """The clients of one test, all watched by the same counter."""

    clients: Callable[[str, str], Any]
    fault: Fault = lambda number, call: None
    meanwhile: Callable[[], None] = lambda: None
    """What happens elsewhere before a call."""
    afterwards: Callable[[int, Call], None] | None = None
    """Looks at the stores after each call, while no other is under way: set, it lets calls be made only in turn."""
    calls: list[Call] = field(default_factory=list)
    _lock: Any = field(default_factory=threading.Lock)
    _turn: Any = field(default_factory=threading.RLock)

    def __call__(self, service: str, region: str) -> "Watched":
        return Watched(self, service, region, self.clients(service, region))

    def made(self, this: Call, call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        with self._lock:
            self.calls.append(this)
            number = len(self.calls)
        if threading.current_thread() is threading.main_thread():
            self.meanwhile()
        befalls = self.fault(number, this)
        if befalls == "crash-before":
            raise CrashError
        if befalls == "unreachable":
            raise EndpointConnectionError(endpoint_url="https://aws.invalid")
        if befalls == "twice" and this.name != "transact_write_items":  # its token makes the second one no other
            call(**arguments)
        if self.afterwards is None:
            answer = call(**arguments)
        else:
            with self._turn:
                answer = call(**arguments)
                self.afterwards(number, this)
        if befalls == "crash-after":
            raise CrashError
        if befalls == "timeout-after":
            raise ReadTimeoutError(endpoint_url="https://aws.invalid")
        return answer


@dataclass
class Watched:
    """A boto3 client whose calls are counted and may be broken."""

    faults: Faults
    service: str
    region: str
    client: Any

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.client, name)
        if name in _LOCAL:
            return attribute
        return lambda **arguments: self.faults.made(Call(self.service, name, self.region), attribute, arguments)
