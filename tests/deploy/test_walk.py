"""docs/operations.md: its manifests and values are rendered and validated, its commands fit them, and a gateway that is
configured as the page says is given a key and called as the page says.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.schemas import faults
from deploy.switches import configuration, merged, settings
from deploy.tools import of_kind, render, run
from docs.demo import grpcurl_folder
from docs.pages import Snippet, pages, parsed
from docs.shell import Shell, steps
from stack import KEY, ROOT, router, simulator

pytestmark = pytest.mark.timeout(300)
PAGE = "docs/operations.md"
TOKEN = "an-operator-of-the-tests-0123456789"


def deployed(language: str) -> list[Snippet]:
    return [one for one in parsed(PAGE, pages()[PAGE]) if one.deployed and one.language == language]


FILES: dict[str, Any] = {one.file: yaml.safe_load(one.text) for one in deployed("yaml")}
COMMANDS = [step.command for one in deployed("console") for step in steps(one.text)]


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the page's values make of the chart."""
    return render(FILES["values.yaml"], tmp_path_factory.mktemp("walk"))


def test_every_manifest_of_the_page_fits_the_schema_of_its_kind(
    manifests: list[dict[str, Any]], tmp_path: Path
) -> None:
    own = [one for one in FILES.values() if "kind" in one]
    assert len(own) >= 2
    assert faults([*own, *manifests], tmp_path) == []


def test_values_that_are_laid_over_the_others_do_what_the_page_says(tmp_path: Path) -> None:
    both = render(merged(FILES["values.yaml"], FILES["callers.yaml"]), tmp_path)
    callers, operators = of_kind(both, "NetworkPolicy")["spec"]["ingress"]
    assert callers["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "shop"}
    assert operators["from"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
    assert of_kind(both, "ServiceMonitor")
    assert faults(both, tmp_path) == []


def test_the_gateway_loads_the_configuration_of_the_page(manifests: list[dict[str, Any]], tmp_path: Path) -> None:
    loaded = settings(manifests, tmp_path)
    assert loaded.vault is not None
    assert loaded.sharing is not None
    assert loaded.credentials.keys() == FILES["values.yaml"]["vault"]["secrets"].keys()


def test_commands_name_what_is_there(manifests: list[dict[str, Any]]) -> None:
    """Files of the page or the tree, the release's objects, the secrets that the values and manifests name."""
    text = "\n".join(COMMANDS)
    made = set(re.findall(r"create secret generic (\S+)", text))
    wanted = set(re.findall(r"(?:secretName|caSecretName|secretKeyRef: {name)['\":]* ([\w-]+)", _everything(manifests)))
    assert wanted <= made
    assert set(re.findall(r"(?:-f|--values) (\w\S*)", text)) <= FILES.keys() | _tree()
    names = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in manifests}
    assert set(re.findall(r"(?:statefulset|service)/\S+", text)) <= names
    assert set(re.findall(r"(?:-n|--namespace) (\S+)", text)) == {"llm", "shop"}
    account = of_kind(manifests, "ServiceAccount")["metadata"]
    assert f"bound_service_account_names={account['name']} " in text
    assert f"bound_service_account_namespaces={account['namespace']}\n" in text


def _everything(manifests: list[dict[str, Any]]) -> str:
    return yaml.safe_dump_all([*FILES.values(), *manifests]) + "\n".join(one.text for one in deployed("yaml"))


def _tree() -> set[str]:
    return {str(one.relative_to(ROOT)) for one in (ROOT / "deploy").rglob("*") if one.is_file()}


def test_every_secret_that_the_values_read_is_written_by_a_command_of_the_page() -> None:
    written = {
        (path, field)
        for command in COMMANDS
        for path, fields in re.findall(r"vault kv put -mount=secret (\S+)(.*)", command, flags=re.DOTALL)
        for field in re.findall(r"\b(\w+)=[@\"]", fields)
    }
    read = {(one["path"], one["field"]) for one in FILES["values.yaml"]["vault"]["secrets"].values()}
    assert read == written


def test_the_policy_of_vault_lets_the_gateway_read_them() -> None:
    policy = (ROOT / "deploy" / "vault-policy.hcl").read_text(encoding="utf-8")
    for one in FILES["values.yaml"]["vault"]["secrets"].values():
        assert one["path"].startswith("hedgerow/")
    assert 'path "secret/data/hedgerow/*"' in policy


def test_the_caller_finds_the_service_that_there_is(manifests: list[dict[str, Any]]) -> None:
    environment = FILES["checkout.yaml"]["spec"]["template"]["spec"]["containers"][0]["env"]
    headless = of_kind(manifests, "Service", "-headless")
    name, space = headless["metadata"]["name"], headless["metadata"]["namespace"]
    assert environment[0]["value"] == f"dns:///{name}.{space}.svc:{headless['spec']['ports'][0]['port']}"


@dataclass(frozen=True, slots=True)
class Walk:
    """A gateway with the configuration of the page."""

    target: str
    admin: str
    folder: Path


@pytest.fixture(scope="module")
def walk(manifests: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Its secrets are in files, its store is SQLite, and its provider the simulator; all else is as the chart says."""
    folder = tmp_path_factory.mktemp("gateway")
    config = configuration(manifests)
    for name in config["credentials"]:
        secret = {"openai": KEY, "operator": TOKEN}.get(name, f"{name}-0123456789abcdef0123456789")
        (folder / name).write_text(secret)
        config["credentials"][name] = {"source": "file", "path": str(folder / name)}
    for door in ("grpc", "http", "admin_grpc", "admin_http"):
        config["server"][door]["listen"] = "127.0.0.1:0"
    config["store"] = {"path": str(folder / "hedgerow.db")}
    config["ledger"]["spool"] = str(folder / "spool")
    del config["vault"], config["sharing"]
    with simulator(folder) as running:
        config["providers"]["openai"]["base_url"] = f"http://{running.addresses['http']}/v1"
        with router(folder, config) as gateway:
            yield Walk(gateway.addresses["grpc"], gateway.addresses["admin_grpc"], folder)


@pytest.fixture(scope="module")
def key(walk: Walk) -> str:
    """The key that the command of step 6 makes."""
    (command,) = [one for one in COMMANDS if "--lifetime" in one]
    given = {"HEDGEROW_ADMIN": walk.admin, "HEDGEROW_TOKEN": TOKEN, "PATH": f"{ROOT}/.venv/bin:/usr/bin:/bin"}
    with Shell(walk.folder, given) as shell:
        status, printed = shell.run(command)
    assert status == 0, printed
    return (walk.folder / "key").read_text().strip()


def test_step_6_makes_a_key(key: str) -> None:
    assert re.fullmatch(r"hk_[a-z2-7]{16}_[a-z2-7]{52}", key)


def test_step_7_calls_with_it(walk: Walk, key: str) -> None:
    if not grpcurl_folder():
        pytest.skip("install Go 1.24 or newer, which builds grpcurl")
    (command,) = [one for one in COMMANDS if one.startswith("grpcurl")]
    with Shell(walk.folder, {"PATH": f"{grpcurl_folder()}:/usr/bin:/bin"}) as shell:
        status, printed = shell.run(command.replace("127.0.0.1:50051", walk.target))
    assert status == 0, printed
    assert "What is a hedgerow?" in "\n".join(printed)


def test_the_go_program_of_step_7_calls_with_it(walk: Walk, key: str, tmp_path: Path) -> None:
    if not shutil.which("go"):
        pytest.skip("install Go 1.24 or newer")
    (program,) = deployed("go")
    (tmp_path / "main.go").write_text(program.text, encoding="utf-8")
    client = ROOT / "gen" / "go"
    module = (client / "go.mod").read_text(encoding="utf-8").replace("hedgerow.internal/gen/go", "example.com/walk")
    (tmp_path / "go.mod").write_text(module, encoding="utf-8")
    shutil.copy(client / "go.sum", tmp_path)
    run("go", "mod", "edit", "-require=hedgerow.internal/gen/go@v0.0.0", cwd=tmp_path)
    run("go", "mod", "edit", f"-replace=hedgerow.internal/gen/go={client}", cwd=tmp_path)
    run("go", "build", "-mod=mod", "-o", "walk", ".", cwd=tmp_path)
    done = subprocess.run(
        [tmp_path / "walk"], env={"HEDGEROW_TARGET": walk.target, "HEDGEROW_KEY": key}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "What is a hedgerow?" in done.stdout
