"""The part of the Kubernetes API that gate.sh uses, with a configurable rollout and Job."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

JOBS = "/apis/batch/v1/namespaces/petsage/jobs"
JOB = f"{JOBS}/petsage-gate"
CRON_JOB = "/apis/batch/v1/namespaces/petsage/cronjobs/petsage-gate"
DEPLOYMENTS = "/apis/apps/v1/namespaces/petsage/deployments"

ROLLED_OUT = {
    "observedGeneration": 1,
    "replicas": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "availableReplicas": 2,
}
STUCK = ROLLED_OUT | {
    "replicas": 3,
    "updatedReplicas": 1,
    "conditions": [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    ],
}

_RESOURCES = {
    "v1": [("pods", "Pod"), ("events", "Event")],
    "apps/v1": [("deployments", "Deployment")],
    "batch/v1": [("jobs", "Job"), ("cronjobs", "CronJob")],
}


class Cluster:
    """The state behind the API: a rollout, and a Job with one condition per request."""

    def __init__(self, rollout: dict[str, Any], *endings: str, forbidden: bool = False) -> None:
        self.rollout = rollout
        self.endings = list(endings)
        self.forbidden = forbidden
        # The former release's Job, which passed.
        self.job: dict[str, Any] | None = _job("former")
        _end(self.job, "Complete")

    def respond(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        match method, path:
            case "GET", _:
                resource = self._resource(path)
                return (200, resource) if resource else _status(404, "NotFound", f"no {path}")
            case "DELETE", _ if path == JOB and self.job:
                self.job = None
                return _status(200, "", "")
            case "POST", _ if path == JOBS and self.forbidden:
                return _status(403, "Forbidden", "exceeded quota")
            case "POST", _ if path == JOBS and self.job is None:
                self.job = _job("new")
                return 201, self.job
        return _status(409, "Conflict", f"no {method} of {path}")

    def _resource(self, path: str) -> dict[str, Any] | None:
        if path.startswith(JOBS) and self.job and self.endings:
            _end(self.job, self.endings.pop(0))
        deployment = self._deployment()
        resources: dict[str, dict[str, Any] | None] = {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "groups": [_group("apps"), _group("batch")]},
            "/api/v1": _resources("v1"),
            "/apis/apps/v1": _resources("apps/v1"),
            "/apis/batch/v1": _resources("batch/v1"),
            DEPLOYMENTS: _list("apps/v1", "DeploymentList", deployment),
            f"{DEPLOYMENTS}/petsage": deployment,
            CRON_JOB: _cron_job(),
            JOBS: _list("batch/v1", "JobList", *filter(None, [self.job])),
            JOB: self.job,
            "/api/v1/namespaces/petsage/pods": _list("v1", "PodList"),
            "/api/v1/namespaces/petsage/events": _list("v1", "EventList"),
        }
        return resources.get(path)

    def _deployment(self) -> dict[str, Any]:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "petsage", "namespace": "petsage", "generation": 1},
            "spec": {"replicas": 2},
            "status": self.rollout,
        }


@contextmanager
def serving(cluster: Cluster) -> Iterator[str]:
    """Serve the API on the loopback interface, and yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            if "watch" in parse_qs(parts.query):
                # No further event.
                status, document = 200, None
            else:
                status, document = cluster.respond(self.command, parts.path)
            payload = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_DELETE = _respond  # noqa: N815 - the names are http.server's

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _end(job: dict[str, Any], condition: str) -> None:
    if condition:
        job["status"] = {"conditions": [{"type": condition, "status": "True"}]}


def _job(uid: str) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "petsage-gate", "namespace": "petsage", "uid": uid},
        "spec": {"template": {"spec": {"containers": [{"name": "gate", "image": "petsage"}]}}},
        "status": {},
    }


def _cron_job() -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "petsage-gate", "namespace": "petsage", "uid": "cron"},
        "spec": {"jobTemplate": {"spec": _job("")["spec"]}},
    }


def _list(version: str, kind: str, *items: dict[str, Any]) -> dict[str, Any]:
    metadata = {"resourceVersion": "1"}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "items": items}


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(version: str) -> dict[str, Any]:
    verbs = ["create", "delete", "get", "list", "watch"]
    return {
        "kind": "APIResourceList",
        "groupVersion": version,
        "resources": [
            {"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": verbs}
            for name, kind in _RESOURCES[version]
        ],
    }


def _status(code: int, reason: str, message: str) -> tuple[int, dict[str, Any]]:
    return code, {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure" if reason else "Success",
        "code": code,
        "reason": reason,
        "message": message,
    }
