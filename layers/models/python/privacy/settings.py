"""Settings: one frozen, typed object per function, read lazily from the environment."""

import os
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class SettingsError(Exception):
    """A setting is missing or wrong; the text names the variable, never its value."""


class Settings(BaseModel):
    """The base of every function's settings: field `site_url` is read from `SITE_URL`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Deployment(Settings):
    """What every function knows of the deployment (`Globals` in template.yaml).

    `stack` and `account` form physical names; `home_region` and `aws_region` are AWS regions; `site_url` is the
    website's origin.
    """

    stack: str
    account: str
    home_region: str
    aws_region: str
    site_url: str


S = TypeVar("S", bound=Settings)


def load(kind: type[S], environment: Mapping[str, str] | None = None) -> S:
    """Read a function's settings.

    Raises: SettingsError, naming every variable that is missing or wrong.
    """
    source = os.environ if environment is None else environment
    values = {name: source[name.upper()] for name in kind.model_fields if source.get(name.upper())}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        names = sorted({str(item["loc"][0]).upper() for item in error.errors(include_input=False)})
        raise SettingsError(f"missing or wrong settings: {', '.join(names)} (set them in template.yaml)") from None
