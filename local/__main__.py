"""The local engine from the command line: `python -m local --help`."""

import argparse
import contextlib
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from local import deployment, functions, outbox, packaging, travel
from local.engine import Engine, EngineError, find

Command = Callable[[Engine, argparse.Namespace], int]
ERRORS = (
    EngineError,
    deployment.DeploymentError,
    functions.FunctionError,
    packaging.PackagingError,
    travel.TravelError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 when it did what was asked, 1 when not, 130 when interrupted."""
    given = parser().parse_args(arguments)
    command: Command = given.command
    try:
        return command(find(Path(given.folder).resolve(), given.port), given)
    except ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted: run the same again to go on; `make stop` ends the engine", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """All commands and what they take."""
    port = os.environ.get("PRIVACY_PORT")
    top = argparse.ArgumentParser(prog="python -m local", description="The whole system on this machine.")
    folder = deployment.REPOSITORY / ".local"
    top.add_argument("--folder", default=folder, help="where state lies (default: .local)")
    top.add_argument("--port", type=int, default=port, help="default: PRIVACY_PORT, else 4566")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    def named(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        sub = add(name, command, text)
        sub.add_argument("name", metavar="NAME", help="a folder of functions/, such as session_expiry")
        sub.add_argument("--region", choices=deployment.places().regions, help="default: the home region")
        return sub

    add("start", start, "start the engine and deploy both regions; again: deploy what changed")
    add("stop", stop, "save the state and end the engine")
    add("status", status, "say whether the engine runs, where, and what time its functions have")
    add("endpoints", endpoints, "print where things are, as JSON")
    mail = add("mail", show_mail, "print the mails that were sent, newest last")
    mail.add_argument("--last", action="store_true", help="only the newest")
    mail.add_argument("--json", action="store_true", help="as a JSON list")
    named("sweep", sweep, "run a schedule function now, as EventBridge would, and print its answer")
    event = named("invoke", invoke, "call a function with an event and print its answer")
    event.add_argument("event", metavar="EVENT", help="a file of JSON, such as events/mail/signup.json")
    named("logs", show_logs, "print what a function has logged")
    move = add("travel", move_clock, "move the functions' clock ahead, only here; again: further ahead")
    move.add_argument("duration", metavar="DURATION", nargs="?", help="ISO 8601, such as P22D or P3M")
    move.add_argument("--reset", action="store_true", help="back to the machine's time")
    tour = add("tour", take_tour, "drive the running system with real input and show what a person would see")
    tour.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return top


def start(engine: Engine, given: argparse.Namespace) -> int:
    """Start, deploy, and say what to try."""
    print(f"{'running' if engine.running() else 'starting'} on {engine.url} …", flush=True)
    engine.folder.mkdir(parents=True, exist_ok=True)
    engine.start()
    print("deploying template.yaml in both regions …", flush=True)
    known = deployment.deploy(engine)
    ahead = travel.offset(engine.folder)
    travel.travel(engine, known["regions"].values(), ahead)
    if ahead:
        print(f"the functions' clock is still {ahead} ahead (python -m local travel --reset)")
    api = known["api"][known["home"]]
    print(
        f"""
The API is at {api}
Try:
  curl -i -X POST {api}/visits -H 'Content-Type: application/json' -d '{{"language": "en"}}'
  curl -i -X POST {api}/signups -H 'Content-Type: application/json' -H 'X-Requested-With: curl' -d '{{
    "kind": "trial", "name": "Ada Lovelace", "email": "ada@example.com", "password": "a long enough password",
    "marketing_consent": false, "captcha_token": "local"}}'
  make mail
"""
    )
    return 0


def stop(engine: Engine, given: argparse.Namespace) -> int:
    """End the engine, its state kept."""
    with contextlib.suppress(EngineError):  # one that answers nothing more is ended all the same
        outbox.keep(f"{engine.url}{deployment.OUTBOX}", engine.folder)
    stopped = engine.stop()
    print(f"stopped; the state is kept in {engine.folder}" if stopped else "no engine runs: nothing to stop")
    return 0


def status(engine: Engine, given: argparse.Namespace) -> int:
    """Whether it runs; exit code 1 when not."""
    pid = engine.running()
    print(f"running on {engine.url} (process {pid})" if pid else "not running: `make local` starts it")
    print(f"the functions' time is {travel.now(engine.folder):%Y-%m-%d %H:%M:%S} UTC")
    return 0 if pid else 1


def endpoints(engine: Engine, given: argparse.Namespace) -> int:
    """What `endpoints.json` says."""
    print(json.dumps(_endpoints(engine), indent=2))
    return 0


def show_mail(engine: Engine, given: argparse.Namespace) -> int:
    """The outbox."""
    live = outbox.read(_endpoints(engine)["outbox"])
    mails = [*outbox.kept(engine.folder), *live][-1 if given.last else 0 :]
    if given.json:
        print(json.dumps([asdict(mail) for mail in mails], indent=2, ensure_ascii=False))
    else:
        print("\n----\n".join(outbox.show(mail) for mail in mails) or "no mail was sent yet")
    return 0


def sweep(engine: Engine, given: argparse.Namespace) -> int:
    """A schedule's tick, now."""
    region = _region(given)
    event = functions.scheduled_event(region, travel.now(engine.folder))
    return _print(functions.invoke(engine, region, given.name, event))


def invoke(engine: Engine, given: argparse.Namespace) -> int:
    """Any function with an event from a file."""
    try:
        event = json.loads(Path(given.event).read_text())
    except (OSError, ValueError) as error:
        raise functions.FunctionError(f"cannot read {given.event}: {error}") from None
    return _print(functions.invoke(engine, _region(given), given.name, event))


def show_logs(engine: Engine, given: argparse.Namespace) -> int:
    """A function's log."""
    for line in functions.logs(engine, _region(given), given.name):
        print(line)
    return 0


def move_clock(engine: Engine, given: argparse.Namespace) -> int:
    """Further ahead, or back to the machine's time."""
    if bool(given.duration) == given.reset:
        raise travel.TravelError("say how far, such as `travel P22D`, or `travel --reset`")
    ahead = timedelta()
    if given.duration:
        now = travel.now(engine.folder)
        ahead = travel.offset(engine.folder) + travel.span(given.duration, now)
    travel.travel(engine, _endpoints(engine)["regions"].values(), ahead)
    print(f"the functions' time is {travel.now(engine.folder):%Y-%m-%d %H:%M:%S} UTC, on this engine only")
    return 0


def take_tour(engine: Engine, given: argparse.Namespace) -> int:
    """The tour, loaded late: it needs more than the launcher does."""
    known = _endpoints(engine)
    return int(importlib.import_module("local.tour").main(known, given.arguments))


def _endpoints(engine: Engine) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(engine.folder.joinpath("endpoints.json").read_text())
    except (OSError, ValueError):
        known = {}
    if not known or not engine.running():
        raise EngineError("the local engine does not run: `make local` starts it")
    return known


def _region(given: argparse.Namespace) -> str:
    where = deployment.places()
    return where.regions[given.region or where.home]


def _print(answer: functions.Answer) -> int:
    print(json.dumps(answer.payload, indent=2, ensure_ascii=False))
    return 1 if answer.failed else 0


if __name__ == "__main__":
    sys.exit(main())
