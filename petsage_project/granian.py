"""How granian is started, whoever starts it."""

import os
import sys
from contextlib import suppress
from pathlib import Path


def granian_command(target: str, **options: str) -> list[str]:
    """Return the command line that serves `module:application`; `pid_file="p"` becomes an option.

    One blocking thread a worker: the GIL lets one run, others would only wait, and the limit
    of worker.py is that of a single thread.
    """
    # The same interpreter's, and no shell: nothing of the arguments is read twice.
    granian = Path(sys.executable).with_name("granian")
    fixed = {
        "interface": "wsgi",
        "blocking_threads": "1",
        "log_level": "warning",
        # Seconds for what is in flight. Without it a worker that gets SIGINT and SIGTERM at once,
        # as on Ctrl-C, may hang for ever and granian with it.
        "workers_kill_timeout": "8",
    }
    words = [
        word
        for name, value in (fixed | options).items()
        for word in (f"--{name.replace('_', '-')}", value)
    ]
    return [str(granian), "--no-ws", *words, target]


def be_scheduled_as_batch() -> None:
    """Have the kernel let a thread of this process and its children finish when another wakes.

    A worker has a thread for its sockets and one for Python, and each wakes the other at every
    request; without this, each then interrupts the other too, and a request takes half as much
    processor time again.

    SCHED_BATCH of sched(7) keeps their share of the processor, and needs no right. The service has
    it from its unit, which allows no such call; systems other than Linux have none.
    """
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
