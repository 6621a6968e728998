"""The sink that stands for the processors on the local engine."""

from pathlib import Path

import pytest

from local import sink
from privacy.egress import Sink


@pytest.mark.promise("processors.allow-list")
def test_the_sink_takes_what_processors_would_on_this_machine_alone_and_ends(tmp_path: Path) -> None:
    sink.start(tmp_path)
    try:
        assert sink.running(tmp_path)
        way = Sink(sink.port(tmp_path))
        assert way.post("stripe", "api.stripe.com", "/erasure-notice", b'{"reference": "2026-1"}', {}) == 204
        assert sink.received(tmp_path) == [
            {"processor": "stripe", "purpose": "erasure-notice", "fields": {"reference": "2026-1"}}
        ]
    finally:
        sink.stop(tmp_path)
    port = sink.port(tmp_path)
    sink.start(tmp_path)
    try:
        assert sink.port(tmp_path) == port
    finally:
        sink.stop(tmp_path)


def test_nothing_was_received_before_anything_was_sent(tmp_path: Path) -> None:
    assert sink.received(tmp_path) == []
    assert sink.running(tmp_path) is None
    sink.stop(tmp_path)
