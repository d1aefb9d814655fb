from rest_framework import serializers

from smoke_test.services import SmokeTestResult


class SmokeTestSerializer(serializers.Serializer[SmokeTestResult]):
    """The smoke test's result: exactly these two keys, in this order."""

    status = serializers.ChoiceField(
        choices=["ok"], help_text="Indicates the status of the smoke test."
    )
    details = serializers.CharField(help_text="A descriptive message about the test result.")


class ErrorSerializer(serializers.Serializer[dict[str, str]]):
    """A client error, as one sentence."""

    detail = serializers.CharField(help_text="What was wrong with the request.")
