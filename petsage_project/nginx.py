"""nginx's configuration, rendered from deploy/nginx/: one source for `make front` and Debian.

`{{name}}` stands for a value, `{{include file}}` for another file, `{{page 502}}` for a page of
deploy/pages/. A line whose value is a list is repeated for each member.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TEMPLATES = Path(__file__).resolve().parent.parent / "deploy" / "nginx"
PAGES = TEMPLATES.parent / "pages"

_INCLUDE = re.compile(r"^( *)\{\{include ([\w.]+)\}\}\n", re.MULTILINE)
_PAGE = re.compile(r"\{\{page (\d{3})\}\}")
_LINE = re.compile(r"^.*\{\{(\w+)\}\}.*\n", re.MULTILINE)

# What may stand unquoted in nginx's configuration and stays one word.
_PLAIN = re.compile(r"[\w.,:/+@\[\]-]*")


def render(template: str, values: Mapping[str, str | Sequence[str]]) -> str:
    """Return the file `template` with all includes and values in place.

    Raises KeyError for a name without a value, ImproperlyConfigured for a value that nginx would
    read as more than a value.
    """
    text = _included(template)
    while match := _LINE.search(text):
        text = text[: match.start()] + _filled(match, values) + text[match.end() :]
    return text


def site_host(allowed_hosts: Sequence[str]) -> str:
    """Return the name that health checkers' requests are passed under: the first of the hosts."""
    if not allowed_hosts or "*" in allowed_hosts:
        raise ImproperlyConfigured(
            f"DJANGO_ALLOWED_HOSTS: found {','.join(allowed_hosts)!r}, wanted names that nginx "
            "can tell from others; name the hosts that people type."
        )
    return allowed_hosts[0].removeprefix(".")


def _included(template: str) -> str:
    text = (TEMPLATES / template).read_text()
    text = _PAGE.sub(lambda match: (PAGES / f"{match[1]}.html").read_text().strip(), text)
    return _INCLUDE.sub(lambda match: _indented(_included(match[2]), match[1]), text)


def _indented(text: str, by: str) -> str:
    return re.sub(r"^(?=.)", by, text, flags=re.MULTILINE)


def _filled(line: re.Match[str], values: Mapping[str, str | Sequence[str]]) -> str:
    name = line[1]
    value = values[name]
    members = [value] if isinstance(value, str) else value
    for member in members:
        if not _PLAIN.fullmatch(member):
            raise ImproperlyConfigured(
                f"{name}: found {member!r}, wanted letters, digits and .,:/+@[]_- only; rename it."
            )
    return "".join(line[0].replace(f"{{{{{name}}}}}", member) for member in members)
