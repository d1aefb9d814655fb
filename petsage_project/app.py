"""Serve on a unix socket and go on serving, as `make app` and petsage.service do.

granian leaves when a worker dies twice within seconds, keeps a worker that is frozen, and its
workers outlive it when it is killed: this process starts it again, has the frozen replaced, and
leaves nothing behind. A worker whose code hangs ends by itself; see worker.py.
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

from petsage_project.granian import be_scheduled_as_batch, granian_command
from petsage_project.nginx import site_host
from petsage_project.watch import children, stopped, unanswered

VAR = Path(__file__).resolve().parent.parent / "var"
SIGNALS = {signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM}

# Seconds: how often the app is asked before its first answer and after, and how long one may take.
STARTING = 0.2
PERIOD = 3.0
PATIENCE = 3.0

# Rounds that failed one after the other, each of at most PERIOD + PATIENCE seconds. A worker whose
# code hangs has ended before the first figure; at that one the workers are replaced one after the
# other, at the second everything is killed, within 30 s.
REPLACE_AT = 3
KILL_AT = 5

# More than the workers by far: who among them takes a request is the kernel's choice.
REQUESTS = 16


def main() -> None:
    parser = argparse.ArgumentParser(prog="make app", usage="make app")
    parser.add_argument("--var", type=Path, default=VAR, help="where its socket and pid are")
    var: Path = parser.parse_args().var.resolve()

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")
    # Only nginx reaches the socket, and nginx says which scheme was asked for.
    os.environ["DJANGO_BEHIND_PROXY"] = "true"
    try:
        host = site_host(settings.ALLOWED_HOSTS)
        _refuse_busy(var / "petsage.sock")
    except (ImproperlyConfigured, OSError) as error:
        sys.exit(f"make app: {error}")

    be_scheduled_as_batch()
    # Taken one by one from here on: no handler interrupts anything.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    while True:
        began = time.monotonic()
        if not _serve(var / "petsage.sock", var / "granian.pid", host):
            return
        # What fails at once would otherwise fill the log.
        pause = max(0.0, began + 1 - time.monotonic())
        if signal.sigtimedwait(SIGNALS - {signal.SIGCHLD, signal.SIGHUP}, pause):
            return


def _refuse_busy(path: Path) -> None:
    """Raise OSError where somebody serves the socket already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as client:
        if client.connect_ex(str(path)) == 0:
            raise OSError(f"{path} is served already; end what serves it, another make app")


def _serve(path: Path, pid_file: Path, host: str) -> bool:
    """Run granian until it leaves; return whether it left unasked."""
    # Left by one that was killed; granian takes neither over.
    path.unlink(missing_ok=True)
    pid_file.unlink(missing_ok=True)
    command = granian_command(
        "petsage_project.worker:application",
        uds=str(path),
        # nginx is in the group.
        uds_permissions="0o660",
        workers="2",
        respawn_interval="1",
        pid_file=str(pid_file),
    )
    granian = subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
        [*command, "--respawn-failed-workers"],
        # Its workers are killed by the group, and Ctrl-C reaches it through us alone.
        process_group=0,
        preexec_fn=_unblock,
    )
    try:
        return _attend(granian, path, host)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(granian.pid, signal.SIGKILL)
        granian.wait()
        path.unlink(missing_ok=True)
        pid_file.unlink(missing_ok=True)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _attend(granian: subprocess.Popen[bytes], path: Path, host: str) -> bool:
    """Pass signals on and watch, until granian leaves; return whether it left unasked."""
    asked_to_stop = False
    failed: int | None = None
    while granian.poll() is None:
        pause = 1 if asked_to_stop else STARTING if failed is None else PERIOD
        received = signal.sigtimedwait(SIGNALS, pause)
        # Python gives the number 0 where this process itself was stopped for longer.
        number = received.si_signo if received else 0
        if number in (signal.SIGINT, signal.SIGTERM):
            asked_to_stop = True
            granian.send_signal(signal.SIGTERM)
        elif number == signal.SIGHUP:
            granian.send_signal(signal.SIGHUP)
        elif number == 0 and asked_to_stop:
            # A worker that was only just started takes the first SIGTERM for its parent's.
            for pid in children(granian.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        elif number == 0:
            failed = _look(granian, path, host, failed)
    if not asked_to_stop:
        _log(f"granian left with {granian.returncode}; it is started again")
    return not asked_to_stop


def _look(
    granian: subprocess.Popen[bytes], path: Path, host: str, failed: int | None
) -> int | None:
    """Look once whether all is served, and have replaced what is not.

    Takes and returns how many rounds have failed in a row, None before the first that did not.
    """
    for pid in [granian.pid, *children(granian.pid)]:
        if stopped(pid):
            _log(f"process {pid} is stopped; it is killed, and another takes its place")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if not unanswered(path, host, requests=REQUESTS, seconds=PATIENCE):
        _notify("READY=1\nWATCHDOG=1")
        return 0
    if failed is None:
        return None
    failed += 1
    if failed == REPLACE_AT:
        _log(f"no answer in {PATIENCE} s, again and again; the workers are replaced")
        granian.send_signal(signal.SIGHUP)
    if failed == KILL_AT:
        _log("no answer from new workers either; granian is killed")
        granian.kill()
    return failed


def _notify(state: str) -> None:
    """Tell systemd, where it is systemd that started this; see sd_notify(3)."""
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
