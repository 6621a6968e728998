"""Every promise that something keeps has a test that names it, and every test names a promise that exists."""

import ast
import functools
import json

from privacy.policy import load
from privacy.policy.register import MAPPING
from tests.template.source import ROOT


@functools.cache
def _marked() -> frozenset[str]:
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.promise":
                found |= {str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)}
    return frozenset(found)


def test_every_promise_that_a_function_keeps_has_a_test_that_names_it() -> None:
    kept = {promise.id for promise in load().promises.values() if promise.kept_by}
    assert kept - _marked() == set()


def test_a_promise_that_has_a_check_is_kept_by_something_and_shown_by_a_test() -> None:
    """A promise without a check is not kept yet; the audit's own tests hold that each has one."""
    for row in json.loads(MAPPING.read_text("utf-8"))["promises"]:
        if row["checked_by"]:
            assert row["kept_by"], f"{row['id']} is checked and kept by nothing"
            assert row["id"] in _marked(), f"{row['id']} is checked and shown by no test"


def test_every_test_names_promises_of_the_register() -> None:
    assert _marked() - set(load().promises) == set()


def test_a_promise_that_nothing_keeps_yet_is_claimed_by_no_test() -> None:
    open_ones = {promise.id for promise in load().promises.values() if not promise.kept_by}
    partly = {"policy.single-source", "security.measures", "accounts.necessity", "policy.versions"}
    assert open_ones & _marked() <= partly


def test_every_promise_is_kept_by_functions_that_exist() -> None:
    for promise in load().promises.values():
        for function in promise.kept_by:
            assert (ROOT / "functions" / function / "app.py").is_file(), f"{promise.id} names {function}"
