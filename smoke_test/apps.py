from django.apps import AppConfig


class SmokeTestConfig(AppConfig):
    name = "smoke_test"

    def ready(self) -> None:
        # Registers the system checks.
        from smoke_test import checks  # noqa: F401
