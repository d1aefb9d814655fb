"""The schema class of all views; it loads only to generate the OpenAPI document."""

from drf_spectacular import openapi

# Registers the feature's descriptions of its views.
from smoke_test import schema  # noqa: F401 - drf-spectacular finds its extension


class AutoSchema(openapi.AutoSchema):
    """drf-spectacular's own class, with each feature's descriptions registered."""
