"""granian's command line. `make stack` and the service run this module to serve a unix socket."""

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    """Become a granian with one worker, on the unix socket named by the argument."""
    path = Path(sys.argv[1])
    with socket.socket(socket.AF_UNIX) as client:
        if client.connect_ex(str(path)) == 0:
            sys.exit(f"got {path} already served, expected it free; stop the other make stack")
    # A killed granian leaves its socket behind, and the next one does not replace it.
    path.unlink(missing_ok=True)
    # Only nginx can reach the socket, and nginx sets the header.
    os.environ["DJANGO_TRUST_X_FORWARDED_PROTO"] = "true"
    # granian's own variable for `--uds`; worker.py reads it too.
    os.environ["GRANIAN_UDS"] = str(path)
    # nginx belongs to the socket's group.
    command = granian_command("deploy.worker:application", uds_permissions="0o660")
    be_scheduled_as_batch()
    # The main process holds the listening socket, so clients wait until the next worker starts.
    os.execv(command[0], [*command, "--respawn-failed-workers"])  # noqa: S606 - ours


def granian_command(target: str, **options: str) -> list[str]:
    """Return the command line that serves `module:application`; `pid_file="p"` becomes an option.

    Each worker has one blocking thread: more would only wait for the GIL, and worker.py's time
    limit works only with a single thread.
    """
    # The one installed with this interpreter.
    granian = Path(sys.executable).with_name("granian")
    fixed = {
        "interface": "wsgi",
        "blocking_threads": "1",
        "log_level": "warning",
        # Seconds for requests in flight. Without it, a worker that gets SIGINT and SIGTERM at the
        # same time, as on Ctrl-C, can hang forever, and granian with it.
        "workers_kill_timeout": "8",
    }
    words = [
        word
        for name, value in (fixed | options).items()
        for word in (f"--{name.replace('_', '-')}", value)
    ]
    return [str(granian), "--no-ws", *words, target]


def be_scheduled_as_batch() -> None:
    """Keep the threads of this process and its children from preempting each other.

    A worker has one thread for sockets and one for Python, and each wakes the other on every
    request. Without SCHED_BATCH (sched(7)) they also preempt each other, and a request takes 50 %
    more processor time. Their share of the processor stays the same.

    It needs no privileges. The service's unit sets it instead, because the unit forbids this call;
    only Linux has it.
    """
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    main()
