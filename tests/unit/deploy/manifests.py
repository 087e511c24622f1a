"""Reads deploy/k8s as it stands in the repository: plain files, no cluster, no kustomize."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
K8S = ROOT / "deploy/k8s"
BASE = K8S / "base"
EXAMPLE = K8S / "overlays/example"
SERVICES = ("identity", "provisioning", "licensing", "relay", "gateway")

Manifest = Mapping[str, Any]
Environment = dict[str, str]


def read(directory: Path) -> list[Manifest]:
    """The objects that a kustomization lists, those it generates left out."""
    names = yaml.safe_load((directory / "kustomization.yaml").read_text())["resources"]
    files = [directory / name for name in names if name.endswith(".yaml")]
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def one(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The object of this kind and name. Errors: ValueError when there are none or several."""
    [found] = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def settings(directory: Path, config_map: str) -> Environment:
    """What a generated ConfigMap holds; empty when the kustomization makes none of this name."""
    generated = yaml.safe_load((directory / "kustomization.yaml").read_text())["configMapGenerator"]
    files = [file for each in generated if each["name"] == config_map for file in each["envs"]]
    lines = [line for file in files for line in (directory / file).read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def image_environment() -> Environment:
    """What deploy/Dockerfile sets for every container."""
    words = (ROOT / "deploy/Dockerfile").read_text().split()
    return dict(word.split("=", 1) for word in words if word.startswith("VEDETTE_HTTP_"))


@dataclass(frozen=True, slots=True)
class Workload:
    """One service's Deployment."""

    name: str
    deployment: Manifest

    @property
    def pod(self) -> Mapping[str, Any]:
        pod: Mapping[str, Any] = self.deployment["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> Mapping[str, Any]:
        [container] = self.pod["containers"]
        found: Mapping[str, Any] = container
        return found

    @property
    def config_maps(self) -> list[str]:
        return [each["configMapRef"]["name"] for each in self.container["envFrom"]]

    @property
    def secrets(self) -> dict[str, str]:
        """Environment variable -> `secret/key` it is read from."""
        references = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in self.container["env"]}
        return {name: f"{where['name']}/{where['key']}" for name, where in references.items()}

    def settings(self, *directories: Path) -> Environment:
        """What the ConfigMaps say; later directories (overlays) override."""
        said: Environment = {}
        for config_map in self.config_maps:
            for directory in directories:
                said |= settings(directory, config_map)
        return said


def workloads() -> list[Workload]:
    """The five Deployments of the base."""
    manifests = read(BASE)
    return [Workload(name, one(manifests, "Deployment", name)) for name in SERVICES]
