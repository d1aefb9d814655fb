"""Serves the app and its static files on GRANIAN_HOST and GRANIAN_PORT, in the image."""

import multiprocessing
import os
import signal
import sys
from typing import Any

from deploy.granian import be_scheduled_as_batch, granian_command


def main() -> None:
    """Refuse settings that no deployment may have, load the app, and run granian.

    SIGTERM is blocked at the start. granian unblocks it once it has a handler.
    """
    # A new worker has its parent's handler, which would lose a SIGTERM; see draining.py.
    os.register_at_fork(
        before=lambda: _mask(signal.SIG_BLOCK), after_in_parent=lambda: _mask(signal.SIG_UNBLOCK)
    )
    # Workers share the memory of the modules loaded here. Python 3.14 does not fork by default.
    multiprocessing.set_start_method("fork")

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command

    try:
        from django.conf import settings

        from deploy import draining

        call_command(
            "check", tags=["security"], deploy=True, fail_level="WARNING", stdout=sys.stderr
        )
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except CommandError as error:
        sys.exit(f"{error}\nFix the setting that the hint names; see docs/settings.md.")

    from granian.cli import entrypoint
    from granian.log import LOGGING_CONFIG

    # Standard output is reserved for the JSON of DJANGO_LOG_FAILURES.
    handlers: Any = LOGGING_CONFIG["handlers"]
    handlers["console"]["stream"] = "ext://sys.stderr"
    be_scheduled_as_batch()
    sys.argv = granian_command(
        f"{draining.__name__}:make_application",
        static_path_route=settings.STATIC_URL.rstrip("/"),
        static_path_mount=str(settings.STATIC_ROOT),
        # Seconds; enough for draining.py and then the limit in worker.py.
        workers_kill_timeout="10",
    )
    sys.argv[1:1] = ["--factory", "--respawn-failed-workers"]
    # granian does not annotate it.
    entrypoint()  # type: ignore[no-untyped-call]


def _mask(how: int) -> None:
    signal.pthread_sigmask(how, {signal.SIGTERM})


if __name__ == "__main__":
    main()
