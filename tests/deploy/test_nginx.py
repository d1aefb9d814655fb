"""The values in nginx's configuration: each must be present, and a single word."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from deploy.nginx import render, site_host
from deploy.nginx.__main__ import debian_values, has_http2_directive


def test_rendering_without_a_value_fails() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^site\.conf: got no value for "):
        render("site.conf", {})


@pytest.mark.parametrize("value", ["a b", "a;", "a{", 'a"', "a\n", "$host"])
def test_a_value_that_is_more_than_one_word_to_nginx_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^sockets: got "):
        render("http.conf", {"sockets": value})


@pytest.mark.parametrize(
    ("hosts", "host"), [(["a.example", "b.example"], "a.example"), ([".a.example"], "a.example")]
)
def test_the_site_host_is_the_first_allowed_host(hosts: list[str], host: str) -> None:
    assert site_host(hosts) == host


@pytest.mark.parametrize("hosts", [[], ["*"], ["a.example", "*"]])
def test_a_site_that_allows_every_host_has_no_site_host(hosts: list[str]) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DJANGO_ALLOWED_HOSTS: got "):
        site_host(hosts)


@pytest.mark.parametrize(
    ("version", "has_directive"), [("1.22.1", False), ("1.25.0", False), ("1.25.1", True),
                                   ("1.28.0 (Ubuntu)", True), ("2.0", True)]
)  # fmt: skip
def test_http2_is_a_directive_from_nginx_1_25_1_on(version: str, has_directive: bool) -> None:
    assert has_http2_directive(f"nginx version: nginx/{version}") == has_directive


@pytest.mark.stack
@pytest.mark.usefixtures("nginx")
def test_a_newer_nginx_gets_the_directive() -> None:
    text = render("site.conf", debian_values() | {"http2_directive": True})

    assert text.count("http2 on;") == text.count("listen 443 ssl") == 2
    assert "ssl http2" not in text
