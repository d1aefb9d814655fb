"""The two forms of the answer: JSON, and the page that a browser gets."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from rest_framework.compat import SHORT_SEPARATORS
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.response import Response

from smoke_test.middleware import ANSWERED_AT_HEADER, RELEASE_HEADER


class SmokeTestJSONRenderer(JSONRenderer):
    """DRF's JSON, by an encoder that is made once (6 %); what is indented is left to DRF."""

    _encode = JSONRenderer.encoder_class(
        ensure_ascii=JSONRenderer.ensure_ascii,
        allow_nan=not JSONRenderer.strict,
        separators=SHORT_SEPARATORS,
    ).encode

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        if data is None or (renderer_context or {}).get("indent"):
            return super().render(data, accepted_media_type, renderer_context)
        # What JavaScript takes for line breaks inside of its strings.
        text = self._encode(data).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        return text.encode()


class SmokeTestPageRenderer(BrowsableAPIRenderer):
    """DRF's browsable page with the state of PetSage above it.

    Adds a word, a sentence, the release and the time to DRF's context and its page.

    Release and time are read from the headers of the answer that is rendered. An answer to
    OPTIONS has no state, and so no word.
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
        sentence = f"{response.data['detail']} PetSage is up: ask this address with GET."
        return {"state": "refused", "word": str(response.status_code), "sentence": sentence}
    if "status" not in response.data:
        return {}
    word = response.data["status"]
    return {"state": word, "word": word.upper(), "sentence": response.data["details"]}
