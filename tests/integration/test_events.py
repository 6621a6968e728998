"""Every function of the deployed template is run: by each sample of `events/`, and by what none of them expects."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from local import functions
from tests.integration.deployed import PROBLEM, Customer, Deployed, new_address, sqs_event, trial
from tests.template.source import ROOT, template

EVENTS = ROOT / "events"
ASIA = "ap-southeast-1"
REGIONS = (ASIA, "us-east-1")
SAMPLES = sorted(path.relative_to(EVENTS).with_suffix("").as_posix() for path in EVENTS.glob("*/*.json"))
DOWN = "signup/bad-verifier-down"
"""The one sample whose right answer is a 503."""
NOTHING_TO_DO = ("database_deletion/bad-no-segment", "database_import/bad-unknown-job", "database_move/bad-unknown-job")
"""They ask of a database or a job that is not there, as a late message may: nothing is done, and nothing repeated."""
OPERATOR_S = tuple(f"database_restore/bad-{case}" for case in ("unknown-backup", "unknown-restore", "overwrite"))
"""Calls of an operator's, not messages: they are refused with a sentence."""
AT_HOME = {
    functions.folder_name(name)
    for name, body in template()["Resources"].items()
    if body["Type"] == "AWS::Serverless::Function" and body.get("Condition") == "IsHome"
}
"""The functions that are deployed in the home region alone."""
UNKNOWN_EVENT = "bad-unknown-event"
"""What neither a queue nor a schedule sends: nothing is done, and a sentence of ours says so."""


def triggers() -> dict[str, str]:
    """What starts each function of the template: Api, SQS or Schedule, by the name of its folder."""
    found = {}
    for name, resource in template()["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            [kind] = {event["Type"] for event in resource["Properties"]["Events"].values()}
            found[functions.folder_name(name)] = kind
    return found


TRIGGERS = triggers()


def queues() -> dict[str, str]:
    """The queue of each function that one starts, by the name without the stack's."""
    resources = template()["Resources"]
    found = {}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Serverless::Function":
            for event in resource["Properties"]["Events"].values():
                if event["Type"] == "SQS":
                    queue = resources[event["Properties"]["Queue"]["Fn::GetAtt"][0]]["Properties"]["QueueName"]
                    found[functions.folder_name(name)] = queue["Fn::Sub"].removeprefix("${AWS::StackName}-")
    return found


QUEUES = queues()


def of_kind(*kinds: str) -> list[str]:
    return sorted(name for name, kind in TRIGGERS.items() if kind in kinds)


def sample(name: str) -> Any:
    return json.loads(EVENTS.joinpath(f"{name}.json").read_text("utf-8"))


def body_of(payload: Any) -> bytes:
    text = payload["body"]
    return base64.b64decode(text) if payload.get("isBase64Encoded") else text.encode()


@pytest.fixture(scope="module")
def somebody(system: Deployed) -> Customer:
    """A customer whose session and link stand in the samples that want some."""
    return system.customer()


@pytest.fixture(scope="module")
def link(system: Deployed) -> str:
    """The token of a mail that nobody has followed."""
    address = new_address()
    system.panel().call("POST", "/signups", trial(address), expect=202)
    return system.token(address)


def filled_in(event: Any, customer: Customer, token: str) -> Any:
    """A sample with somebody's session, database and link in place of what it leaves open."""
    text = json.dumps(event)
    text = re.sub(r"session_id=put-[a-z-]+", f"session_id={customer.panel.cookie}", text)
    body = event.get("body")
    if isinstance(body, str) and event.get("resource") == "/signups/confirmation":
        decoded = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        if "put-" in decoded.decode():
            event = json.loads(text)
            raw = json.dumps({"token": token}).encode()
            event["body"] = base64.b64encode(raw).decode() if event.get("isBase64Encoded") else raw.decode()
            return event
    return json.loads(text)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_answered_by_its_deployed_function(
    system: Deployed, somebody: Customer, link: str, name: str
) -> None:
    function, bad = name.split("/")[0], name.split("/")[1].startswith("bad-")
    answer = system.invoke(function, filled_in(sample(name), somebody, link))
    kind = TRIGGERS[function]
    if kind == "Schedule":
        assert not answer.failed, answer.payload
        assert ("error" in answer.payload) == bad
    elif kind == "SQS" and (name.endswith(UNKNOWN_EVENT) or name in OPERATOR_S):
        assert (answer.failed, set(answer.payload)) == (False, {"error"})
    elif kind == "SQS":
        assert not answer.failed, answer.payload
        assert bool(answer.payload["batchItemFailures"]) == (bad and name not in NOTHING_TO_DO)
    else:
        assert not answer.failed, answer.payload
        status, told = answer.payload["statusCode"], body_of(answer.payload)
        assert status < 500 or name == DOWN, told
        if bad:
            assert status >= 400, told
        if status >= 400:
            assert answer.payload["headers"]["Content-Type"] == PROBLEM
            assert json.loads(told)["status"] == status


def test_every_function_of_the_template_has_samples_good_and_bad() -> None:
    for name in TRIGGERS:
        mine = [sample.split("/")[1] for sample in SAMPLES if sample.split("/")[0] == name]
        assert any(each.startswith("bad-") for each in mine), f"events/{name} has no bad-….json"
        assert any(not each.startswith("bad-") for each in mine), f"events/{name} has no good sample"
    assert {Path(sample).parts[0] for sample in SAMPLES} == set(TRIGGERS)


def test_every_function_is_deployed_where_it_belongs(system: Deployed) -> None:
    everywhere = {
        functions.folder_name(name)
        for name, body in template()["Resources"].items()
        if body["Type"] == "AWS::Serverless::Function" and "Condition" not in body
    }
    assert {f"database_{name}" for name in ("backup", "deletion", "export", "import", "move", "restore")} <= everywhere
    for region in system.regions:
        deployed = functions.all_names(system.engine, region)
        here = TRIGGERS if region == system.home else everywhere
        names = {f"perfectwork-{name.replace('_', '-')}" for name in here}
        assert set(deployed) == names


STRANGE: list[Any] = [
    {},
    [],
    None,
    "canary-of-an-event",
    7,
    {"Records": []},
    {"Records": None},
    {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "canary-of-an-event"}}}]},
    {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "canary-of-an-event"}}]},
    {"Records": ["canary-of-an-event"]},
    {"version": "2.0", "routeKey": "POST /signups", "rawPath": "/signups", "body": "canary-of-an-event"},
    {"source": "aws.s3", "detail-type": "Object Created", "detail": {"key": "canary-of-an-event"}},
    {"resource": "/signups", "path": "/signups", "httpMethod": "POST", "requestContext": None},
    {"requestContext": {"resourcePath": "canary-of-an-event", "httpMethod": "POST"}},
]
"""Events of other services, of other versions, and of nobody."""


@pytest.mark.parametrize("name", of_kind("Api"))
def test_a_route_s_function_answers_an_event_of_another_shape_with_a_problem(system: Deployed, name: str) -> None:
    for event in STRANGE:
        answer = system.invoke(name, event)
        assert not answer.failed, (event, answer.payload)
        assert answer.payload["statusCode"] in (400, 404), event
        assert answer.payload["headers"]["Content-Type"] == PROBLEM
        assert b"canary-of-an-event" not in body_of(answer.payload)
    assert "canary-of-an-event" not in "\n".join(system.log(name))


@pytest.mark.parametrize("name", [*of_kind("Schedule"), *of_kind("SQS")])
def test_a_schedule_s_or_queue_s_function_does_nothing_for_an_event_of_another_shape(
    system: Deployed, name: str
) -> None:
    for event in STRANGE:
        answer = system.invoke(name, event)
        assert not answer.failed, (event, answer.payload)
        assert set(answer.payload) == {"error"}, event
    assert "canary-of-an-event" not in "\n".join(system.log(name))


BROKEN = [
    "canary-of-a-message",
    "",
    "{",
    "null",
    "[]",
    '"canary-of-a-message"',
    "{}",
    '{"database_id": "canary-of-a-message"}',
    '{"kind": "signup", "id": "canary-of-a-message@example.com"}',
    '{"kind": "canary-of-a-message", "id": "sgn_aaaaaaaaaaaaaaaaaaaaaaaaaa"}',
    '{"database_id": "../canary-of-a-message", "step": "start", "export_id": "x", "job_id": "x"}',
    '{"database_id": "db_aaaaaaaaaaaaaaaaaaaaaaaaaa", "step": "start", "canary-of-a-message": "x"}',
    '{"database_id": ["db_aaaaaaaaaaaaaaaaaaaaaaaaaa"], "export_id": 7, "job_id": null, "step": {}}',
    "\u202e\x00canary-of-a-message",
    "[" * 5000 + "]" * 5000,
    '{"database_id": "' + "a" * 10_000 + '", "step": "start"}',
]


@pytest.mark.parametrize(
    ("name", "region"),
    [(name, region) for name in of_kind("SQS") for region in REGIONS if name not in AT_HOME or region == ASIA],
)
def test_a_broken_message_fails_alone_and_nothing_of_it_is_told(system: Deployed, name: str, region: str) -> None:
    answer = system.invoke(name, sqs_event(BROKEN, QUEUES[name], region), region)
    assert not answer.failed, answer.payload
    failed = [entry["itemIdentifier"] for entry in answer.payload["batchItemFailures"]]
    assert failed == [f"message-{number}" for number in range(len(BROKEN))]
    logged = "\n".join(system.log(name, region))
    assert "canary-of-a-message" not in logged + json.dumps(answer.payload)


@pytest.mark.parametrize("name", of_kind("SQS"))
def test_a_good_message_beside_a_broken_one_is_done(system: Deployed, name: str) -> None:
    good = {
        "mail": '{"kind": "signup", "id": "sgn_aaaaaaaaaaaaaaaaaaaaaaaaaa"}',
        "marketing_sending": f'{{"kind": "message", "id": "cam_{"a" * 26}", "account_id": "acc_{"a" * 26}"}}',
        "database_deletion": '{"database_id": "db_aaaaaaaaaaaaaaaaaaaaaaaaaa", "step": "start"}',
        "database_export": f'{{"database_id": "db_{"a" * 26}", "export_id": "exp_{"a" * 52}"}}',
        "database_import": f'{{"database_id": "db_{"a" * 26}", "job_id": "job_{"a" * 26}"}}',
        "database_backup": f'{{"database_id": "db_{"a" * 26}", "job_id": "bak_{"a" * 52}"}}',
        "database_restore": f'{{"database_id": "db_{"a" * 26}", "job_id": "job_{"a" * 26}"}}',
        "database_move": f'{{"database_id": "db_{"a" * 26}", "job_id": "job_{"a" * 26}"}}',
        "account_export": f'{{"account_id": "acc_{"a" * 26}", "export_id": "exp_{"a" * 26}"}}',
        "erasure": f'{{"id": "ers_{"a" * 26}"}}',
        "disclosure": f'{{"id": "dsc_{"a" * 26}"}}',
    }[name]
    answer = system.invoke(name, sqs_event([good, "{", good], QUEUES[name], system.home))
    assert (answer.failed, answer.payload) == (False, {"batchItemFailures": [{"itemIdentifier": "message-1"}]})
