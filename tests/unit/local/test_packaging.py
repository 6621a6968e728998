"""A template's code becomes archives that hold what runs, and nothing else."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local.packaging import PackagingError, archive, package


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("signup/app.py", "signup/__pycache__/app.pyc", "mail/app.py"):
        path = tmp_path / "functions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "models/python").mkdir(parents=True)
    (tmp_path / "models/python/privacy.py").write_text("")
    (tmp_path / "dependencies").mkdir()
    (tmp_path / "dependencies/requirements.txt").write_text("chalice")
    return tmp_path


def template() -> dict[str, Any]:
    return {
        "Resources": {
            "SignupFunction": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"CodeUri": "functions/", "Handler": "signup.app.app"},
            },
            "ModelsLayer": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "models"}},
            "DependenciesLayer": {
                "Type": "AWS::Serverless::LayerVersion",
                "Metadata": {"BuildMethod": "makefile"},
                "Properties": {"ContentUri": "dependencies"},
            },
            "Table": {"Type": "AWS::DynamoDB::Table"},
        }
    }


def packaged(root: Path, given: dict[str, Any]) -> dict[str, list[str]]:
    stored: dict[str, bytes] = {}

    def store(data: bytes) -> str:
        stored[f"s3://{len(stored)}"] = data
        return list(stored)[-1]

    resources = package(given, root, store)["Resources"]
    uris = {name: resource.get("Properties", {}) for name, resource in resources.items()}
    return {
        name: zipfile.ZipFile(io.BytesIO(stored[each.get("CodeUri") or each["ContentUri"]])).namelist()
        for name, each in uris.items()
        if each
    }


def test_a_function_s_bundle_holds_its_own_package_only(tree: Path) -> None:
    assert packaged(tree, template())["SignupFunction"] == ["signup/app.py"]


def test_the_code_layer_is_taken_whole(tree: Path) -> None:
    assert packaged(tree, template())["ModelsLayer"] == ["python/privacy.py"]


def test_a_layer_that_sam_builds_shadows_nothing_on_the_local_engine(tree: Path) -> None:
    assert packaged(tree, template())["DependenciesLayer"] == ["README"]


def test_the_same_files_give_the_same_bytes(tree: Path) -> None:
    before = archive(tree / "functions", "signup")
    (tree / "functions/signup/app.py").touch()
    assert archive(tree / "functions", "signup") == before


def test_code_that_is_not_there_is_named(tree: Path) -> None:
    given = template()
    given["Resources"]["SignupFunction"]["Properties"]["Handler"] = "sign_up.app.app"
    with pytest.raises(PackagingError, match="functions/sign_up"):
        packaged(tree, given)
