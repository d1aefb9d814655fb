"""--also and --page: other paths of the site, and the page as browsers get it."""

import socket
from collections.abc import Iterator

import pytest

from tests.conftest import free_ports
from tests.smoke_test.probe.answers import app, by_path, nginx, other
from tests.smoke_test.probe.report import probe
from tests.smoke_test.probe.servers import Script, serving
from tests.smoke_test.probe.test_stacks import granian

PAGE = b"<title>OK - Smoke Test - PetSage</title><link rel=stylesheet href=/style.css>"
STYLE = other("200 OK", b"a{}", Content_Type="text/css")


def by_accept(page: Script) -> Script:
    """Respond with the page to browsers only."""

    def script(connection: socket.socket) -> None:
        request = connection.recv(65536, socket.MSG_PEEK)
        (page if b"text/html" in request else app())(connection)

    return script


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Serve the project with two extra paths: one raises, one denies access."""
    [port] = free_ports(1)
    with granian(port, "tests.settings.breakable"):
        yield f"http://127.0.0.1:{port}/smoke-test/"


@pytest.mark.server
@pytest.mark.parametrize(
    ("also", "codes"),
    [
        (["/"], ["ok", "ok"]),
        (["/", "/openapi.json", "/denies/=403"], ["ok", "ok", "ok", "ok"]),
        (["/docs"], ["ok", "ok"]),
        (["/docs=307"], ["ok", "ok"]),
        (["/raises/"], ["ok", "app.error"]),
        (["/nowhere/"], ["ok", "app.not_found"]),
        (["/denies/=401"], ["ok", "contract.wrong_status"]),
        (["/=401"], ["ok", "contract.wrong_status"]),
    ],
)
def test_other_paths_are_judged_in_the_same_attempt(
    site: str, also: list[str], codes: list[str]
) -> None:
    report = probe(site, *(f"--also={path}" for path in also))

    assert report.codes == codes
    assert report.exit_status == (0 if set(codes) == {"ok"} else 1)


@pytest.mark.parametrize(
    ("home", "code"),
    [
        (app(), "ok"),
        (app(X_PetSage_Nonce="0" * 32), "contract.cached"),
        (other("200 OK", b"<html>"), "contract.unproven"),
        (app(X_PetSage_Release="r0"), "release.mismatch"),
    ],
    ids=["the app", "a cache", "another server", "another release"],
)
def test_another_path_must_come_from_the_same_app(home: Script, code: str) -> None:
    with serving(by_path(smoke_test=app(), root=home)) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--also", "/")

    assert report.codes == ["ok", code]


def test_a_failing_proxy_is_reported_for_any_expected_status() -> None:
    bad_gateway = other("502 Bad Gateway", nginx("502 Bad Gateway"))
    with serving(by_path(smoke_test=app(), private=bad_gateway)) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--also", "/private=401")

    assert report.codes == ["ok", "proxy.bad_gateway"]


@pytest.mark.parametrize(
    ("page", "style", "code"),
    [
        (app(body=PAGE, Content_Type="text/html"), STYLE, "ok"),
        (app("500 Error", b"{}"), STYLE, "app.error"),
        (app(), STYLE, "page.wrong_type"),
        (app(body=b"<title>Welcome", Content_Type="text/html"), STYLE, "page.wrong_title"),
        (
            app(body=PAGE, Content_Type="text/html", X_PetSage_Nonce="0" * 32),
            STYLE,
            "contract.cached",
        ),
        (app(body=PAGE, Content_Type="text/html"), other("404 Not Found"), "unknown.status"),
        (app(body=PAGE, Content_Type="text/html"), other("200 OK", b"<html>"), "page.asset"),
    ],
    ids=["complete", "broken", "JSON", "another page", "cached", "no style", "a wrong style"],
)
def test_the_page_is_judged_as_browsers_get_it(page: Script, style: Script, code: str) -> None:
    with serving(by_path(smoke_test=by_accept(page), **{"style.css": style})) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--page")

    assert report.codes == ["ok", code]


@pytest.mark.parametrize(
    ("assets", "message"),
    [
        (b"<script src=http://[bad/></script>", "expected a valid http one"),
        (b"<script src='/\x00'></script>", "expected a valid http one"),
        (b"<script src='http://a:99999/'></script>", "expected a valid http one"),
        (b"<script src=data:,1></script>", "expected a valid http one"),
        (b"".join(b"<script src=/%d></script>" % i for i in range(500)), "got 501 style sheets"),
    ],
)
def test_the_page_cannot_make_the_probe_fail_or_hang(assets: bytes, message: str) -> None:
    page = app(body=PAGE + assets, Content_Type="text/html")
    with serving(by_path(smoke_test=by_accept(page))) as port:
        report = probe(f"http://127.0.0.1:{port}/smoke-test/", "--page")

    assert (report.exit_status, report.codes) == (1, ["ok", "page.asset"])
    assert message in report.document["verdicts"][1]["message"]


def test_a_page_sends_no_secret_to_another_server() -> None:
    heads: list[bytes] = []

    def style(connection: socket.socket) -> None:
        heads.append(connection.recv(65536, socket.MSG_PEEK))
        STYLE(connection)

    with serving(style) as other_port:
        address = f"//127.0.0.1:{other_port}/style.css".encode()
        page = app(body=PAGE.replace(b"/style.css", address), Content_Type="text/html")
        with serving(by_accept(page)) as port:
            url = f"http://user:password@127.0.0.1:{port}/smoke-test/"
            report = probe(url, "--page", "--header", "Client-Secret: secret")

    assert report.codes == ["ok", "ok"]
    assert [b"Authorization" in head or b"secret" in head for head in heads] == [False]


@pytest.mark.server
def test_the_real_apps_page_needs_its_static_files(site: str) -> None:
    # This granian does not serve /static/.
    report = probe(site, "--page")

    assert report.codes[0] == "ok"
    assert set(report.codes[1:]) == {"app.not_found"}
