"""The application of the workers of `make app`, with a time limit for each request."""

import faulthandler
import signal
from collections.abc import Iterable
from typing import Any

from petsage_project.wsgi import application as without_limit

# Seconds. nginx gives up after 4.8, so nobody is waiting any more.
LIMIT = 6.0

# SIGALRM ends the process. Before that, the stack of each thread goes to the log.
faulthandler.register(signal.SIGALRM, chain=True)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer as the project does; if that takes longer than LIMIT, this worker ends.

    A stuck thread cannot be stopped, so its process is. SIGALRM fires even while the GIL is held;
    granian starts another worker. The timer belongs to the process, so a worker must have a single
    blocking thread. A streamed body is not limited.
    """
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        return without_limit(environ, start_response)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
