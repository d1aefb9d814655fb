"""What the workers of `make app` run: the application, and an end to what hangs in it."""

import faulthandler
import signal
from collections.abc import Iterable
from typing import Any

from petsage_project.wsgi import application as without_limit

# Seconds. nginx has given up after 4.8: nobody waits any longer.
LIMIT = 6.0

# By default SIGALRM ends the process. Before that, what each thread was doing goes to the log.
faulthandler.register(signal.SIGALRM, chain=True)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer as the project does; where that takes more than LIMIT, this worker ends.

    A thread that hangs cannot be stopped, so its process is. The kernel does it, who needs no
    turn of the interpreter; granian starts another worker. The timer is the process's: it takes
    a worker with one blocking thread. What an answer streams is outside of it.
    """
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        return without_limit(environ, start_response)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
