import json
import re
from http import HTTPStatus
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from smoke_test import __version__
from tests.conftest import ROOT


def test_the_schema_is_served_as_json(client: Client) -> None:
    response = client.get("/openapi.json")

    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] == "application/json"
    assert response.json() == json.loads((ROOT / "docs/openapi.json").read_text())


def test_the_schema_describes_the_endpoint_like_the_original(client: Client) -> None:
    schema = client.get("/openapi.json").json()

    assert schema["info"] == {
        "title": "PetSage API",
        "description": "Intelligent care for your beloved pets.",
        "version": __version__,
    }
    assert "/" not in schema["paths"]
    operation = schema["paths"]["/smoke-test/"]["get"]
    assert operation["tags"] == ["Health & Status"]
    assert operation["summary"] == "Perform a system smoke test"
    assert operation["description"] == (
        "This endpoint verifies that the PetSage API is responsive and the feature deployment "
        "pipeline is working correctly. It is a simple, safe health check."
    )
    assert "parameters" not in operation
    content = operation["responses"]["200"]["content"]
    assert list(content) == ["application/json"]
    [example] = content["application/json"]["examples"].values()
    assert example["value"] == client.get("/smoke-test/").json()
    properties = schema["components"]["schemas"]["SmokeTest"]["properties"]
    assert properties["status"]["description"] == "Indicates the status of the smoke test."
    assert properties["details"]["description"] == "A descriptive message about the test result."
    assert schema["components"]["schemas"]["StatusEnum"] == {"enum": ["ok"], "type": "string"}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [("get", {}, "200"), ("get", {"if-match": '"t2"'}, "412"), ("post", {}, "405")],
)
def test_the_schema_declares_each_response_and_its_headers(
    client: Client, method: str, headers: dict[str, str], status: str
) -> None:
    response = getattr(client, method)("/smoke-test/", headers=headers)
    schema = client.get("/openapi.json").json()

    assert str(response.status_code) == status
    declared = schema["paths"]["/smoke-test/"]["get"]["responses"][status]
    stamps = {"X-PetSage-Release", "X-PetSage-Answered-At"}
    assert stamps <= set(declared["headers"]) <= set(response.headers)
    assert response["Content-Type"] in declared["content"]


def test_docs_openapi_json_is_up_to_date() -> None:
    generated = StringIO()

    call_command(
        "spectacular", "--format", "openapi-json", "--validate", "--fail-on-warn", stdout=generated
    )

    # `make schema` writes it.
    assert (ROOT / "docs/openapi.json").read_text() == generated.getvalue()


def test_the_docs_page_loads_swagger_ui_from_this_server(client: Client) -> None:
    page = client.get("/docs/").text
    script = client.get("/docs/?script=").text

    assert "<title>PetSage API</title>" in page
    # With a digest where `collectstatic` has run.
    assert re.search(r'"/static/[\w/-]+/swagger-ui-bundle(\.[0-9a-f]{12})?\.js"', page)
    assert "//" not in page.replace("<!doctype", "").partition("<head>")[2]
    assert '"/openapi.json"' in script


def test_the_root_links_to_every_address(client: Client) -> None:
    links = client.get("/").json()

    assert links == {
        "smoke-test": "http://testserver/smoke-test/",
        "docs": "http://testserver/docs/",
        "openapi": "http://testserver/openapi.json",
    }
    for link in links.values():
        assert client.get(link).status_code == HTTPStatus.OK
