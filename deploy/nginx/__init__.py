"""nginx's configuration: one set of templates for `make nginx` and for a Debian machine."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Engine

TEMPLATES = Path(__file__).resolve().parent
# For the pages of nginx's own errors, which are the project's.
PROJECT_TEMPLATES = TEMPLATES.parents[1] / "petsage_project" / "templates"

Value = str | int | Sequence[str]

# The two forms of an error, as in petsage_project/errors.py.
_ERROR_TYPES = (("json", "application/json"), ("page", "text/html; charset=utf-8"))

# Safe unquoted in nginx's configuration, and one word.
_WORD = re.compile(r"[\w.,:/+@\[\]-]*")


def render(template: str, values: Mapping[str, Value]) -> str:
    """Return the rendered file.

    Raises ImproperlyConfigured for a missing value and for one that is more than a word to nginx.
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
    """Return the host of requests by address: the first of the site's own."""
    if not allowed_hosts or "*" in allowed_hosts:
        raise ImproperlyConfigured(
            f"DJANGO_ALLOWED_HOSTS: got {','.join(allowed_hosts)!r}, expected names that nginx "
            "can tell from others; list the names that clients use."
        )
    return allowed_hosts[0].removeprefix(".")
