"""The values of nginx's configuration: each is present, and one word to nginx."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from deploy.nginx import render, site_host


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
