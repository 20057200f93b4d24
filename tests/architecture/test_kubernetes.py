"""The manifests of k8s/ against Kubernetes' strict schemas, offline, and against what schemas cannot say."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
VERSIONS = ("1.30.0", "1.34.0")
FILES = sorted((ROOT / "k8s").glob("*.yaml"))
OBJECTS: list[dict[str, Any]] = [
    document for file in FILES for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
]
WORKLOADS = [item for item in OBJECTS if item["kind"] in {"Deployment", "StatefulSet"}]
SERVICES = {"feeds", "velocity", "signals"}


def title(item: dict[str, Any]) -> str:
    return f"{item['kind']}-{item['metadata']['name']}"


@cache
def registry(version: str) -> Registry[Any]:
    """What the schemas of one version refer to."""
    text = (SCHEMAS / f"v{version}-local-strict" / "_definitions.json").read_text(encoding="utf-8")
    definitions = DRAFT202012.create_resource(json.loads(text))
    known: Registry[Any] = Registry().with_resource("/api/_definitions.json", definitions)
    return known


@cache
def validator(kind: str, api: str, version: str) -> Draft202012Validator:
    """The strict schema of one kind: unknown fields are errors."""
    group, _, revision = api.rpartition("/")
    name = "-".join(filter(None, [kind, group.split(".")[0], revision])).lower()
    text = (SCHEMAS / f"v{version}-local-strict" / f"{name}.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text), registry=registry(version))


def errors(item: dict[str, Any], version: str) -> list[str]:
    found = validator(item["kind"], item["apiVersion"], version).iter_errors(item)
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in found]


def containers(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from item["spec"]["template"]["spec"]["containers"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("item", OBJECTS, ids=title)
def test_an_object_fits_the_strict_schema(item: dict[str, Any], version: str) -> None:
    assert errors(item, version) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "replicas"), "two"),
        (("spec", "templates"), {}),
        (("spec", "template", "spec", "containers", 0, "imagePullPolice"), "Always"),
        (("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), "health"),
    ],
)
def test_a_seeded_mistake_is_seen(path: tuple[str | int, ...], value: object) -> None:
    item: Any = copy.deepcopy(next(item for item in WORKLOADS if item["metadata"]["name"] == "velocity"))
    target = item
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    assert errors(item, VERSIONS[-1])


def test_the_namespace_comes_first_and_everything_else_is_in_it() -> None:
    first, *rest = OBJECTS
    assert FILES[0].name == "00-namespace.yaml"
    assert first["kind"] == "Namespace"
    assert {item["metadata"].get("namespace") for item in rest} == {first["metadata"]["name"]}


def test_only_core_kinds_are_used_and_kubectl_finds_every_file() -> None:
    assert not [item["apiVersion"] for item in OBJECTS if "." in item["apiVersion"].replace(".k8s.io", "")]
    assert sorted((ROOT / "k8s").rglob("*.y*ml")) == FILES


def test_no_two_objects_share_a_name() -> None:
    titles = [title(item) for item in OBJECTS]
    assert len(titles) == len(set(titles))


def test_every_service_has_a_workload() -> None:
    assert {item["metadata"]["name"] for item in WORKLOADS} == SERVICES | {"valkey"}


@pytest.mark.parametrize("item", WORKLOADS, ids=title)
def test_a_pod_runs_under_the_restricted_profile(item: dict[str, Any]) -> None:
    pod = item["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in containers(item):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("item", WORKLOADS, ids=title)
def test_a_pod_is_selected_by_its_own_workload_budget_and_service(item: dict[str, Any]) -> None:
    labels = item["spec"]["template"]["metadata"]["labels"]
    assert item["spec"]["selector"]["matchLabels"].items() <= labels.items()
    budgets = [other for other in OBJECTS if other["kind"] == "PodDisruptionBudget"]
    assert any(budget["spec"]["selector"]["matchLabels"].items() <= labels.items() for budget in budgets)
    if item["kind"] == "StatefulSet":
        name = item["spec"]["serviceName"]
        service = next(other for other in OBJECTS if title(other) == f"Service-{name}")
        assert service["spec"]["selector"].items() <= labels.items()


@pytest.mark.parametrize("item", WORKLOADS, ids=title)
def test_a_container_has_probes_and_limits_and_its_mounts_exist(item: dict[str, Any]) -> None:
    volumes = {volume["name"] for volume in item["spec"]["template"]["spec"]["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in item["spec"].get("volumeClaimTemplates", [])}
    for container in containers(item):
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_probed_where_it_listens(name: str) -> None:
    settings = next(item for item in OBJECTS if item["kind"] == "ConfigMap")["data"]
    port = int(settings["FORESHOCK_HEALTH_LISTEN"].rpartition(":")[2])
    item = next(item for item in WORKLOADS if item["metadata"]["name"] == name)
    for container in containers(item):
        assert {container[f"{kind}Probe"]["grpc"]["port"] for kind in ("startup", "readiness", "liveness")} == {port}


def control_of(item: dict[str, Any]) -> tuple[str, str]:
    """Return host and port of a workload's control."""
    (container,) = containers(item)
    (listen,) = (each["value"] for each in container["env"] if each["name"] == "FORESHOCK_CONTROL_LISTEN")
    host, _, port = listen.rpartition(":")
    return host, port


def test_control_never_leaves_the_pod() -> None:
    assert {control_of(item)[0] for item in WORKLOADS if item["metadata"]["name"] in SERVICES} == {"127.0.0.1"}


def test_each_service_has_a_control_port_of_its_own_that_the_page_names() -> None:
    """So that all can be forwarded at once, and none is taken for another. Compose has the same ones."""
    ports = {name: control_of(item)[1] for item in WORKLOADS if (name := item["metadata"]["name"]) in SERVICES}
    assert len(set(ports.values())) == len(SERVICES)
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    for name, port in ports.items():
        assert compose[name]["environment"]["FORESHOCK_CONTROL_LISTEN"] == f"127.0.0.1:{port}"
        assert f"{name} {port}" in page


def test_a_pod_has_the_time_that_its_service_asks_for() -> None:
    settings = next(item for item in OBJECTS if item["kind"] == "ConfigMap")["data"]
    for item in WORKLOADS:
        grace = item["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert grace > float(settings["FORESHOCK_GRACE_SECONDS"])


def test_traffic_is_denied_unless_a_policy_allows_it() -> None:
    policies = {item["metadata"]["name"]: item for item in OBJECTS if item["kind"] == "NetworkPolicy"}
    assert policies["default-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    pods = [item["spec"]["template"]["metadata"]["labels"] for item in WORKLOADS]
    for policy in policies.values():
        wanted = policy["spec"]["podSelector"].get("matchLabels", {})
        assert any(wanted.items() <= labels.items() for labels in pods)


def test_no_secret_is_committed() -> None:
    assert not [item for item in OBJECTS if item["kind"] == "Secret"]
