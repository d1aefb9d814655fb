"""The version is in one place, and the documents that quote it agree."""

import json
import re

from smoke_test import __version__
from tests.conftest import ROOT


def test_the_documents_have_the_version_of_the_code() -> None:
    schema = json.loads((ROOT / "docs/openapi.json").read_text())
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert schema["info"]["version"] == __version__
    assert re.findall(r"^## \[(\d\S*)\]", changelog, re.MULTILINE)[0] == __version__
