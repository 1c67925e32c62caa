"""The Helm chart: what it renders is what Kubernetes takes, and what the gateway loads."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.schemas import faults
from deploy.switches import BASE, STORE, combinations, configuration, merged, settings
from deploy.tools import CHART, HelmError, helm, of_kind, render, run
from hedgerow_server.store.section import PostgresStoreSection

Manifests = list[dict[str, Any]]
Charts = dict[str, Manifests]

pytestmark = pytest.mark.timeout(600)


def pod(manifests: Manifests) -> dict[str, Any]:
    found: dict[str, Any] = of_kind(manifests, "StatefulSet")["spec"]["template"]["spec"]
    return found


def container(manifests: Manifests) -> dict[str, Any]:
    (only,) = pod(manifests)["containers"]
    found: dict[str, Any] = only
    return found


def restart_mark(manifests: Manifests) -> str:
    return str(of_kind(manifests, "StatefulSet")["spec"]["template"]["metadata"]["annotations"]["hedgerow/restart"])


def test_every_manifest_of_every_combination_fits_the_schema_of_its_kind(charts: Charts, tmp_path: Path) -> None:
    assert len(charts) == len(list(combinations())) >= 72
    assert faults((one for manifests in charts.values() for one in manifests), tmp_path) == []


def test_a_field_that_kubernetes_does_not_know_is_a_fault(charts: Charts, tmp_path: Path) -> None:
    """Of the test above: it sees what it should."""
    service = of_kind(next(iter(charts.values())), "Service", "-headless")
    wrong = merged(service, {"spec": {"publishUnreadyAddresses": True}})
    monitor = of_kind(next(iter(charts.values())), "ServiceMonitor")
    assert len(faults([wrong], tmp_path)) == 2
    assert len(faults([merged(monitor, {"spec": {"endpoint": []}})], tmp_path)) == 1


def test_the_gateway_loads_the_configuration_of_every_combination(charts: Charts, tmp_path: Path) -> None:
    for name, manifests in charts.items():
        loaded = settings(manifests, tmp_path)
        assert isinstance(loaded.store, PostgresStoreSection) == ("postgres" in name), name
        assert (loaded.vault is not None) == ("vault-direct" in name), name
        assert (loaded.sharing is not None) == ("redis" in name), name
        assert (loaded.server.http is not None) == ("http-and-admin" in name), name
        assert (loaded.server.grpc.tls is not None) == ("plaintext" not in name), name


def test_every_file_of_the_configuration_is_in_a_volume_that_is_mounted(charts: Charts) -> None:
    """Vault's injector mounts /vault/secrets by itself."""
    for name, manifests in charts.items():
        mounts = {one["name"]: one["mountPath"] for one in container(manifests)["volumeMounts"]}
        claims = {one["metadata"]["name"] for one in of_kind(manifests, "StatefulSet")["spec"]["volumeClaimTemplates"]}
        assert mounts.keys() <= {one["name"] for one in pod(manifests)["volumes"]} | claims, name
        places = [*mounts.values(), *(["/vault/secrets"] if "vault-agent" in name else [])]
        for path in paths(configuration(manifests)):
            assert any(path.startswith(f"{place}/") for place in places), f"{name}: {path}"


def paths(value: object) -> list[str]:
    """What names a file or a socket in a configuration."""
    if isinstance(value, dict | list):
        return [path for one in (value.values() if isinstance(value, dict) else value) for path in paths(one)]
    text = str(value).removeprefix("unix:")
    return [text] if text.startswith("/") else []


def test_every_pod_meets_the_restricted_profile(charts: Charts) -> None:
    """Pod Security Standards, restricted, and a root file system that cannot be written."""
    for manifests in charts.values():
        whole, own = pod(manifests)["securityContext"], container(manifests)["securityContext"]
        assert whole["runAsNonRoot"] is True
        assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is True
        assert own["runAsUser"] > 0
        kinds = {key for one in pod(manifests)["volumes"] for key in one if key != "name"}
        assert kinds <= {"configMap", "csi", "emptyDir", "projected", "secret"}


def test_no_pod_has_a_token_for_the_api_server(charts: Charts) -> None:
    for manifests in charts.values():
        assert pod(manifests)["automountServiceAccountToken"] is False
        assert of_kind(manifests, "ServiceAccount")["automountServiceAccountToken"] is False
        projected = [one["projected"]["sources"] for one in pod(manifests)["volumes"] if "projected" in one]
        tokens = [
            one["serviceAccountToken"] for sources in projected for one in sources if "serviceAccountToken" in one
        ]
        assert [one["audience"] for one in tokens] in ([], ["vault"])


def test_the_spool_is_on_a_volume_that_outlives_the_pod(charts: Charts, tmp_path: Path) -> None:
    """An emptyDir would lose rows that were acknowledged and not yet stored."""
    for manifests in charts.values():
        spec = of_kind(manifests, "StatefulSet")["spec"]
        (claim,) = spec["volumeClaimTemplates"]
        mounts = {one["name"]: one["mountPath"] for one in container(manifests)["volumeMounts"]}
        spool = settings(manifests, tmp_path).ledger.spool
        assert spool is not None
        assert spool.is_relative_to(mounts[claim["metadata"]["name"]])
        assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_a_pod_is_given_longer_than_its_drain(tmp_path: Path) -> None:
    """Before SIGTERM the preStop hook, after it the drain, then up to 5 s for Vault and the rest of the ledger."""
    for drain in (30, 0.5, 600):
        manifests = render(merged(merged(BASE, STORE["sqlite"]), {**OPENAI, "drainSeconds": drain}), tmp_path)
        wait = container(manifests)["lifecycle"]["preStop"]["sleep"]["seconds"]
        told = settings(manifests, tmp_path).server.drain_seconds
        assert told == drain
        assert pod(manifests)["terminationGracePeriodSeconds"] >= wait + told + 10


OPENAI: dict[str, Any] = {"secrets": {"openai": {"secretName": "hedgerow", "key": "openai"}}}


def test_health_makes_a_pod_not_ready_and_never_restarts_it(charts: Charts) -> None:
    """It says NOT_SERVING while a secret is missing or the pod drains. The kubelet's gRPC probe speaks no TLS."""
    for name, manifests in charts.items():
        one = container(manifests)
        alive = {"path": "/healthz", "port": "admin-http"}
        assert one["livenessProbe"]["httpGet"] == one["startupProbe"]["httpGet"] == alive
        if "plaintext" in name:
            assert one["readinessProbe"]["grpc"] == {"port": 50051}
        else:
            assert one["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "admin-http"}


def test_services_name_their_protocol_and_ports_that_the_pod_has(charts: Charts) -> None:
    for name, manifests in charts.items():
        ports = {one["name"]: one["containerPort"] for one in container(manifests)["ports"]}
        services = [one for one in manifests if one["kind"] == "Service"]
        assert len(services) == 3
        for service in services:
            assert service["spec"]["selector"].items() <= labels(manifests).items()
            for port in service["spec"]["ports"]:
                assert ports[port["targetPort"]] == port["port"]
                grpc = "kubernetes.io/h2c" if "plaintext" in name else "https"
                assert port["appProtocol"] == grpc or "http" in port["name"]
        headless = of_kind(manifests, "Service", "-headless")
        assert headless["spec"]["clusterIP"] == "None"
        assert of_kind(manifests, "StatefulSet")["spec"]["serviceName"] == headless["metadata"]["name"]


def labels(manifests: Manifests) -> dict[str, str]:
    found: dict[str, str] = of_kind(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    return found


def test_every_selector_finds_the_pods_and_the_monitor_finds_the_admin_service(charts: Charts) -> None:
    for manifests in charts.values():
        for kind in ("NetworkPolicy", "PodDisruptionBudget", "StatefulSet"):
            spec = of_kind(manifests, kind)["spec"]
            selector = spec.get("selector", spec.get("podSelector"))["matchLabels"]
            assert selector.items() <= labels(manifests).items()
        wanted = of_kind(manifests, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
        services = [one for one in manifests if one["kind"] == "Service"]
        found = [one["metadata"]["name"] for one in services if wanted.items() <= one["metadata"]["labels"].items()]
        assert found == ["hedgerow-admin"]


def test_the_network_policy_opens_the_doors_there_are_and_the_ways_to_what_is_used(charts: Charts) -> None:
    for name, manifests in charts.items():
        spec = of_kind(manifests, "NetworkPolicy")["spec"]
        opened = {port["port"] for rule in spec["ingress"] for port in rule["ports"]}
        assert opened == {one["name"] for one in container(manifests)["ports"]}, name
        used = {443, 53}
        used |= {5432} if "postgres" in name else set()
        used |= {6380} if "redis" in name else set()
        used |= set() if "no-vault" in name else {8200}
        assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == used, name


def test_no_manifest_has_a_secret_in_it(charts: Charts) -> None:
    for manifests in charts.values():
        assert not [one for one in manifests if one["kind"] == "Secret"]


def test_vault_agent_and_the_gateway_itself_read_the_same_secrets(charts: Charts) -> None:
    """Switching from one to the other changes nothing but the mode."""
    agent = charts["vault-agent plaintext alone postgres grpc"]
    direct = configuration(charts["vault-direct plaintext alone postgres grpc"])["credentials"]
    notes = of_kind(agent, "StatefulSet")["spec"]["template"]["metadata"]["annotations"]
    for name in ("openai", "postgres"):
        one = direct[name]
        template = notes[f"vault.hashicorp.com/agent-inject-template-{name}"]
        assert f'secret "{one["mount"]}/data/{one["path"]}"' in template
        assert f'.Data.data "{one["field"]}"' in template
        assert configuration(agent)["credentials"][name]["path"] == f"/vault/secrets/{name}"


@pytest.mark.parametrize(
    "change",
    [
        {"drainSeconds": 31},
        {"grpc": {"maxConnectionAgeSeconds": None}},
        {"http": {"enabled": True}},
        {"redis": {"enabled": True, "url": "redis://redis:6379"}},
        {"config": {"ledger": {"max_bytes": 2**31}}},
        {"config": {"store": {"busy_timeout_seconds": 3}}},
        {"config": {"telemetry": {"call_log": False}}},
    ],
    ids=str,
)
def test_what_a_reload_does_not_put_in_force_restarts_pods(change: dict[str, Any], tmp_path: Path) -> None:
    before = merged(merged(BASE, STORE["sqlite"]), OPENAI)
    assert restart_mark(render(before, tmp_path)) != restart_mark(render(merged(before, change), tmp_path))


def test_what_a_reload_puts_in_force_restarts_no_pod(tmp_path: Path) -> None:
    """The ConfigMap is mounted as a folder, and the gateway follows it."""
    before = merged(merged(BASE, STORE["sqlite"]), OPENAI)
    after = merged(
        before, {"config": {"routes": {"slow": BASE["config"]["routes"]["fast"]}, "deadline": {"max_seconds": 9}}}
    )
    old, new = render(before, tmp_path), render(after, tmp_path)
    assert of_kind(old, "StatefulSet") == of_kind(new, "StatefulSet")
    assert configuration(old) != configuration(new)
    assert not [one for one in container(new)["volumeMounts"] if "subPath" in one]


def test_large_numbers_and_nulls_reach_the_gateway_as_they_are(tmp_path: Path) -> None:
    """Helm's toYaml writes 1e+06, which is text to YAML 1.1."""
    given = {"config": {"ledger": {"max_bytes": 1_000_000_000}, "providers": {"openai": {"rate_limits": None}}}}
    manifests = render(merged(merged(merged(BASE, STORE["sqlite"]), OPENAI), given), tmp_path)
    assert settings(manifests, tmp_path).ledger.max_bytes == 1_000_000_000
    assert configuration(manifests)["providers"]["openai"]["rate_limits"] is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"replicas": 3}, "several pods need postgres.enabled"),
        ({"config": {"providers": None}}, "config.providers is empty"),
        ({"spiffe": {"enabled": True}, "tls": {"secretName": "x"}}, "either spiffe.enabled or tls.secretName"),
        ({"vault": {"secrets": {"x": {"path": "p", "field": "f"}}}}, "vault.secrets need vault.mode"),
        ({"vault": {"mode": "direct"}}, "needs vault.address"),
        ({"redis": {"enabled": True}}, "redis.enabled needs redis.url"),
        ({"postgres": {"enabled": True}}, "postgres.enabled needs postgres.host"),
        ({"postgress": {}}, "additional properties 'postgress' not allowed"),
        ({"drainSeconds": 0}, "drainSeconds"),
        ({"persistence": {"accessModes": ["ReadWriteMany"]}}, "accessModes"),
        ({"redis": {"url": "redis://user:secret@redis"}}, "/redis/url"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_values_that_cannot_be_meant_are_refused_in_words(change: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(HelmError, match=told):
        render(merged(merged(merged(BASE, STORE["sqlite"]), OPENAI), change), tmp_path)


def test_every_value_is_explained_in_the_readme() -> None:
    text = (CHART / "README.md").read_text(encoding="utf-8")
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    names = [key for key, value in values.items() if not isinstance(value, dict) or not value]
    names += [f"{key}.{inner}" for key, value in values.items() if isinstance(value, dict) for inner in value]
    assert [name for name in names if f"`{name}`" not in text and not name.startswith(("resources.",))] == []


def test_the_chart_can_be_packaged_with_its_rules_and_dashboards(tmp_path: Path) -> None:
    run(helm(), "package", str(CHART), "--destination", str(tmp_path))
    listed = run("tar", "tzf", str(next(tmp_path.glob("hedgerow-*.tgz")))).split()
    assert {"hedgerow/values.schema.json", "hedgerow/templates/NOTES.txt", "hedgerow/README.md"} <= set(listed)
    beside = CHART.parents[1]
    for folder in ("prometheus", "grafana"):
        for path in [one for one in (beside / folder).rglob("*") if one.is_file()]:
            assert f"hedgerow/files/{folder}/{path.relative_to(beside / folder)}" in listed
