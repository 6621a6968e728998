"""The way of a message through a queue function: done, or seen again soon, and nothing of it in a log."""

import json
from typing import Any

import pytest

from privacy.aws import client
from privacy.consumer import HasTime, Message, consumer
from tests.unit import engine
from tests.unit.engine import Context, failures, sqs_event

CANARY = "canary-7f3a"
MESSAGE = {"kind": "signup", "id": "sgn_abcdefghijklmnopqrstuvwxyz"}


class Sqs:
    """Notes when messages are shown again; it may be down."""

    def __init__(self, *, down: bool = False) -> None:
        self.shown: list[dict[str, Any]] = []
        self.down = down

    def get_queue_url(self, **call: Any) -> dict[str, str]:
        return {"QueueUrl": f"https://sqs/{call['QueueName']}"}

    def change_message_visibility(self, **call: Any) -> None:
        if self.down:
            raise ConnectionError(CANARY)
        self.shown.append(call)


def fail(message: Message, has_time: HasTime) -> None:
    raise ValueError(f"{CANARY} {message}")


def tried(times: int, *bodies: Any) -> dict[str, Any]:
    event = sqs_event(list(bodies) or [MESSAGE])
    for record in event["Records"]:
        record["attributes"]["ApproximateReceiveCount"] = str(times)
    return event


def test_each_message_is_done_on_its_own_and_those_that_failed_come_again() -> None:
    done: list[Message] = []

    def work(message: Message, has_time: HasTime) -> None:
        if message["id"] == "bad":
            raise KeyError(CANARY)
        done.append(message)

    sqs = Sqs()
    handler = consumer("mail", ("kind", "id"), work, lambda service, region: sqs)
    answer = handler(tried(1, MESSAGE, MESSAGE | {"id": "bad"}, MESSAGE | {"id": "last"}), Context())
    assert failures(answer) == ["message-1"]
    assert [message["id"] for message in done] == [MESSAGE["id"], "last"]
    assert [call["ReceiptHandle"] for call in sqs.shown] == ["receipt-1"]


@pytest.mark.parametrize(
    ("times", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (7, 640), (8, 900), (99, 900)]
)
def test_a_message_that_failed_is_shown_again_after_longer_and_longer(times: int, seconds: int) -> None:
    sqs = Sqs()
    handler = consumer("mail", ("kind", "id"), fail, lambda service, region: sqs)
    handler(tried(times), Context())
    (call,) = sqs.shown
    assert call == {
        "QueueUrl": "https://sqs/perfectwork-mail",
        "ReceiptHandle": "receipt-0",
        "VisibilityTimeout": seconds,
    }


@pytest.mark.usefixtures("stores")
def test_a_real_queue_takes_the_call() -> None:
    sqs = client("sqs", engine.HOME)
    url = sqs.get_queue_url(QueueName="perfectwork-export")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(MESSAGE))
    (received,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    event = sqs_event([received["Body"]], "export")
    event["Records"][0] |= {"receiptHandle": received["ReceiptHandle"], "attributes": received["Attributes"]}
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "1"
    shown: list[int] = []

    class Spy:
        def get_queue_url(self, **call: Any) -> Any:
            return sqs.get_queue_url(**call)

        def change_message_visibility(self, **call: Any) -> Any:
            shown.append(call["VisibilityTimeout"])
            return sqs.change_message_visibility(**call | {"VisibilityTimeout": 0})

    assert failures(consumer("mail", ("kind", "id"), fail, lambda service, region: Spy())(event, Context()))
    assert shown == [10]
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def test_a_retry_that_cannot_be_hastened_comes_later() -> None:
    handler = consumer("mail", ("kind", "id"), fail, lambda service, region: Sqs(down=True))
    assert failures(handler(tried(1), Context())) == ["message-0"]


@pytest.mark.parametrize("down", [False, True])
def test_no_log_holds_anything_of_a_message_or_an_error(capsys: pytest.CaptureFixture[str], down: bool) -> None:
    handler = consumer("mail", ("kind", "id"), fail, lambda service, region: Sqs(down=down))
    handler(tried(1, MESSAGE, CANARY, MESSAGE | {"kind": f"{CANARY} é"}), Context())
    logged = capsys.readouterr()
    assert CANARY not in logged.out + logged.err
    assert MESSAGE["id"] not in logged.out + logged.err
    assert "ValueError" in logged.out


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", '"x"', "null", "{}", '{"kind":"a"}', '{"kind":"a","id":1}', '{"kind":"a","id":"b","name":"c"}'],
)
def test_what_is_no_message_of_ours_is_not_worked_on(body: str) -> None:
    def work(message: Message, has_time: HasTime) -> None:
        raise AssertionError("it was worked on")

    handler = consumer("mail", ("kind", "id"), work, lambda service, region: Sqs())
    assert failures(handler(tried(1, body), Context())) == ["message-0"]


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "x",
        {},
        {"Records": None},
        {"Records": []},
        {"Records": [{"eventSource": "aws:s3"}]},
        {"source": "aws.events"},
    ],
)
def test_what_is_no_batch_of_messages_is_refused(event: Any) -> None:
    answer = consumer("mail", ("kind", "id"), fail, lambda service, region: Sqs())(event, Context())
    assert answer == {"error": "this is not a batch of messages of ours"}


def test_time_is_up_a_minute_before_lambda_ends_the_worker() -> None:
    seen: list[bool] = []
    handler = consumer("mail", ("kind",), lambda message, has_time: seen.append(has_time()))
    for seconds in (61.0, 60.001, 60.0, 1.0):
        handler(tried(1), Context(seconds=seconds))
    assert seen == [True, True, False, False]
