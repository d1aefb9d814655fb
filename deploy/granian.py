"""granian's command line, and the app on a unix socket, as `make stack` and the service run it."""

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    """Become a granian with one worker, on the unix socket that the argument names."""
    path = Path(sys.argv[1])
    with socket.socket(socket.AF_UNIX) as client:
        if client.connect_ex(str(path)) == 0:
            sys.exit(f"got {path} already served, expected it free; stop the other make stack")
    # Left behind by a killed one; granian does not replace it.
    path.unlink(missing_ok=True)
    # Only nginx reaches the socket, and nginx sets the header.
    os.environ["DJANGO_TRUST_X_FORWARDED_PROTO"] = "true"
    # granian's own name for `--uds`; worker.py reads it too.
    os.environ["GRANIAN_UDS"] = str(path)
    # nginx is in the group.
    command = granian_command("deploy.worker:application", uds_permissions="0o660")
    be_scheduled_as_batch()
    # The main process holds the listening socket, so clients wait for the next worker.
    os.execv(command[0], [*command, "--respawn-failed-workers"])  # noqa: S606 - ours


def granian_command(target: str, **options: str) -> list[str]:
    """Return the command line that serves `module:application`; `pid_file="p"` becomes an option.

    There is one blocking thread per worker: under the GIL more would only wait, and the limit of
    worker.py applies to a single thread.
    """
    # The one of this interpreter.
    granian = Path(sys.executable).with_name("granian")
    fixed = {
        "interface": "wsgi",
        "blocking_threads": "1",
        "log_level": "warning",
        # Seconds for requests in flight. Without it, a worker that gets SIGINT and SIGTERM at
        # once, as on Ctrl-C, may hang forever, and granian with it.
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

    A worker has a thread for its sockets and one for Python, and each wakes the other on every
    request. Without SCHED_BATCH (sched(7)) each also preempts the other, and a request takes half
    as much processor time again. Their share of the processor stays the same.

    It needs no privilege. The service gets it from its unit, which does not permit the call;
    systems other than Linux do not have it.
    """
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    main()
