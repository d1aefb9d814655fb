"""The schema class of all views, loaded only where the API's document is made."""

from drf_spectacular import openapi

# Registers what the feature says of its views.
from smoke_test import schema  # noqa: F401 - drf-spectacular finds its extension


class AutoSchema(openapi.AutoSchema):
    """drf-spectacular's own, which knows what each feature says of its views."""
