"""What the documents name is there, and what an operator meets is in them."""

import re

import pytest

from local.__main__ import parser
from tests.template.source import ROOT, resources, template

DOCUMENTS = ["README.md", "website/README.md", "docs/architecture.md", "docs/operations.md", "docs/trends.md"]
OPERATIONS = ROOT.joinpath("docs/operations.md").read_text("utf-8")
ALARMS = {name: body["Properties"] for name, body in resources("AWS::CloudWatch::Alarm").items()}
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
FOLDERS = ("docs", "events", "functions", "layers", "local", "openapi", "tests", "website")


def read(name: str) -> str:
    return ROOT.joinpath(name).read_text("utf-8")


def alarms(text: str) -> list[str]:
    """The alarms that a text names, as patterns: `…ErrorsAlarm` is each that ends so."""
    return [("" if some else "^") + name + "$" for some, name in re.findall(r"`(…?)(\w+Alarm)`", text)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_file_that_a_document_names_is_there(name: str) -> None:
    here = [f"/{path.relative_to(ROOT)}" for folder in FOLDERS for path in ROOT.joinpath(folder).rglob("*.*")]
    named = re.findall(r"`([\w-][\w./-]*/[\w.-]+\.(?:py|json|md|js|yaml))`", read(name))
    assert [each for each in named if not any(path.endswith(f"/{each}") for path in here)] == []
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", read(name))
    assert [each for each in linked if not ROOT.joinpath(name).parent.joinpath(each).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_make_target_and_a_command_that_a_document_names_are_there(name: str) -> None:
    targets = re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE)
    assert set(re.findall(r"(?:`|^|\$ |\()make (?:-s )?([a-z]+)", read(name), re.MULTILINE)) <= set(targets)
    usage = parser().format_help()
    for command in re.findall(r"python -m local ([a-z][a-z-]*)", read(name)):
        assert re.search(rf"^    {command}\b", usage, re.MULTILINE), command


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_in_the_table_of_the_readme_and_in_the_picture_of_the_architecture(name: str) -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", read("README.md"), re.MULTILINE)
    assert any(f"`{name}`" in row for row in rows)
    picture = read("docs/architecture.md").split("```")[1]
    assert re.search(rf"\b{name}\b| {name.removeprefix('database')}\b", picture)


def test_every_room_of_the_layer_is_in_the_architecture() -> None:
    rooms = {path.name.removesuffix(".py") for path in ROOT.joinpath("layers/models/python/privacy").iterdir()}
    told = read("docs/architecture.md")
    assert [room for room in rooms if not room.startswith("__") and f"`{room}`" not in told] == []


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_is_in_the_table_of_the_operations_and_leads_to_a_section_of_them(name: str) -> None:
    table = OPERATIONS.split("## Alarms")[1].split("###")[0]
    assert any(re.search(pattern, name) for pattern in alarms(table))
    (section,) = re.findall(r'docs/operations\.md, "([^"]+)"', ALARMS[name]["AlarmDescription"])
    assert re.search(rf"^##+ {section}$", OPERATIONS, re.MULTILINE)


def test_an_alarm_that_the_operations_name_is_there() -> None:
    assert [each for each in alarms(OPERATIONS) if not any(re.search(each, name) for name in ALARMS)] == []


def test_every_parameter_is_in_the_table_of_the_operations_and_a_figure_is_its_default() -> None:
    table = OPERATIONS.split("## Alarms")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([^|]*) \|", table, re.MULTILINE)
    told = {name: default for names, default in rows for name in re.findall(r"\w+", names)}
    assert set(template()["Parameters"]) == set(told)
    figures = {name: re.fullmatch(r"`([\d.]+)`", default) for name, default in told.items()}
    for name, figure in figures.items():
        assert figure is None or float(figure[1]) == template()["Parameters"][name]["Default"], name
