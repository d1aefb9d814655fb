"""Which renderer answers, by RFC 9110 section 12.5.1.

Health checkers send any Accept there is, and none must get a 406: what cannot be read is passed
over, and where nothing is acceptable the first renderer answers, as section 15.5.7 allows.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import parse_qs

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

# The quantifiers are possessive, so that no header can make them backtrack.
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_PARAMETER = re.compile(rf"({_NAME})=({_NAME}|{_QUOTED})")
_RANGE = re.compile(rf"\s*+({_NAME})/({_NAME})((?:\s*+;\s*+(?:{_PARAMETER.pattern})?+)*+)\s*+")
# A quotation that is never closed runs to the end, so that each character is read once.
_ELEMENT = re.compile(rf'(?:[^,"]|{_QUOTED}?+)++')
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


class AcceptNegotiation(DefaultContentNegotiation):
    """Chooses a renderer by `?format=`, else by Accept; never refuses.

    The view's first renderer answers whatever does not clearly prefer another.
    """

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        candidates = list(renderers)
        wanted = format_suffix or self._format_of(request)
        if wanted:
            named = (renderer for renderer in candidates if renderer.format == wanted)
            chosen = next(named, candidates[0])
        else:
            media_types = tuple([renderer.media_type for renderer in candidates])
            accept = request.META.get("HTTP_ACCEPT", "")
            chosen = candidates[media_types.index(preferred(accept, media_types))]
        return chosen, chosen.media_type

    def _format_of(self, request: Request) -> str | None:
        # Not `request.query_params`, which answers 400 to more than 1,000 parameters: a query
        # string is none of the smoke test's business.
        query = request.META.get("QUERY_STRING")
        if not query:
            return None
        parameters = parse_qs(query)
        values = parameters.get(str(self.settings.URL_FORMAT_OVERRIDE))
        return values[-1] if values else None


# Who asks for ever asks alike (3 %). Bounded: a header has 8 KB at most.
@lru_cache(maxsize=256)
def preferred(accept: str, media_types: tuple[str, ...]) -> str:
    """Return the one of `media_types` that the Accept header weighs highest.

    Of equal weights, a type that is named comes before one that a wildcard covers, as DRF's own
    page expects (`text/html; q=1.0, */*`). The first wins a tie, and where none is acceptable.
    """
    ranges = [parsed for element in _ELEMENT.findall(accept) if (parsed := _parse(element))]
    return max(media_types, key=lambda media_type: _rank(media_type, ranges))


def _parse(element: str) -> tuple[str, bool, float] | None:
    """Return (media range, has parameters, weight), or None for what is not a media range."""
    match = _RANGE.fullmatch(element)
    if match is None:
        return None
    parameters = _PARAMETER.findall(match[3])
    weights = [value for name, value in parameters if name in ("q", "Q")]
    if not all(_WEIGHT.fullmatch(weight) for weight in weights):
        return None
    weight = float(weights[0]) if weights else 1.0
    return f"{match[1]}/{match[2]}".lower(), len(parameters) > len(weights), weight


def _rank(media_type: str, ranges: Sequence[tuple[str, bool, float]]) -> tuple[float, int]:
    """Return (weight, specificity) by the most specific range that matches, else zeros."""
    # Our representations have no parameters: a range that asks for some is the poorer match.
    precedence = [
        ("*/*", False),
        (f"{media_type.partition('/')[0]}/*", False),
        (media_type, True),
        (media_type, False),
    ]
    matches = [
        (precedence.index((name, has_parameters)), weight)
        for name, has_parameters, weight in ranges
        if (name, has_parameters) in precedence
    ]
    specificity, weight = max(matches, default=(0, 0.0))
    return (weight, specificity) if weight else (0.0, 0)
