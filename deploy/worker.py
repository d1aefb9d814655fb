"""The application behind nginx, with a time limit for requests and systemd's watchdog."""

import faulthandler
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings

from deploy.processes import answers
from petsage_project.wsgi import application as without_limit

# Seconds. nginx gives up after 4.8, so no client is still waiting. granian treats a second worker
# death within 5.5 as a crash loop, and exits.
LIMIT = 6.0

# SIGALRM first logs the stack of each thread, then ends the process.
faulthandler.register(signal.SIGALRM, chain=True)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Respond like the project; if that takes longer than LIMIT, end this worker.

    A stuck thread cannot be stopped, but its process can. SIGALRM fires even while the GIL is
    held; granian starts another worker. The timer belongs to the process, so a worker must have a
    single blocking thread. Streamed bodies have no limit.
    """
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        return without_limit(environ, start_response)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _tell_systemd(notify: str, path: Path) -> None:
    """Tell systemd once a second that this worker responds on its socket; see sd_notify(3).

    Any response counts: a restart does not fix a view that raises, and it would take both
    instances down. WatchdogSec= in the unit is longer than one call of answers().
    """
    host = settings.ALLOWED_HOSTS[0].removeprefix(".")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.connect(notify.replace("@", "\0", 1))
        while True:
            if answers(path, host, seconds=8):
                with suppress(OSError):
                    systemd.send(b"READY=1\nWATCHDOG=1")
            time.sleep(1)


# A container inherits the variable from a unit that starts it, but has no unix socket.
if "NOTIFY_SOCKET" in os.environ and "GRANIAN_UDS" in os.environ:
    sockets = (os.environ["NOTIFY_SOCKET"], Path(os.environ["GRANIAN_UDS"]))
    threading.Thread(target=_tell_systemd, args=sockets, daemon=True).start()
