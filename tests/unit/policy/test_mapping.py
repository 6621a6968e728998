"""Our register beside the policy: the category of each stored field, and who keeps, checks and shows each promise."""

import dataclasses
import importlib
import inspect
import json
import pkgutil
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel

import privacy.models
from privacy.policy import documents, versions
from privacy.policy.register import MAPPING

NOTHING_STORED = "nothing-stored"
"""In the place of a category: a field that is used and not kept."""


def mapping() -> Any:
    return json.loads(MAPPING.read_text("utf-8"))


def models() -> Mapping[str, set[str]]:
    """The fields of every dataclass and pydantic model in `privacy.models`, as `module.Class`."""
    found: dict[str, set[str]] = {}
    for info in pkgutil.walk_packages(privacy.models.__path__, "privacy.models."):
        for name, kind in vars(importlib.import_module(info.name)).items():
            if not inspect.isclass(kind) or kind.__module__ != info.name:
                continue
            called = f"{info.name.removeprefix('privacy.models.')}.{name}"
            if dataclasses.is_dataclass(kind):
                found[called] = {field.name for field in dataclasses.fields(kind)}
            elif issubclass(kind, BaseModel):
                found[called] = set(kind.model_fields)
    return found


def complaints(found: Mapping[str, set[str]], register: Any, categories: set[str]) -> list[str]:
    """What is wrong with the register of fields, in sentences."""
    said = []
    for name, fields in found.items():
        if name in register["not_stored"]:
            continue
        known = [each for rows in register["fields"].get(name, {}).values() for each in rows]
        said += [f"{name}.{each} has no category" for each in sorted(fields - set(known))]
        said += [f"{name}.{each} is in the register and not in the model" for each in sorted(set(known) - fields)]
        said += [
            f"{name}.{each} has two categories" for each in sorted({each for each in known if known.count(each) > 1})
        ]
    for name, rows in register["fields"].items():
        said += [f"{name}: there is no category {each}" for each in sorted(set(rows) - categories - {NOTHING_STORED})]
    said += [f"{each} is no model" for each in sorted({*register["fields"], *register["not_stored"]} - found.keys())]
    said += [f"{each} is stored and not stored" for each in sorted({*register["fields"]} & {*register["not_stored"]})]
    return said


def categories() -> set[str]:
    return set(versions()[max(versions())].data)


@pytest.mark.promise("policy.single-source")
def test_every_stored_field_belongs_to_a_category_with_owner_purpose_and_retention() -> None:
    assert complaints(models(), mapping(), categories()) == []
    for category in versions()[max(versions())].data.values():
        assert category.owner, category.id
        assert category.purpose, category.id
        assert category.retention, category.id


@pytest.mark.promise("policy.single-source")
def test_a_field_without_a_category_a_new_model_and_an_unknown_category_are_found() -> None:
    register = mapping()
    more = {
        **models(),
        "accounts.Account": models()["accounts.Account"] | {"mood"},
        "moods.Mood": {"account_id", "mood"},
    }
    assert complaints(more, register, categories()) == [
        "accounts.Account.mood has no category",
        "moods.Mood.account_id has no category",
        "moods.Mood.mood has no category",
    ]
    register["fields"]["accounts.Consent"] = {"moods": ["agreed", "at", "policy_version"], "marketing": ["at", "gone"]}
    assert complaints(models(), register, categories()) == [
        "accounts.Consent.wording has no category",
        "accounts.Consent.gone is in the register and not in the model",
        "accounts.Consent.at has two categories",
        "accounts.Consent: there is no category moods",
    ]


def test_the_walk_sees_dataclasses_and_pydantic_models() -> None:
    assert {"accounts.Account", "signups.Order", "cards.lookalikes.Written"} <= models().keys()
    assert len(models()) > 40


@pytest.mark.promise("policy.versions")
def test_the_register_was_looked_at_for_the_newest_version() -> None:
    assert mapping()["version"] == max(documents()).isoformat()


def test_the_register_has_every_promise_of_the_newest_version_once_and_no_other() -> None:
    listed = [row["id"] for row in mapping()["promises"]]
    assert sorted(listed) == sorted(versions()[max(versions())].promises)
