from rest_framework import serializers

from smoke_test.services import SmokeTestResult


class SmokeTestSerializer(serializers.Serializer[SmokeTestResult]):
    """The smoke test's result: these two keys, in this order, and no other."""

    status = serializers.ChoiceField(
        choices=["ok"], help_text="Indicates the status of the smoke test."
    )
    details = serializers.CharField(help_text="A descriptive message about the test result.")


class ErrorSerializer(serializers.Serializer[dict[str, str]]):
    """An error of whoever asked, as one sentence."""

    detail = serializers.CharField(help_text="What was wrong with the request.")
