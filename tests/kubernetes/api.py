"""As much of the Kubernetes API over HTTP as gate.sh needs, with a rollout and a Job to choose."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

JOBS = "/apis/batch/v1/namespaces/petsage/jobs"
CRON_JOB = "/apis/batch/v1/namespaces/petsage/cronjobs/petsage-gate"
PODS = "/api/v1/namespaces/petsage/pods"
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
    """What the API tells: a rollout, and how a Job ends, one answer a request."""

    def __init__(self, rollout: dict[str, Any], *endings: str, forbidden: bool = False) -> None:
        self.rollout = rollout
        self.endings = list(endings)
        self.forbidden = forbidden
        # A Job of the last release, which passed.
        self.job: dict[str, Any] | None = _job("former")
        _end(self.job, "Complete")

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        match method, path:
            case "GET", "/api":
                return 200, {"kind": "APIVersions", "versions": ["v1"]}
            case "GET", "/apis":
                return 200, {"kind": "APIGroupList", "groups": [_group("apps"), _group("batch")]}
            case "GET", "/api/v1" | "/apis/apps/v1" | "/apis/batch/v1":
                version = path.removeprefix("/apis/").removeprefix("/api/")
                return 200, _resources(version)
            case "GET", _ if path == DEPLOYMENTS:
                return 200, _list("apps/v1", "DeploymentList", self._deployment())
            case "GET", _ if path == f"{DEPLOYMENTS}/petsage":
                return 200, self._deployment()
            case "GET", _ if path == CRON_JOB:
                return 200, _cron_job()
            case "POST", _ if path == JOBS:
                if self.forbidden:
                    return 403, _status(403, "Forbidden", "exceeded quota")
                if self.job:
                    return 409, _status(409, "AlreadyExists", "jobs already exists")
                self.job = _job("new")
                return 201, self.job
            case "DELETE", _ if path == f"{JOBS}/petsage-gate" and self.job:
                self.job = None
                return 200, _status(200, "", "")
            case "GET", _ if path in (JOBS, f"{JOBS}/petsage-gate") and self.job:
                if self.endings:
                    _end(self.job, self.endings.pop(0))
                if path == JOBS:
                    return 200, _list("batch/v1", "JobList", self.job)
                return 200, self.job
            case "GET", "/api/v1/namespaces/petsage/pods":
                return 200, _list("v1", "PodList")
            case "GET", "/api/v1/namespaces/petsage/events":
                return 200, _list("v1", "EventList")
        return 404, _status(404, "NotFound", f"{path} not found")

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
    """Serve the API on the loopback interface, and return its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            if "watch" in parse_qs(parts.query):
                # Nothing happens any more.
                status, found = 200, None
            else:
                status, found = cluster.answer(self.command, parts.path)
            payload = b"" if found is None else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the names are http.server's

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


def _status(code: int, reason: str, message: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure" if reason else "Success",
        "code": code,
        "reason": reason,
        "message": message,
    }
