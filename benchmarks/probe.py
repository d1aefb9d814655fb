"""How long the probe and the checks take as processes, compared with curl and Python's startup.

Each round runs each command. Writes medians in milliseconds, their spread, and the median of the
ratios to `import pycurl` within a round.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.contestants import PETSAGE, granian
from benchmarks.processes import Server, free_port, until_answered
from benchmarks.tables import PERFORMANCE, write_table
from smoke_test.contract import PATH

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 31

BASE = "python -c 'import pycurl'"


def main() -> None:
    port = free_port()
    server = Server(granian(PETSAGE)(port), {})
    try:
        until_answered(port, PATH)
        times = _measure(port)
    finally:
        server.stop()
    rows = []
    for name, durations in times.items():
        deciles = statistics.quantiles(durations, n=10)
        ratio = statistics.median(a / b for a, b in zip(durations, times[BASE], strict=True))
        median, spread = statistics.median(durations), f"{deciles[0]:.0f} to {deciles[-1]:.0f}"
        rows.append([f"`{name}`", f"{median:.0f}", spread, f"{ratio:.2f}"])
    head = ["command", "median ms", "10 % to 90 %", "relative to importing pycurl"]
    write_table(PERFORMANCE, head, rows)


def _measure(port: int) -> dict[str, list[float]]:
    """Return the durations of each command in milliseconds."""
    url = f"http://127.0.0.1:{port}{PATH}"
    curl = shutil.which("curl") or sys.exit("curl is not installed: apt-get install curl")
    manage = [sys.executable, "manage.py"]
    commands = {
        "curl": [curl, "--fail", "--silent", url],
        BASE: [sys.executable, "-c", "import pycurl"],
        "python -m smoke_test.probe URL": [sys.executable, "-m", "smoke_test.probe", url],
        "python -m deploy.healthcheck": [sys.executable, "-m", "deploy.healthcheck"],
        "manage.py smoke_test URL": [*manage, "smoke_test", url],
        "manage.py smoke_test --in-process": [*manage, "smoke_test", "--in-process"],
        "manage.py check --tag smoke_test": [*manage, "check", "--tag", "smoke_test"],
        "manage.py check --deploy --tag smoke_test": [
            *manage,
            *("check", "--deploy", "--tag", "smoke_test"),
        ],
    }
    # The image's HEALTHCHECK reads it.
    os.environ["GRANIAN_PORT"] = str(port)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            times[name].append(_run_ms(command))
    return times


def _run_ms(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
