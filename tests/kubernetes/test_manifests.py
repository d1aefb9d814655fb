"""The manifests are valid in four versions, hardened, and consistent with the app."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from deploy.worker import LIMIT
from smoke_test.contract import PATH
from smoke_test.probe.options import Parser
from tests.conftest import PROGRAMS, ROOT, unavailable
from tests.kubernetes.rendering import (
    COMPONENTS,
    KUBERNETES,
    Manifest,
    Manifests,
    kustomize,
    overlay,
    render,
)

pytestmark = pytest.mark.process

# A commit that YAML reads as a number.
RELEASE = "951e042"
DIGEST = f"sha256:{'0' * 64}"

# checkov's findings, and the reason to keep each.
CHECKOV_FINDINGS = {
    "CKV_K8S_11": "a CPU limit throttles, and a throttled pod fails its probes",
    "CKV_K8S_15": "a tag is one release, so a node need not contact the registry again",
    "CKV_K8S_43": "an overlay pins the digest; the example's image has no registry",
}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """Render the example with every component, and with values that are hard to copy correctly."""
    folder = overlay(
        tmp_path_factory.mktemp("overlay"),
        *COMPONENTS,
        hosts="api.petsage.example,www.petsage.example",
        newName="localhost:5001/petsage",
        newTag=RELEASE,
        digest=DIGEST,
    )
    return render(folder)


@pytest.fixture(scope="module")
def example() -> Manifests:
    return render(KUBERNETES / "example")


def _pods(manifests: Manifests) -> Iterator[Manifest]:
    for manifest in manifests:
        match manifest:
            case {"kind": "Deployment" | "Job", "spec": {"template": pod}}:
                yield pod
            case {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": pod}}}}:
                yield pod


def _container(manifests: Manifests) -> Manifest:
    [container] = _spec(manifests)["containers"]
    assert isinstance(container, dict)
    return container


def _spec(manifests: Manifests) -> Manifest:
    spec = manifests.get("Deployment")["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36", "1.37"])
def test_the_schemas_accept_every_manifest(manifests: Manifests, version: str) -> None:
    accepted = set()
    for manifest in manifests:
        # The Gateway API is not part of Kubernetes.
        if manifest["kind"] != "HTTPRoute":
            kubernetes_validate.validate(manifest, version, strict=True)
            accepted.add(manifest["kind"])

    assert {"Deployment", "CronJob", "Job", "HorizontalPodAutoscaler", "Ingress"} <= accepted


def test_checkov_has_only_the_explained_findings(tmp_path: Path) -> None:
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(kustomize(overlay(tmp_path, *COMPONENTS)).stdout)
    # Its hundred packages are in none of our environments.
    command = f"uv tool run checkov==3.3.30 --framework kubernetes --file {rendered} --output json"

    result = subprocess.run(
        [*command.split(), "--compact", "--quiet", "--skip-download"],
        env=os.environ | {"PATH": PROGRAMS}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    if not result.stdout:
        unavailable(f"checkov does not run: {result.stderr}")
    report = json.loads(result.stdout)
    assert report["summary"]["passed"] > 200, result.stderr
    assert {each["check_id"] for each in report["results"]["failed_checks"]} == set(
        CHECKOV_FINDINGS
    )


def test_each_probe_sends_the_name_and_readiness_also_the_release(manifests: Manifests) -> None:
    container = _container(manifests)
    host = {"name": "Host", "value": "api.petsage.example"}
    release = {"name": "If-Match", "value": f'"{RELEASE}"'}

    requests = {
        name: probe["httpGet"] for name, probe in container.items() if name.endswith("Probe")
    }

    target = {"path": PATH, "port": "http"}
    assert requests == {
        "startupProbe": target | {"httpHeaders": [host]},
        "readinessProbe": target | {"httpHeaders": [host, release]},
        "livenessProbe": target | {"httpHeaders": [host]},
    }


def test_the_gate_requires_the_release_of_every_pod(manifests: Manifests) -> None:
    given = Parser("gate").parse_args(manifests.gate_arguments())
    service = manifests.get("Service", "petsage-pods")
    [port] = service["spec"]["ports"]

    assert given.urls == [f"http://api.petsage.example{PATH}"]
    assert given.release == RELEASE
    assert given.connect_to == f"petsage-pods:{port['port']}"
    assert given.all_addresses
    # The name resolves to the pods' addresses, so the port must be the container's.
    assert service["spec"]["clusterIP"] == "None"
    assert port["port"] == _container(manifests)["ports"][0]["containerPort"]


def test_routes_connect_the_name_to_the_service(manifests: Manifests) -> None:
    [port] = manifests.get("Service")["spec"]["ports"]
    route = manifests.get("HTTPRoute")["spec"]
    ingress = manifests.get("Ingress")["spec"]

    assert route["hostnames"] == ["api.petsage.example"]
    assert route["rules"] == [{"backendRefs": [{"name": "petsage", "port": port["port"]}]}]
    [rule] = ingress["rules"]
    assert rule["host"] == "api.petsage.example"
    assert ingress["tls"][0]["hosts"] == ["api.petsage.example"]
    [path] = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "petsage", "port": {"name": port["name"]}}


def test_all_pods_run_the_same_pinned_image_as_the_images_user(manifests: Manifests) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    [user] = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)

    specs = [pod["spec"] for pod in _pods(manifests)]

    assert len(specs) == 3
    for spec in specs:
        [container] = spec["containers"]
        context = spec["securityContext"]
        assert container["image"] == f"localhost:5001/petsage:{RELEASE}@{DIGEST}"
        assert (str(context["runAsUser"]), str(context["runAsGroup"])) == user
        # The restricted Pod Security Standard requires this one; checkov checks the others.
        assert context["runAsNonRoot"] is True
    [exposed] = re.findall(r"^EXPOSE (\d+)$", dockerfile, re.MULTILINE)
    assert _container(manifests)["ports"] == [{"name": "http", "containerPort": int(exposed)}]


def test_the_namespaces_services_change_no_setting(manifests: Manifests) -> None:
    # Such as PETSAGE_PORT=tcp://10.0.0.1:80, because the Service is called petsage.
    assert [pod["spec"]["enableServiceLinks"] for pod in _pods(manifests)] == [False] * 3


def test_an_image_of_another_name_has_no_release(tmp_path: Path) -> None:
    result = kustomize(overlay(tmp_path, newName="registry.example/backend"))

    assert result.returncode == 1
    assert "out of bounds for value registry.example/backend:" in result.stderr


def test_the_example_is_complete_by_itself(example: Manifests) -> None:
    secret = example.get("Secret")
    [namespace] = {each["metadata"].get("namespace", "petsage") for each in example}

    assert namespace == example.get("Namespace")["metadata"]["name"] == "petsage"
    # No kind that a bare cluster lacks.
    assert {"HTTPRoute", "HorizontalPodAutoscaler"}.isdisjoint(each["kind"] for each in example)
    spec, container = _spec(example), _container(example)
    assert container["envFrom"][0]["configMapRef"] == {
        "name": example.get("ConfigMap")["metadata"]["name"]
    }
    assert spec["volumes"][0]["secret"]["secretName"] == secret["metadata"]["name"]
    assert spec["serviceAccountName"] == example.get("ServiceAccount")["metadata"]["name"]
    # The app reads a file of the Secret, as its group, and Django accepts its content as a key.
    assert spec["volumes"][0]["secret"]["defaultMode"] == 0o440
    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsGroup"]
    [mount] = container["volumeMounts"]
    [variable] = container["env"]
    assert variable["name"] == "DJANGO_SECRET_KEY_FILE"
    name = variable["value"].removeprefix(f"{mount['mountPath']}/")
    key = base64.b64decode(secret["data"][name]).decode()
    assert len(key) >= 50
    assert not key.startswith("django-insecure-")


def test_a_changed_setting_replaces_the_pods(example: Manifests, tmp_path: Path) -> None:
    changed = render(overlay(tmp_path, hosts="other.example"))

    assert _container(changed)["envFrom"] != _container(example)["envFrom"]


def test_a_pod_stops_only_after_another_is_ready(manifests: Manifests) -> None:
    deployment = manifests.get("Deployment")["spec"]

    assert deployment["strategy"] == {"rollingUpdate": {"maxUnavailable": 0}}


def test_each_release_is_spread_but_fits_one_node(manifests: Manifests) -> None:
    constraints = _spec(manifests)["topologySpreadConstraints"]

    assert [each["topologyKey"] for each in constraints] == [
        "kubernetes.io/hostname", "topology.kubernetes.io/zone",
    ]  # fmt: skip
    for each in constraints:
        assert (each["maxSkew"], each["whenUnsatisfiable"]) == (1, "ScheduleAnyway")
        assert each["matchLabelKeys"] == ["pod-template-hash"]


def test_labels_select_the_pods_they_should(manifests: Manifests) -> None:
    web = manifests.get("Deployment")["spec"]["template"]["metadata"]["labels"]
    gate = manifests.gate()["template"]["metadata"]["labels"]
    [to] = manifests.get("NetworkPolicy", "petsage-gate")["spec"]["egress"][1]["to"]
    selectors = {
        "deployment": manifests.get("Deployment")["spec"]["selector"]["matchLabels"],
        "service": manifests.get("Service")["spec"]["selector"],
        "pods": manifests.get("Service", "petsage-pods")["spec"]["selector"],
        "budget": manifests.get("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        "policy": manifests.get("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        "gate's egress": to["podSelector"]["matchLabels"],
    } | {
        each["topologyKey"]: each["labelSelector"]["matchLabels"]
        for each in _spec(manifests)["topologySpreadConstraints"]
    }
    gates_own = manifests.get("NetworkPolicy", "petsage-gate")["spec"]["podSelector"]

    assert len(selectors) == 8
    for name, selector in selectors.items():
        assert selector.items() <= web.items(), name
        assert not selector.items() <= gate.items(), name
        # Selectors are immutable, and the release changes.
        assert RELEASE not in selector.values(), name
    assert gates_own["matchLabels"].items() <= gate.items()
    assert not gates_own["matchLabels"].items() <= web.items()


def test_network_policies_allow_only_the_apps_port(manifests: Manifests) -> None:
    [port] = _container(manifests)["ports"]
    app = manifests.get("NetworkPolicy")["spec"]
    gate = manifests.get("NetworkPolicy", "petsage-gate")["spec"]

    assert [policy["policyTypes"] for policy in (app, gate)] == [["Ingress", "Egress"]] * 2
    # Numbers, because some network plugins do not support named ports.
    assert app["ingress"] == [{"ports": [{"port": port["containerPort"]}]}]
    assert "egress" not in app
    assert [rule["ports"] for rule in gate["egress"]] == [
        [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
        [{"port": port["containerPort"]}],
    ]


def test_a_pod_may_always_be_evicted(manifests: Manifests, example: Manifests) -> None:
    disruption = manifests.get("PodDisruptionBudget")["spec"]
    budget = disruption["maxUnavailable"]
    autoscaler = manifests.get("HorizontalPodAutoscaler")["spec"]

    assert 0 < budget < example.get("Deployment")["spec"]["replicas"]
    # Even one that is not Ready, if another is not Ready either.
    assert disruption["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert budget < autoscaler["minReplicas"] < autoscaler["maxReplicas"]
    # `replicas` would conflict with the autoscaler.
    assert "replicas" not in manifests.get("Deployment")["spec"]
    assert autoscaler["scaleTargetRef"]["name"] == "petsage"


def test_the_time_limits_fit_those_of_the_app(manifests: Manifests) -> None:
    deployment, spec, container = (
        manifests.get("Deployment")["spec"],
        _spec(manifests),
        _container(manifests),
    )
    container_py = (ROOT / "deploy/container.py").read_text()
    [drain_s] = re.findall(r'workers_kill_timeout="(\d+)"', container_py)
    pause_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    noticed_s = {
        name: probe["periodSeconds"] * (probe["failureThreshold"] - 1) + probe["timeoutSeconds"]
        for name, probe in container.items()
        if name.endswith("Probe")
    }

    # Requests that arrive during preStop still get a response, with seconds to spare.
    assert pause_s + int(drain_s) + 5 <= spec["terminationGracePeriodSeconds"]
    # A hanging request ends itself first, and granian has time to start another worker.
    assert noticed_s["livenessProbe"] > 2 * LIMIT
    # The pod leaves the Service before that.
    assert noticed_s["readinessProbe"] < LIMIT < noticed_s["livenessProbe"]
    # A hanging first request shows before a new pod counts as available.
    assert deployment["minReadySeconds"] > LIMIT
    assert deployment["progressDeadlineSeconds"] > (
        noticed_s["startupProbe"] + deployment["minReadySeconds"]
    )


def test_the_docs_give_the_limits_of_the_manifests(manifests: Manifests) -> None:
    docs = " ".join((ROOT / "docs/kubernetes.md").read_text().split())
    deployment, container, gate = (
        manifests.get("Deployment")["spec"],
        _container(manifests),
        manifests.gate(),
    )
    requested, limit = (
        container["resources"][name]["memory"].removesuffix("Mi")
        for name in ("requests", "limits")
    )
    stop_s = _spec(manifests)["terminationGracePeriodSeconds"]

    for sentence in (
        f"it requests {requested} Mi, and its limit is {limit} Mi",
        f"after a new one has been Ready for {deployment['minReadySeconds']} s",
        f"it serves for {container['lifecycle']['preStop']['sleep']['seconds']} more seconds",
        f"within {stop_s} s in all",
        f"fails after {deployment['progressDeadlineSeconds'] // 60} minutes",
        f"fails after {gate['activeDeadlineSeconds']} s",
    ):
        assert sentence in docs


def test_the_gate_ends_by_itself(manifests: Manifests) -> None:
    given = Parser("gate").parse_args(manifests.gate_arguments())
    job = manifests.gate()

    # Longer than the cluster's DNS returns the former pods.
    assert given.wait > 30
    # The probe reports before the deadline.
    assert given.wait + given.timeout < job["activeDeadlineSeconds"]
    assert job["backoffLimit"] == 0
    assert manifests.get("CronJob", "petsage-gate")["spec"]["suspend"] is True
    assert manifests.get("Job", "petsage-gate-hook")["spec"] == job


def test_a_changed_setting_changes_the_hooks_job(tmp_path: Path) -> None:
    folder = overlay(tmp_path, "gate-hook")
    before = render(folder).get("Job", "petsage-gate-hook")
    path = folder / "kustomization.yaml"
    path.write_text(path.read_text().replace("petsage.example", "petsage.example,other.example"))

    # Otherwise Flux would keep the former settings' pass.
    assert render(folder).get("Job", "petsage-gate-hook") != before


def test_the_analysis_template_in_the_docs_is_the_gate(example: Manifests) -> None:
    docs = (ROOT / "docs/kubernetes.md").read_text()
    [block] = re.findall(r"```yaml\n(apiVersion: argoproj.io/.*?)```", docs, re.DOTALL)
    [release] = re.findall(r"petsage:(.+)", _container(example)["image"])
    template = yaml.safe_load(block.replace("{{args.release}}", release))

    [metric] = template["spec"]["metrics"]
    gate = example.gate()
    # Argo Rollouts creates a new Job each time.
    del gate["template"]["spec"]["containers"][0]["envFrom"]

    assert metric["provider"]["job"]["spec"] == gate
