"""Serve on a unix socket and go on serving, as `make app` and petsage.service do.

granian exits if a worker crashes twice in quick succession, never replaces a stopped worker, and
leaves its workers behind if it is killed. This process starts it again, replaces stopped workers
and leaves nothing behind. A worker whose code hangs ends by itself; see worker.py.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from deploy.granian import be_scheduled_as_batch, granian_command
from deploy.nginx import site_host
from deploy.processes import SIGNALS, children, kill_group, start_group, state, unanswered

VAR = Path(__file__).resolve().parent.parent / "var"

# Seconds: between requests before the first answer and after it, and the limit of one request.
STARTING = 0.2
PERIOD = 3.0
PATIENCE = 3.0

# Consecutive failed rounds, each of at most PERIOD + PATIENCE seconds. A worker whose code hangs
# has ended before the first figure. There the workers are replaced one by one; at the second
# figure everything is killed, within 30 s.
REPLACE_AT = 3
KILL_AT = 5

# Far more than the workers: the kernel chooses which worker takes a request.
REQUESTS = 16


def main() -> None:
    parser = argparse.ArgumentParser(prog="make app", usage="make app")
    parser.add_argument("--var", type=Path, default=VAR, help="the directory of its socket")
    var: Path = parser.parse_args().var.resolve()

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")
    # Only nginx reaches the socket, and nginx sets the header.
    os.environ["DJANGO_TRUST_X_FORWARDED_PROTO"] = "true"
    try:
        host = site_host(settings.ALLOWED_HOSTS)
        _refuse_unwritable(var)
        _refuse_busy(var / "petsage.sock")
    except (ImproperlyConfigured, OSError) as error:
        sys.exit(f"make app: {error}")

    be_scheduled_as_batch()
    # From here on they are taken one by one: no handler interrupts anything.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    while True:
        began = time.monotonic()
        if not _serve(var / "petsage.sock", var / "granian.pid", host):
            return
        # A failure at once would otherwise fill the log.
        pause = max(0.0, began + 1 - time.monotonic())
        if signal.sigtimedwait(SIGNALS - {signal.SIGCHLD, signal.SIGHUP}, pause):
            return


def _refuse_unwritable(var: Path) -> None:
    """Create the directory of the socket; raise OSError unless it is writable."""
    var.mkdir(parents=True, exist_ok=True)
    if not os.access(var, os.W_OK):
        raise OSError(f"got {str(var)!r}, expected a writable directory; make it writable")


def _refuse_busy(path: Path) -> None:
    """Raise OSError if the socket is already served."""
    with socket.socket(socket.AF_UNIX) as client:
        if client.connect_ex(str(path)) == 0:
            raise OSError(f"got {path} already served, expected it free; stop the other make app")


def _serve(path: Path, pid_file: Path, host: str) -> bool:
    """Run granian until it exits; return whether it exited unasked."""
    # Left behind by a killed one; granian does not replace them.
    path.unlink(missing_ok=True)
    pid_file.unlink(missing_ok=True)
    command = granian_command(
        "deploy.worker:application",
        uds=str(path),
        # nginx is in the group.
        uds_permissions="0o660",
        workers="2",
        respawn_interval="1",
        pid_file=str(pid_file),
    )
    granian = start_group([*command, "--respawn-failed-workers"])
    try:
        return _attend(granian, path, host)
    finally:
        kill_group(granian)
        path.unlink(missing_ok=True)
        pid_file.unlink(missing_ok=True)


def _attend(granian: subprocess.Popen[bytes], path: Path, host: str) -> bool:
    """Pass on signals and watch until granian exits; return whether it exited unasked."""
    asked_to_stop = False
    failed: int | None = None
    while granian.poll() is None:
        pause = 1 if asked_to_stop else STARTING if failed is None else PERIOD
        received = signal.sigtimedwait(SIGNALS, pause)
        # Python gives the number 0 if this process itself was stopped meanwhile.
        number = received.si_signo if received else 0
        if number in (signal.SIGINT, signal.SIGTERM):
            asked_to_stop = True
            granian.send_signal(signal.SIGTERM)
        elif number == signal.SIGHUP:
            granian.send_signal(signal.SIGHUP)
        elif number == 0 and asked_to_stop:
            # A worker that has only just started ignores the first SIGTERM.
            for pid in children(granian.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        elif number == 0:
            failed = _look(granian, path, host, failed)
    if not asked_to_stop:
        _log(f"granian exited with {granian.returncode}; starting it again")
    return not asked_to_stop


def _look(
    granian: subprocess.Popen[bytes], path: Path, host: str, failed: int | None
) -> int | None:
    """Check once that requests are answered, and replace what does not answer.

    Takes and returns the number of consecutive failed rounds, None before the first success.
    """
    for pid in [granian.pid, *children(granian.pid)]:
        if state(pid) == "T":
            _log(f"process {pid} is stopped; killing it, so that another takes its place")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if not unanswered(path, host, requests=REQUESTS, seconds=PATIENCE):
        _notify("READY=1\nWATCHDOG=1")
        return 0
    if failed is None:
        return None
    failed += 1
    if failed == REPLACE_AT:
        _log(f"no answer within {PATIENCE} s, repeatedly; replacing the workers")
        granian.send_signal(signal.SIGHUP)
    if failed == KILL_AT:
        _log("no answer from new workers either; killing granian")
        granian.kill()
    return failed


def _notify(state: str) -> None:
    """Tell systemd, if systemd started this process; see sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.connect(address.replace("@", "\0", 1))
            client.send(state.encode())


def _log(message: str) -> None:
    sys.stderr.write(f"petsage app: {message}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
