"""The manifests: complete, valid, and in step with what the services really do."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from aiohttp import web

from common.app import DRAIN_SECONDS, add_health
from common.health import CHECK_TIMEOUT, Health
from unit.deploy.manifests import (
    BASE,
    EXAMPLE,
    ROOT,
    SERVICES,
    Workload,
    image_environment,
    one,
    read,
    workloads,
)

OLDEST = "1.30"
"""The first Kubernetes with the preStop sleep switched on."""
WORKLOADS = pytest.mark.parametrize("workload", workloads(), ids=lambda workload: workload.name)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", ["Deployment", "Service", "ServiceAccount", "PodDisruptionBudget"])
def test_every_service_has_all_its_objects(service: str, kind: str) -> None:
    labels = one(read(BASE), kind, service)["metadata"]["labels"]
    assert labels == {"app.kubernetes.io/name": service, "app.kubernetes.io/part-of": "vedette"}


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
@pytest.mark.parametrize("directory", [BASE, EXAMPLE], ids=lambda directory: directory.name)
def test_every_object_is_what_the_api_expects(directory: Path, version: str) -> None:
    for manifest in read(directory):
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
@pytest.mark.parametrize("directory", [BASE, EXAMPLE], ids=lambda directory: directory.name)
def test_what_kustomize_makes_of_them_is_valid_and_whole(directory: Path) -> None:
    made = subprocess.run(["kubectl", "kustomize", directory], capture_output=True, text=True, check=True)
    manifests = list(yaml.safe_load_all(made.stdout))
    for manifest in manifests:
        kubernetes_validate.validate(manifest, OLDEST, strict=True)
    config_maps = {each["metadata"]["name"] for each in manifests if each["kind"] == "ConfigMap"}
    used = {
        name
        for each in manifests
        if each["kind"] == "Deployment"
        for name in Workload(each["metadata"]["name"], each).config_maps
    }
    assert used == config_maps
    assert all(re.fullmatch(r".+-[a-z0-9]{10}", name) for name in used), "a changed setting is a new name"


@WORKLOADS
def test_probes_ask_for_paths_that_every_service_answers(workload: Workload) -> None:
    app = web.Application()
    add_health(app, Health())
    answered = {resource.canonical for resource in app.router.resources()}
    probes = {name: workload.container[name] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["httpGet"]["path"] for probe in probes.values()} <= answered
    assert probes["readinessProbe"]["timeoutSeconds"] > CHECK_TIMEOUT, "or /ready cannot say what is missing"
    annotations = workload.deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] in answered


@WORKLOADS
def test_ports_are_the_ones_the_service_listens_on(workload: Workload) -> None:
    ports = {port["name"]: str(port["containerPort"]) for port in workload.container["ports"]}
    assert ports.pop("http") == image_environment()["VEDETTE_HTTP_PORT"]
    assert list(ports.values()) == [
        value for name, value in workload.settings(BASE).items() if name == "VEDETTE_CAMERA_PORT"
    ]


@WORKLOADS
def test_a_pod_has_the_time_to_finish_what_it_has_in_hand(workload: Workload) -> None:
    before = workload.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    events_requests_cameras = 3 * DRAIN_SECONDS
    assert workload.pod["terminationGracePeriodSeconds"] > before + events_requests_cameras
    assert workload.deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@WORKLOADS
def test_two_replicas_at_least_and_only_one_owner_of_their_number(workload: Workload) -> None:
    scalers = [each for each in read(BASE) if each["kind"] == "HorizontalPodAutoscaler"]
    minimum = [
        each["spec"]["minReplicas"]
        for each in scalers
        if each["spec"]["scaleTargetRef"]["name"] == workload.name
    ]
    fixed = [workload.deployment["spec"][key] for key in ("replicas",) if key in workload.deployment["spec"]]
    assert [*minimum, *fixed] == [2]


@WORKLOADS
def test_a_container_can_do_nothing_but_its_work(workload: Workload) -> None:
    container, pod = workload.container["securityContext"], workload.pod["securityContext"]
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["runAsNonRoot"] is True
    assert f"USER {pod['runAsUser']}:{pod['runAsGroup']}\n" in (ROOT / "deploy/Dockerfile").read_text()
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert workload.pod["automountServiceAccountToken"] is False
    assert "memory" in workload.container["resources"]["limits"]


def test_the_five_are_alike_but_for_what_they_are_told() -> None:
    shapes = [_shape(workload) for workload in workloads()]
    assert all(shape == shapes[0] for shape in shapes)


def _shape(workload: Workload) -> Mapping[str, Any]:
    """A pod without its name and what may differ."""
    container = {
        key: value
        for key, value in workload.container.items()
        if key not in {"ports", "env", "resources", "volumeMounts"}
    }
    security = {key: value for key, value in workload.pod["securityContext"].items() if key != "fsGroup"}
    pod = {key: value for key, value in workload.pod.items() if key != "volumes"}
    text = yaml.safe_dump(
        pod | {"containers": [container], "securityContext": security}, default_flow_style=False
    )
    shape: Mapping[str, Any] = yaml.safe_load(text.replace(workload.name, "SERVICE"))
    return shape


def test_images_have_a_version() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    images = [workload.container["image"] for workload in workloads()]
    images += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    overlay = yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text())["images"]
    images += [f"{image['newName']}:{image['newTag']}" for image in overlay]
    assert [image for image in images if not re.search(r":\d+\.\d+", image)] == []
    assert {image["name"] for image in overlay} == {f"vedette/{service}" for service in SERVICES}


def test_an_image_holds_what_its_members_ask_for() -> None:
    lock = (ROOT / "requirements/services.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    members = [ROOT / "libs/common", *(ROOT / "services" / service for service in SERVICES)]
    wanted = {
        dependency
        for member in members
        for dependency in tomllib.loads((member / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    assert wanted - locked == {"vedette-common"}


def test_nobody_may_talk_to_anybody_unless_a_policy_says_so() -> None:
    policies = {
        each["metadata"]["name"]: each["spec"] for each in read(BASE) if each["kind"] == "NetworkPolicy"
    }
    assert policies["nobody"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    chosen = {
        label for spec in policies.values() for label in spec["podSelector"].get("matchLabels", {}).items()
    }
    known = {("app.kubernetes.io/name", service) for service in SERVICES} | {
        ("app.kubernetes.io/part-of", "vedette")
    }
    assert chosen <= known


def test_the_world_sees_no_page_for_operators() -> None:
    [rule] = one(read(EXAMPLE), "Ingress", "gateway")["spec"]["rules"]
    paths = {(path["path"], path["pathType"]) for path in rule["http"]["paths"]}
    assert ("/", "Prefix") not in paths
    assert not {path for path, _ in paths} & {"/metrics", "/ready", "/live"}
