"""What is reported: one judgement of one exchange, safe to print anywhere."""

import re
from typing import Literal, NamedTuple

from smoke_test.probe.codes import CODES
from smoke_test.probe.exchange import Certificate, Exchange, Timings

Level = Literal["ok", "warning", "error"]
Writer = Literal["app", "server", "proxy", "unknown"]

MAX_TEXT = 300

_CREDENTIALS = re.compile(r"//[^/@\s]*@")


class Finding(NamedTuple):
    """What a diagnosis found; `hint` is None for the code's own, `writer` for no answer."""

    code: str
    message: str
    writer: Writer | None = None
    level: Level = "error"
    hint: str | None = None


class Verdict(NamedTuple):
    """A finding with what was exchanged.

    `layer` is None for a pass. Each text is one printable line: whatever came from the other side
    was escaped and cut.
    """

    url: str
    level: Level
    layer: str | None
    code: str
    message: str
    hint: str | None
    address: str | None = None
    written_by: Writer | None = None
    status: int | None = None
    release: str | None = None
    answered_at: str | None = None
    timings: Timings = Timings()
    certificate: Certificate | None = None
    redirects: tuple[str, ...] = ()


def verdict(exchange: Exchange, finding: Finding) -> Verdict:
    """Return the verdict on an exchange; every text in it is printable."""
    known = CODES.get(finding.code)
    hint = finding.hint or (known.hint if known else None)
    certificate = exchange.certificate
    return Verdict(
        url=printable(exchange.url, limit=2000),
        address=exchange.address and printable(exchange.address),
        level=finding.level,
        layer=None if finding.level == "ok" else finding.code.partition(".")[0],
        code=finding.code,
        written_by=finding.writer,
        message=printable(finding.message),
        hint=hint and printable(hint),
        status=exchange.status,
        release=_header(exchange, "X-PetSage-Release"),
        answered_at=_header(exchange, "X-PetSage-Answered-At"),
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
    """Return the text on one line, cut after `limit`.

    It has nothing that a terminal would obey, and no `user:password@` of a URL.
    """
    text = _CREDENTIALS.sub("//", text)
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in cut
    )


def _header(exchange: Exchange, name: str) -> str | None:
    value = exchange.header(name)
    return None if value is None else printable(value, limit=128)
