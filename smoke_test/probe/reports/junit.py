"""For CI servers: JUnit XML."""

from xml.etree import ElementTree as ET

from smoke_test.probe.gate import Outcome
from smoke_test.probe.reports.subject import case, causes, sentence
from smoke_test.probe.verdict import Verdict


def render(outcome: Outcome) -> str:
    """Return a case for each URL, address and code, because GitLab drops cases of equal names."""
    failed = causes(outcome)
    cases: dict[str, list[Verdict]] = {}
    for verdict in outcome.verdicts:
        cases.setdefault(f"{case(verdict)}: {verdict.code}", []).append(verdict)
    suite = ET.Element("testsuite", name="smoke_test", time=f"{outcome.waited_s:.3f}")
    failures = 0
    for name, verdicts in cases.items():
        first = verdicts[0]
        seconds = first.timings.total / 1000
        element = ET.SubElement(
            suite, "testcase", classname="smoke_test", name=name, time=f"{seconds:.3f}"
        )
        if first in failed:
            failures += 1
            element = ET.SubElement(element, "failure", type=first.code, message=first.message)
        else:
            element = ET.SubElement(element, "system-out")
        element.text = "\n".join(map(sentence, verdicts))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", "0")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    # ASCII, because standard output may encode nothing else.
    return str(ET.tostring(root, encoding="us-ascii", xml_declaration=True), "ascii")
