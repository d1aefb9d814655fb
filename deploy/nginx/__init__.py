"""nginx's configuration: the same templates for `make nginx` and for a Debian machine."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Engine

TEMPLATES = Path(__file__).resolve().parent
# nginx uses the project's error pages for its own errors.
PROJECT_TEMPLATES = TEMPLATES.parents[1] / "petsage_project" / "templates"

Value = str | int | Sequence[str]

# The two formats of an error, as in petsage_project/errors.py.
_ERROR_TYPES = (("json", "application/json"), ("page", "text/html; charset=utf-8"))

# A single word that nginx's configuration needs no quotes for.
_WORD = re.compile(r"[\w.,:/+@\[\]-]*")


def render(template: str, values: Mapping[str, Value]) -> str:
    """Return the rendered file.

    Raises ImproperlyConfigured for a missing value, and for one that is not a single word.
    """
    for name, value in values.items():
        for word in (value,) if isinstance(value, str | int) else value:
            if not _WORD.fullmatch(str(word)):
                raise ImproperlyConfigured(
                    f"{name}: got {word!r}, expected letters, digits and .,:/+@[]_-; rename it."
                )
    engine = Engine(
        dirs=[str(TEMPLATES), str(PROJECT_TEMPLATES)],
        autoescape=False,
        string_if_invalid="{{ missing %s }}",
    )
    text = engine.get_template(template).render(Context({**values, "error_types": _ERROR_TYPES}))
    if missing := re.search(r"\{\{ missing (\w+) \}\}", text):
        raise ImproperlyConfigured(f"{template}: got no value for {missing[1]!r}; pass one.")
    return text


def site_host(allowed_hosts: Sequence[str]) -> str:
    """Return the site's first host, which nginx uses for requests that name only an address."""
    if not allowed_hosts or "*" in allowed_hosts:
        raise ImproperlyConfigured(
            f"DJANGO_ALLOWED_HOSTS: got {','.join(allowed_hosts)!r}, expected specific names; "
            "list the names that clients use."
        )
    return allowed_hosts[0].removeprefix(".")
