"""The page for browsers. DRF renders the JSON."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.response import Response

from smoke_test.contract import ANSWERED_AT_HEADER, RELEASE_HEADER


class SmokeTestPageRenderer(BrowsableAPIRenderer):
    """DRF's browsable page, with PetSage's state at the top.

    The release and time come from the headers of the response being rendered. A response to
    OPTIONS has no state.
    """

    template = "smoke_test/page.html"

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        context = super().get_context(data, accepted_media_type, renderer_context)
        response: Response = context["response"]
        stamp = response.headers.get(ANSWERED_AT_HEADER)
        return context | {
            "release": response.headers.get(RELEASE_HEADER),
            "stamp": stamp,
            "answered_at": datetime.fromisoformat(stamp) if stamp else None,
            **_verdict(response),
        }


def _verdict(response: Response) -> dict[str, str]:
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        sentence = response.data["detail"]
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            sentence += " PetSage is up: use GET instead."
        return {"state": "refused", "word": str(response.status_code), "sentence": sentence}
    if "status" not in response.data:
        return {}
    word = response.data["status"]
    return {"state": word, "word": word.upper(), "sentence": response.data["details"]}
