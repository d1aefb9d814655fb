"""deploy/kubernetes/, rendered by the real kubectl."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, program

KUBERNETES = ROOT / "deploy/kubernetes"
COMPONENTS = sorted(path.name for path in (KUBERNETES / "components").iterdir())

Manifest = dict[str, Any]


class Manifests(list[Manifest]):
    """The manifests that are applied to a cluster, in order."""

    def get(self, kind: str, name: str = "petsage") -> Manifest:
        """Return the one of this kind and name; `name` is without kustomize's hash."""
        [manifest] = [
            each
            for each in self
            if each["kind"] == kind
            and (each["metadata"]["name"] == name or _base_name(each) == name)
        ]
        return manifest

    def gate(self) -> Manifest:
        """Return the spec of the gate's Job."""
        spec: Manifest = self.get("CronJob", "petsage-gate")["spec"]["jobTemplate"]["spec"]
        return spec

    def gate_arguments(self) -> list[str]:
        """Return the arguments of the gate's probe."""
        [container] = self.gate()["template"]["spec"]["containers"]
        assert container["command"] == ["python", "-m", "smoke_test.probe"]
        return [str(argument) for argument in container["args"]]


def _base_name(manifest: Manifest) -> str:
    name: str = manifest["metadata"]["name"]
    return name.rpartition("-")[0] if manifest["kind"] in ("ConfigMap", "Secret") else name


def overlay(folder: Path, *components: str, **settings: str) -> Path:
    """Return a copy of the example with these components and settings."""
    copy = folder / "kubernetes"
    shutil.copytree(KUBERNETES, copy, dirs_exist_ok=True)
    path = copy / "example/kustomization.yaml"
    example = yaml.safe_load(path.read_text())
    example["components"] = [f"../components/{name}" for name in components]
    hosts = settings.pop("hosts", None)
    if hosts is not None:
        example["configMapGenerator"][0]["literals"] = [f"DJANGO_ALLOWED_HOSTS={hosts}"]
    example["images"][0] |= settings
    # JSON is YAML, and quotes a release that YAML reads as a number.
    path.write_text(json.dumps(example))
    return path.parent


def kustomize(folder: Path) -> subprocess.CompletedProcess[str]:
    kubectl = program("kubectl", "kubernetes-client")
    return subprocess.run(
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False
    )


def render(folder: Path) -> Manifests:
    result = kustomize(folder)
    assert result.returncode == 0, result.stderr
    return Manifests(yaml.safe_load_all(result.stdout))
