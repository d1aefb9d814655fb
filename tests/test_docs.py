"""What README.md and docs/ promise is what the code does."""

import re
from pathlib import Path

import pytest
from django.core.checks import registry
from django.core.management import BaseCommand

from smoke_test import checks, in_process
from smoke_test.contract import BODY
from smoke_test.management.commands.smoke_test import Command
from smoke_test.probe.codes import CODES
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
PROBE = (ROOT / "docs/probe.md").read_text()
FEATURE = (ROOT / "docs/features/smoke_test.md").read_text()


@pytest.mark.parametrize("text", [README, FEATURE])
def test_the_payload_is_quoted_to_the_byte(text: str) -> None:
    assert f"\n{BODY.decode()}\n" in text.replace("\n    ", "\n")
    assert "/smoke-test/" in text


def test_the_readme_lists_exactly_the_variables_that_exist() -> None:
    settings = (ROOT / "petsage_project/settings.py").read_text()
    read = set(re.findall(r'"((?:DJANGO|PETSAGE)_[A-Z_]+)"', settings))

    assert set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)) == read


def test_the_docs_list_exactly_the_checks_that_exist() -> None:
    source = Path(checks.__file__).read_text() + Path(in_process.__file__).read_text()
    ids = {f"smoke_test.{code}" for code in re.findall(r"\b[EW]\d{3}\b", source)}

    assert set(re.findall(r"^\| `(smoke_test\.\w+)` \|", FEATURE, re.MULTILINE)) == ids
    assert registry.registry.tag_exists("smoke_test", include_deployment_checks=True)


def test_the_docs_list_every_code_of_the_probe_with_meaning_and_hint() -> None:
    rows = [
        f"| `{name}`{'' if code.retryable else ' (fail-fast)'} | {code.meaning} | {code.hint} |"
        for name, code in CODES.items()
    ]

    assert [line for line in PROBE.splitlines() if re.match(r"\| `[a-z]+\.", line)] == rows


def test_the_docs_list_exactly_the_options_that_exist() -> None:
    parser = Command().create_parser("manage.py", "smoke_test")
    common = set(BaseCommand().create_parser("manage.py", "x")._option_string_actions)  # noqa: SLF001
    options = set(parser._option_string_actions) - common  # noqa: SLF001 - argparse has no other way

    assert set(re.findall(r"^\| `(--[a-z-]+)", PROBE, re.MULTILINE)) == options


def test_every_make_target_in_the_docs_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    documents = [README, *(path.read_text() for path in (ROOT / "docs").rglob("*.md"))]

    named = {name for text in documents for name in re.findall(r"\bmake ([a-z]+)\b", text)}
    assert {"run", "test", "help"} <= named <= targets


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")))
def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists()
