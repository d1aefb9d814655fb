"""The app on a port with its static files, as the image runs it: granian is process 1."""

import os
import signal
import sys

from deploy.granian import be_scheduled_as_batch, granian_command


def main() -> None:
    """Check the settings, load the app, and be granian, which forks its workers from here."""
    # Until granian handles SIGTERM, the kernel would drop it: this is process 1.
    _mask(signal.SIG_BLOCK)
    # A worker has granian's handler until it has its own, and would lose a SIGTERM.
    os.register_at_fork(
        before=lambda: _mask(signal.SIG_BLOCK), after_in_parent=lambda: _mask(signal.SIG_UNBLOCK)
    )
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command

    try:
        from deploy import draining  # noqa: F401
        from django.conf import settings

        call_command("check", deploy=True, fail_level="WARNING", tags=["security"], stdout=sys.stderr)
    except (CommandError, ImproperlyConfigured) as error:
        sys.exit(f"{error}")

    from granian.cli import entrypoint

    be_scheduled_as_batch()
    sys.argv = [
        *granian_command(
            "deploy.draining:make_application",
            static_path_route=settings.STATIC_URL.rstrip("/"),
            static_path_mount=str(settings.STATIC_ROOT),
            workers_kill_timeout="10",
        ),
        "--factory",
        "--respawn-failed-workers",
    ]
    entrypoint()


def _mask(how: int) -> None:
    signal.pthread_sigmask(how, {signal.SIGTERM})


if __name__ == "__main__":
    main()
