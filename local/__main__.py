"""The local engine from the command line: `python -m local --help`."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from local import certificates, commands, deployment, functions, packaging, tokens, travel
from local.engine import Engine, EngineError, find

Command = Callable[[Engine, argparse.Namespace], int]
ERRORS = (
    EngineError,
    certificates.CertificateError,
    deployment.DeploymentError,
    functions.FunctionError,
    packaging.PackagingError,
    travel.TravelError,
    BotoCoreError,
    ClientError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 when it did what was asked, 1 when not, 130 when interrupted."""
    given = parser().parse_args(arguments)
    command: Command = given.command
    try:
        folder = Path(given.folder).resolve()
        return command(find(folder, None if command is commands.forget else given.port), given)
    except EndpointConnectionError:
        print("error: the local engine does not run: `make local` starts it", file=sys.stderr)
        return 1
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
    top.add_argument("--port", type=int, default=port, help="default: PRIVACY_PORT, else the last, else 4566")
    subcommands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        sub = subcommands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    def named(name: str, command: Command, text: str, often: str | None = None) -> argparse.ArgumentParser:
        sub = add(name, command, text)
        sub.add_argument("name", metavar="NAME", nargs=often, help="a folder of functions/, such as session_expiry")
        sub.add_argument("--region", choices=deployment.places().regions, help="default: the home region")
        return sub

    add("start", commands.start, "start the engine and deploy both regions; again: deploy what changed")
    add("stop", commands.stop, "save the state and end the engine")
    add("forget", commands.forget, "end the engine and remove its state")
    add("status", commands.status, "say whether the engine runs, where, and what time its functions have")
    add("endpoints", commands.endpoints, "print where things are, as JSON")
    mail = add("mail", commands.show_mail, "print the mails that were sent, newest last")
    mail.add_argument("--last", action="store_true", help="only the newest")
    mail.add_argument("--json", action="store_true", help="as a JSON list")
    add("disclosures", commands.show_disclosures, "print what the processors would have received, newest last")
    tick = named(
        "sweep", commands.sweep, "run a schedule function now, as EventBridge would, and print its answer", "?"
    )
    tick.add_argument("--all", action="store_true", help="run all of them, one after the other, with a line for each")
    add("promises", commands.show_promises, "audit now, and print which promises are kept")
    event = named("invoke", commands.invoke, "call a function with an event and print its answer")
    event.add_argument("event", metavar="EVENT", help="a file of JSON, such as events/mail/signup.json")
    named("logs", commands.show_logs, "print what a function has logged")
    move = add("travel", commands.move_clock, "move the functions' clock ahead, only here; again: further ahead")
    move.add_argument("duration", metavar="DURATION", nargs="?", help="ISO 8601, such as P22D or P3M")
    move.add_argument("--reset", action="store_true", help="back to the machine's time")
    token = add("token", commands.staff_token, "print a bearer token of a member of staff, for eight hours, only here")
    token.add_argument("role", metavar="ROLE", choices=tokens.ROLES, help=", ".join(tokens.ROLES))
    token.add_argument("--person", metavar="NAME", help="another person of that role; default: local-ROLE")
    proof = add("verify-certificate", commands.verify_certificate, "check a deletion certificate, offline")
    proof.add_argument("file", metavar="FILE", help="the certificate, as GET /databases/{id}/certificate answered it")
    proof.add_argument("--previous", metavar="FILE", help="the certificate that it must follow in the chain")
    proof.add_argument("--key", metavar="FILE", help="the key that must have signed it: GET /certificates/key, or PEM")
    restore = add("restore", commands.restore, "write back what a backup holds and its database lacks, and wait for it")
    restore.add_argument("database", metavar="DATABASE", help="the database's id")
    restore.add_argument("backup", metavar="BACKUP", help="an id that GET /databases/{id}/backups gives")
    restore.add_argument("--overwrite", action="store_true", help="also what the database holds in another version")
    restore.set_defaults(region=None)
    add("tour", commands.take_tour, "drive the running system with real input and show what a person would see")
    return top


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `… logs mail | head` ends quietly
    sys.exit(main())
