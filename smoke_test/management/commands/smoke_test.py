from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from smoke_test.checks import TAG, judge
from smoke_test.in_process import InProcessClient


class Command(BaseCommand):
    """Exit 0 where the smoke test passes, 1 with the reasons on standard error where not."""

    help = "Checks the wiring of the smoke test and asks it once, in process."

    # It runs the smoke test's own and reports them itself.
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.check(tags=[TAG])
        # Asked again here: SILENCED_SYSTEM_CHECKS must not turn a broken answer green.
        if found := judge(InProcessClient().get("http")):
            raise CommandError(f"The answer is not the smoke test's: {found[0]}.")
        passed = f"Smoke test passed: release {settings.PETSAGE_RELEASE} answered in process."
        self.stdout.write(self.style.SUCCESS(passed))
