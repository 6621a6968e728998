"""A customer's client of the running system: HTTP and nothing else, as the website and the control panel use it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3

_WAIT_SECONDS = 180.0


class UnexpectedAnswerError(Exception):
    """The system answered something else than what it promises."""


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)


@dataclass
class ControlPanel:
    """Calls the API at `api` (one customer's cookie is kept)."""

    api: str
    cookie: str | None = None
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=8, retries=False))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        expect: int | tuple[int, ...],
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and give its answer.

        Raises: UnexpectedAnswerError for any other status than the expected.
        """
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Accept": "*/*", "X-Requested-With": "tour"}  # API Gateway decodes bytes only for who accepts some
        if raw is not None:
            sent["Content-Type"] = content_type
        if self.cookie:
            sent["Cookie"] = f"session_id={self.cookie}"
        answer = self.pool.request(
            method, self.api + path, body=raw, headers=sent | dict(headers or {}), redirect=False, timeout=120.0
        )
        wanted = expect if isinstance(expect, tuple) else (expect,)
        if answer.status not in wanted:
            told = answer.data[:300].decode("utf-8", "replace")
            raise UnexpectedAnswerError(f"{method} {path}: {answer.status} where {wanted} was expected: {told}")
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, _, value = cookie.split(";", 1)[0].partition("=")
            if name.strip() == "session_id":
                self.cookie = value or None
        return Answer(answer.status, answer.headers, answer.data)

    def fetch(self, url: str) -> bytes:
        """The bytes behind a link, without any cookie."""
        answer = self.pool.request("GET", url, timeout=300.0)
        if answer.status != 200:
            raise UnexpectedAnswerError(f"a download link answered {answer.status}")
        return answer.data

    def put_part(self, url: str, content: bytes) -> str:
        """Send one part of an upload to its link; its ETag."""
        answer = self.pool.request("PUT", url, body=content, timeout=300.0)
        if answer.status != 200:
            raise UnexpectedAnswerError(f"an upload link answered {answer.status}")
        return str(answer.headers["ETag"])

    def follow(self, path: str, done: Callable[[Any], bool], show: Callable[[Any], None]) -> Any:
        """Ask until the work is done, and show each change of its progress.

        Raises: UnexpectedAnswerError when it fails or takes too long.
        """
        until = time.monotonic() + _WAIT_SECONDS
        shown = None
        while True:
            state = self.call("GET", path, expect=200).json()
            told = (state.get("status"), state.get("progress"), state.get("stores"))
            if told != shown:
                show(state)
                shown = told
            if done(state):
                return state
            if state.get("status") == "failed":
                raise UnexpectedAnswerError(f"{path} failed: {state.get('error')}")
            if time.monotonic() > until:
                raise UnexpectedAnswerError(f"{path} is not done after {_WAIT_SECONDS:.0f} s: {told}")
            time.sleep(0.3)
