"""Runs wrk and reads its report."""

import re
import subprocess
from typing import NamedTuple

# The servers use the other one.
PROCESSOR = "1"

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Load(NamedTuple):
    """One run of wrk: percentiles in milliseconds; errors include statuses other than 200."""

    requests: int
    per_second: float
    p50: float
    p99: float
    errors: int


def load(port: int, target: str, connections: int, seconds: int) -> Load:
    """Send requests as fast as possible, over this many kept-alive connections."""
    result = subprocess.run(  # noqa: S603 - no part of it comes from outside
        [
            *("taskset", "--cpu-list", PROCESSOR, "wrk", "--latency", "--threads", "1"),
            *("--connections", str(connections), "--duration", f"{seconds}s"),
            f"http://127.0.0.1:{port}{target}",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return _read(result.stdout)


def _read(report: str) -> Load:
    errors = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", report))
    if failed := re.search(r"Socket errors: (.*)", report):
        errors += sum(int(n) for n in re.findall(r"\d+", failed[1]))
    return Load(
        requests=int(_match(r"(\d+) requests in", report)),
        per_second=float(_match(r"Requests/sec: +([\d.]+)", report)),
        p50=_milliseconds(_match(r"50% +(\S+)", report)),
        p99=_milliseconds(_match(r"99% +(\S+)", report)),
        errors=errors,
    )


def _match(pattern: str, report: str) -> str:
    match = re.search(pattern, report)
    if match is None:
        raise ValueError(
            f"got a wrk report without a match for {pattern!r}, expected one: {report}"
        )
    return match[1]


def _milliseconds(text: str) -> float:
    unit = text.lstrip("0123456789.")
    return float(text.removesuffix(unit)) * _UNITS[unit]
