"""The result of judging one exchange, safe to print anywhere."""

import re
from typing import Literal, NamedTuple

from smoke_test.contract import ANSWERED_AT_HEADER, RELEASE_HEADER
from smoke_test.probe.codes import CODES
from smoke_test.probe.exchange import Certificate, Exchange, Timings

Level = Literal["ok", "warning", "error"]
Responder = Literal["app", "server", "proxy", "unknown"]

MAX_TEXT = 300

# In a URL: `user:password@`, whose last `@` ends it, and the values of a query string.
_CREDENTIALS = re.compile(r"(//)[^/\s]*@")
_QUERY_VALUE = re.compile(r"([?&][^\s=&?#]*=)[^\s&#]+")


class Verdict(NamedTuple):
    """The judgment on an exchange.

    `layer` is None for a pass. Each text is one printable line: text from the server is escaped
    and truncated.
    """

    url: str
    level: Level
    layer: str | None
    code: str
    message: str
    hint: str | None
    address: str | None = None
    answered_by: Responder | None = None
    responder: str | None = None
    status: int | None = None
    release: str | None = None
    answered_at: str | None = None
    timings: Timings = Timings()
    certificate: Certificate | None = None
    redirects: tuple[str, ...] = ()


def verdict(
    exchange: Exchange,
    code: str,
    message: str,
    *,
    answered_by: tuple[Responder, str] | None = None,
    level: Level = "error",
    hint: str | None = None,
) -> Verdict:
    """Return a verdict on the exchange; `hint` defaults to the code's own.

    `answered_by` is the responder's kind and name.
    """
    entry = CODES.get(code)
    hint = hint or (entry.hint if entry else None)
    certificate = exchange.certificate
    return Verdict(
        url=printable(exchange.url, limit=2000),
        address=exchange.address and printable(exchange.address),
        level=level,
        layer=None if level == "ok" else code.partition(".")[0],
        code=code,
        answered_by=answered_by and answered_by[0],
        responder=answered_by and printable(answered_by[1]),
        message=printable(message),
        hint=hint and printable(hint),
        status=exchange.status,
        release=_header(exchange, RELEASE_HEADER),
        answered_at=_header(exchange, ANSWERED_AT_HEADER),
        timings=exchange.timings,
        certificate=certificate
        and Certificate(
            subject=printable(certificate.subject),
            issuer=printable(certificate.issuer),
            expires_at=certificate.expires_at,
        ),
        redirects=tuple(printable(url) for url in exchange.redirects),
    )


def printable(text: str, limit: int = MAX_TEXT) -> str:
    """Return the text on one line, truncated after `limit` characters.

    Control characters are escaped; `user:password@` and query string values are removed. `##`
    is escaped, because runners execute `##[command]` anywhere in a line (GitHub, Azure, TeamCity).
    """
    text = _QUERY_VALUE.sub(r"\1***", _CREDENTIALS.sub(r"\1", text))
    truncated = text if len(text) <= limit else f"{text[:limit]}..."
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in truncated
    ).replace("##", r"#\x23")


def _header(exchange: Exchange, name: str) -> str | None:
    value = exchange.header(name)
    return None if value is None else printable(value, limit=128)
