"""The compose file: a compose file by its specification's schema, without a secret, and all that it names is there."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from deploy.tools import COMPOSE_SPEC, module
from hedgerow_server.config.load import load
from hedgerow_server.credentials.static import KeyFile
from hedgerow_server.settings import Settings, references
from stack import ROOT

FOLDER = ROOT / "deploy" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_it_fits_the_schema_of_the_compose_specification() -> None:
    path = module(COMPOSE_SPEC) / "schema" / "compose-spec.json"
    check = jsonschema.Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))
    assert [f"{one.json_path}: {one.message}" for one in check.iter_errors(COMPOSE)] == []


def test_no_secret_stands_in_it() -> None:
    """Each is a file that make-secrets makes; variables only say where it is."""
    assert {Path(one["file"]).parent for one in COMPOSE["secrets"].values()} == {Path("secrets")}
    for service in SERVICES.values():
        for name in service.get("environment", {}):
            assert not re.search("PASSWORD|TOKEN|SECRET|KEY", name) or name.endswith("_FILE"), name
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()


def test_what_is_open_is_open_on_this_machine_only() -> None:
    ports = [str(port) for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) >= 6
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_files_and_folders_that_are_mounted_are_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (FOLDER / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume


def test_every_image_can_be_pinned() -> None:
    """By the lock that `deploy/docker/pin` writes; the same tag stands here and there."""
    names = dict(re.findall(r"^([A-Z]+_IMAGE)=(.+)$", (ROOT / "deploy/docker/images").read_text(), flags=re.MULTILINE))
    for name, service in SERVICES.items():
        if "build" in service:
            assert service["build"]["args"]["PYTHON_IMAGE"].startswith("${PYTHON_IMAGE:?"), name
        else:
            variable, default = re.fullmatch(r"\$\{(\w+):-(.+)\}", service["image"]).groups()  # type: ignore[union-attr]
            assert names[variable] == default


def test_the_gateway_loads_its_configuration_and_is_given_its_secrets() -> None:
    loaded = load(FOLDER / "gateway" / "hedgerow.yaml", Settings, references)
    files = {str(one.path) for one in loaded.credentials.values() if isinstance(one, KeyFile)}
    assert files <= {f"/run/secrets/{name}" for name in SERVICES["hedgerow"]["secrets"]}
    grace = float(SERVICES["hedgerow"]["stop_grace_period"].removesuffix("s"))
    assert grace >= loaded.server.drain_seconds + 10


def test_whom_the_gateway_talks_to_is_a_service() -> None:
    text = (FOLDER / "gateway" / "hedgerow.yaml").read_text(encoding="utf-8")
    hosts = set(re.findall(r"://([a-z]+):", text)) | set(re.findall(r"host: ([a-z]+)", text))
    assert hosts == {"postgres", "redis", "simulator", "vault"} <= SERVICES.keys()


def test_prometheus_scrapes_the_gateway_and_grafana_asks_prometheus() -> None:
    scraped = yaml.safe_load((FOLDER / "prometheus" / "prometheus.yaml").read_text())["scrape_configs"]
    assert scraped[0]["static_configs"] == [{"targets": ["hedgerow:50053"]}]
    (source,) = yaml.safe_load((FOLDER / "grafana" / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((FOLDER / "grafana" / "dashboards" / "hedgerow.yaml").read_text())["providers"]
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    assert mounts["../grafana"] == provider["options"]["path"]


@pytest.mark.parametrize("times", [1, 2])
def test_make_secrets_makes_each_secret_once(times: int, tmp_path: Path) -> None:
    shutil.copy(FOLDER / "make-secrets", tmp_path)
    contents = []
    for _ in range(times):
        subprocess.run([tmp_path / "make-secrets"], check=True, env={**os.environ})
        contents.append({name: (tmp_path / "secrets" / name).read_text() for name in COMPOSE["secrets"]})
    assert all(len(text) == 64 for text in contents[0].values())
    assert len(set(contents[0].values())) == len(COMPOSE["secrets"])
    assert contents[0] == contents[-1]
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert (tmp_path / "secrets" / ".gitignore").read_text() == "*\n"
