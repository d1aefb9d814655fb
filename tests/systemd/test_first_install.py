"""The first installation on a machine with another site, and the uninstallation."""

from collections.abc import Iterator

import pytest

from tests.systemd.conftest import give_certificate
from tests.systemd.machine import HOST, LIVE, Machine, traces

pytestmark = pytest.mark.systemd

OTHER = "server { listen 80; server_name other.example; return 200 other; }\n"
REQUEST_OTHER = """
from urllib.request import Request, urlopen
request = Request("http://127.0.0.1/", headers={"Host": "other.example"})
print(urlopen(request).read().decode())
"""


@pytest.fixture(scope="module", autouse=True)
def _other_site(bare: Machine) -> None:
    (bare.root / "etc/nginx/conf.d/other.conf").write_text(OTHER)
    bare.run("systemctl", "start", "nginx")


@pytest.fixture(autouse=True)
def _other_site_is_served(bare: Machine) -> Iterator[None]:
    started = bare.run("systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", "nginx").stdout
    yield
    assert bare.run("python3", "-c", REQUEST_OTHER).stdout == "other\n"
    assert bare.run("nginx", "-t").returncode == 0
    # nginx was never restarted.
    assert (
        started
        == bare.run("systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", "nginx").stdout
    )


def test_without_host_names_nothing_is_changed(bare: Machine) -> None:
    before = bare.traces()

    result = bare.install()

    assert result.outcome()[:3] == (30, "missing", None)
    assert result.report["reason"].startswith("got no hosts, expected ")
    assert bare.traces() == before


def test_without_a_certificate_nothing_is_changed(bare: Machine) -> None:
    before = bare.traces()

    result = bare.install(HOST)

    assert result.outcome()[:3] == (30, "missing", None)
    assert result.report["reason"].startswith(
        f"got No such file or directory for /{LIVE}/fullchain.pem"
    )
    assert bare.traces() == before


def test_with_the_key_of_another_certificate_nothing_is_changed(bare: Machine) -> None:
    give_certificate(bare)
    key = (bare.root / LIVE / "privkey.pem").read_bytes()
    give_certificate(bare)
    (bare.root / LIVE / "privkey.pem").write_bytes(key)
    before = bare.traces()

    result = bare.install(HOST)

    assert result.outcome()[:3] == (30, "missing", None)
    assert "KEY_VALUES_MISMATCH" in result.report["reason"]
    assert bare.traces() == before


def test_uncommitted_changes_are_not_installed(bare: Machine) -> None:
    (bare.clone / "NEW").touch()

    result = bare.install(HOST)

    (bare.clone / "NEW").unlink()
    assert result.outcome() == (
        30, "missing", None, "got uncommitted changes, expected a commit",
    )  # fmt: skip


def test_a_refused_first_release_leaves_only_the_settings(bare: Machine) -> None:
    give_certificate(bare)
    before = bare.traces()
    bare.commit(
        ("deploy/nginx/http.conf", "app-", "ape-"),
        ("deploy/nginx/http.conf", "app-", "ape-"),
        ("deploy/nginx/http.conf", "app-", "ape-"),
        ("deploy/nginx/http.conf", "app-", "ape-"),
    )

    result = bare.install(HOST)

    assert result.outcome() == (20, "down", None, "proxy.bad_gateway")
    assert bare.traces() - before == {"etc/petsage/petsage.env", "opt/petsage/releases"}
    assert before <= bare.traces()


def test_the_first_release_serves_next_to_the_other_site(bare: Machine) -> None:
    release = bare.commit()

    result = bare.install(HOST)

    assert result.outcome() == (0, "serves", release, None)
    assert result.report["former"] is None
    assert list(result.report["steps"]) == [
        "build",
        "check",
        "start",
        "render",
        "switch",
        "ask",
        "clean",
    ]
    assert bare.traces() == traces(release)
    settings = bare.root / "etc/petsage/petsage.env"
    assert settings.stat().st_mode & 0o777 == 0o600
    assert f"DJANGO_ALLOWED_HOSTS={HOST}\n" in settings.read_text()


def test_the_settings_use_systemds_syntax(bare: Machine) -> None:
    settings = bare.root / "etc/petsage/petsage.env"
    text = settings.read_text()
    secret = "(" + "x" * 50 + ") $HOME `id` '"
    lines = text.replace("DJANGO_SECRET_KEY=", "# was ") + f'DJANGO_SECRET_KEY="{secret}"\n'
    settings.write_text(lines)

    result = bare.install()

    assert result.exit_status == 0
    unit = f"petsage-{bare.serving()}@1.service"
    environ = bare.run("sh", "-c", f"cat /proc/$(systemctl show -P MainPID {unit})/environ")
    assert f"DJANGO_SECRET_KEY={secret}" in environ.stdout.split("\0")


def test_hosts_that_differ_from_the_settings_are_refused(bare: Machine) -> None:
    serving = bare.serving()

    result = bare.install("www.petsage.example")

    assert result.outcome()[:3] == (30, "missing", serving)
    assert result.report["reason"] == (
        f"got the hosts www.petsage.example, expected none or the settings' {HOST}; change those"
    )


def test_the_settings_can_add_probe_options(bare: Machine) -> None:
    settings, serving = bare.root / "etc/petsage/petsage.env", bare.serving()
    text = settings.read_text()
    settings.write_text(f"{text}PROBE_OPTIONS=--also /nowhere/\n")

    result = bare.install()

    settings.write_text(text)
    assert result.outcome() == (10, "refused", serving, "app.not_found")
    assert list(result.report["steps"]) == ["build", "check", "start", "clean"]


def test_a_release_whose_python_is_missing_is_rebuilt(bare: Machine) -> None:
    serving = bare.serving()
    (bare.root / f"opt/petsage/releases/{serving}/.venv/bin/python").unlink()

    result = bare.install()

    assert result.outcome() == (0, "serves", serving, None)


def test_the_first_release_cannot_be_rolled_back(bare: Machine) -> None:
    result = bare.install("--rollback")

    assert result.outcome() == (
        30, "missing", bare.serving(),
        "got no former release, expected one; install a commit first",
    )  # fmt: skip


def test_uninstalling_leaves_only_the_settings(bare: Machine) -> None:
    serving = bare.serving()

    result = bare.install("--uninstall")

    assert result.outcome() == (0, "uninstalled", None, None)
    assert result.report["former"] == serving
    assert bare.traces() == {"etc/petsage/petsage.env", "etc/nginx/sites-available/default"}
