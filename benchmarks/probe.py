"""What the probe and the checks cost, beside curl and beside the checks of an empty project.

Runs each command in turn, round after round, and prints medians in milliseconds and their spread.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 31


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(
            "found no URL, wanted: python -m benchmarks.probe http://127.0.0.1:8000/smoke-test/"
        )
    url = sys.argv[1]
    curl = shutil.which("curl") or sys.exit("curl is not installed: apt-get install curl")
    manage = [sys.executable, "manage.py"]
    with tempfile.TemporaryDirectory() as empty:
        admin = [sys.executable, "-m", "django", "startproject", "empty", empty]
        subprocess.run(admin, check=True)  # noqa: S603 - ours
        commands = {
            "curl": [curl, "--fail", "--silent", url],
            "start of manage.py": [*manage, "version"],
            "probe": [*manage, "smoke_test", url],
            "check of an empty project": [sys.executable, f"{empty}/manage.py", "check"],
            "check --tag smoke_test": [*manage, "check", "--tag", "smoke_test"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                times[name].append(_run_ms(command))
    sys.stdout.write("| command | median ms | 10th to 90th percentile |\n|---|---|---|\n")
    for name, found in times.items():
        deciles = statistics.quantiles(found, n=10)
        spread = f"{deciles[0]:.0f} to {deciles[-1]:.0f}"
        sys.stdout.write(f"| {name} | {statistics.median(found):.0f} | {spread} |\n")
    beyond = [
        probe - start - curl
        for probe, start, curl in zip(
            times["probe"], times["start of manage.py"], times["curl"], strict=True
        )
    ]
    sys.stdout.write(
        f"\nThe probe, beyond curl and the start: {statistics.median(beyond):.0f} ms.\n"
    )


def _run_ms(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
