"""Real input for the tour: the published npm package vega-datasets, fetched once into the engine's folder."""

import csv
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = "vega-datasets@2.11.0"
"""Movies and airports with gaps, odd characters and mixed types in them, and three PNG pictures."""


class DatasetError(Exception):
    """The package is not here and cannot be fetched."""


@dataclass(frozen=True)
class Datasets:
    """The unpacked package, and the package file itself as a file that is too large for one request."""

    folder: Path
    archive: Path

    def movies(self) -> list[dict[str, Any]]:
        """3,201 films."""
        films: list[dict[str, Any]] = json.loads(self.folder.joinpath("movies.json").read_text("utf-8"))
        return films

    def airports(self) -> list[dict[str, Any]]:
        """3,376 airports."""
        with self.folder.joinpath("airports.csv").open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))

    def pictures(self) -> list[Path]:
        """The PNG pictures."""
        return sorted(self.folder.glob("*.png"))


def fetch(folder: Path) -> Datasets:
    """The package, from an earlier run or from the npm registry.

    Raises: DatasetError, saying what to install.
    """
    archive = folder / (PACKAGE.replace("@", "-") + ".tgz")
    unpacked = folder / "package/data"
    if not archive.is_file():
        if shutil.which("npm") is None:
            raise DatasetError(f"the tour's input is the npm package {PACKAGE}: install npm (Node.js) and run it again")
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE, "--pack-destination", str(folder)],  # noqa: S607  # npm from PATH
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode != 0:
            raise DatasetError(f"npm could not fetch {PACKAGE}: {done.stderr.strip()[-300:]}")
    if not unpacked.joinpath("movies.json").is_file():
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    return Datasets(unpacked, archive)
