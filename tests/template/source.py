"""The template as data: read with CloudFormation's short tags, and as SAM translates it for one region."""

import functools
import os
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """Reads `!Sub x` as `{"Fn::Sub": x}`."""


def _tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "Ref":
        return {"Ref": value}
    if suffix == "GetAtt":
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)


@functools.cache
def template() -> dict[str, Any]:
    """The template as it is written."""
    document: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text("utf-8"), _Loader)  # noqa: S506  # safe loader
    return document


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a type, by logical id, as they are written."""
    return {name: body for name, body in template()["Resources"].items() if body["Type"] == kind}


@functools.cache
def translated() -> dict[str, Any]:
    """The template as SAM translates it to CloudFormation: what is really deployed."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "ap-southeast-1")
    from samtranslator.translator.transform import transform

    source = yaml.load((ROOT / "template.yaml").read_text("utf-8"), _Loader)  # noqa: S506  # safe loader
    for body in source["Resources"].values():
        properties = body.get("Properties", {})
        for place in ("CodeUri", "ContentUri"):
            if place in properties:
                properties[place] = "s3://bucket/key"
    document: dict[str, Any] = transform(source, {}, _NoPolicies())
    return document


class _NoPolicies:
    """SAM asks IAM for managed policies; ours are written out."""

    def load(self) -> dict[str, str]:
        """No managed policies."""
        return {
            "AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
            "AWSLambdaSQSQueueExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole",
        }
