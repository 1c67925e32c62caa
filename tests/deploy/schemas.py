"""Manifests against the schemas of Kubernetes and of the Prometheus operator."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
from deploy.tools import CUSTOM, checker, custom_schema

KUBERNETES = ("1.31", "1.37")
"""The oldest and the newest version that schemas are at hand for and the chart is for."""


def faults(manifests: Iterable[dict[str, Any]], folder: Path) -> list[str]:
    """What is wrong with them, a line each. Fields that Kubernetes does not know are wrong, too."""
    # Most manifests of a chart are alike from one combination to the next.
    different = {json.dumps(one, sort_keys=True): one for one in manifests}
    own = [text for text, one in different.items() if one["kind"] not in CUSTOM]
    custom = [one for one in different.values() if one["kind"] in CUSTOM]
    return [*_of_kubernetes(own, folder), *_of_the_operator(custom)]


def _of_kubernetes(texts: list[str], folder: Path) -> list[str]:
    paths = []
    for number, text in enumerate(texts):
        path = folder / f"manifest-{number}.json"
        path.write_text(text, encoding="utf-8")
        paths.append(str(path))
    found = []
    for version in KUBERNETES if paths else ():
        command = [checker("kubernetes-validate"), "--strict", "--quiet", "--no-warn", "-k", version, *paths]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            found.append(f"{version}: {done.stdout}{done.stderr}")
    return found


def _of_the_operator(manifests: list[dict[str, Any]]) -> list[str]:
    checks = {kind: jsonschema.Draft7Validator(custom_schema(kind)) for kind in {one["kind"] for one in manifests}}
    return [
        f"{one['kind']} {error.json_path}: {error.message}"
        for one in manifests
        for error in checks[one["kind"]].iter_errors(one)
    ]
