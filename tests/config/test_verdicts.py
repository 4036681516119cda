"""How each conclusion of a check shows: in pytest's outcome, in the summary, in `verdicts.json` and in JUnit XML."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from pytest_newscreator.places import Place
from pytest_newscreator.verdicts import (
    LEVELS,
    LONGEST_LINE,
    LONGEST_VALUE,
    Broken,
    Finding,
    Inconclusive,
    Invalid,
    NotVerified,
    fail,
)

CONTRACT = "version: 1\nmodel:\n  base: gemma3:4b-it-qat\n"
CONFTEST = '''
import pytest
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.places import Place
from pytest_newscreator.verdicts import Finding, Inconclusive, Invalid, NotVerified, fail

HERE = Place("app.py", 3, 7)


def verdict(newscreator_subject):
    """End as the subject says."""
    name = newscreator_subject.id
    if name == "broken":
        way = {"chain": ("app.py:1:1: A=1 won",), "fix": "write 2"}
        fail("A is 1, the contract says 2", place=HERE, expected=2, observed=1, **way)
    if name == "noted":
        fail("A is 1, nobody reads it", place=HERE, chain=("app.py:9:1: A=2 won",), fix="write 2", severity="note")
    if name == "open":
        raise Inconclusive(Finding("p50 lies between 1.9 s and 2.1 s, the target is 2 s", fix="measure longer"))
    if name == "void":
        raise Invalid(Finding("another process used the card"))
    if name == "unseen":
        raise NotVerified("there is no Docker here", needs="docker", fix="start it")
    if name == "faulty":
        raise RuntimeError("a fault of the check")


def subjects(repository):
    return [Subject(name) for name in ("fine", "broken", "noted", "open", "void", "unseen", "faulty")]


def pytest_newscreator_checks(config, contract):
    return [
        Check("verdict", "source", "config", verdict, subjects),
        Check("idle", "measured", "gpu", verdict, lambda repository: []),
    ]
'''

SUMMARY = """\
================================= newscreator ==================================
level             passed        failed         notes  not verified
source                 1             4             1             1
failed: app.py:3:7: A is 1, the contract says 2
note: app.py:3:7: A is 1, nobody reads it
  app.py:9:1: A=2 won
  do: write 2
inconclusive: p50 lies between 1.9 s and 2.1 s, the target is 2 s
invalid: another process used the card
failed: a fault of the check
not verified: there is no Docker here; do: start it
  verdict[unseen]
"""

BROKEN = {
    "id": "newscreator.yaml::verdict[broken]",
    "check": "verdict",
    "level": "source",
    "subject": "broken",
    "status": "failed",
    "severity": "error",
    "message": "A is 1, the contract says 2",
    "expected": "2",
    "observed": "1",
    "place": {"path": "app.py", "line": 3, "column": 7},
    "chain": ["app.py:1:1: A=1 won"],
    "fix": "write 2",
    "standin": None,
    "detail": "",
}


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Make a repository whose one check ends in every way there is."""
    monkeypatch.delenv("NEWSCREATOR_REQUIRE", raising=False)
    (pytester.path / "newscreator.yaml").write_text(CONTRACT, encoding="utf-8")
    pytester.makeconftest(CONFTEST)
    return pytester


def document(project: pytest.Pytester, *options: str) -> dict[str, Any]:
    """Run, and return what `verdicts.json` says."""
    project.runpytest("newscreator.yaml", "--newscreator-report", "out", *options)
    text = (project.path / "out" / "verdicts.json").read_text(encoding="utf-8")
    read: dict[str, Any] = json.loads(text)
    return read


def test_each_status_has_its_outcome(project: pytest.Pytester) -> None:
    """A note passes; what is inconclusive or invalid fails; what is not verified is skipped."""
    project.runpytest("newscreator.yaml").assert_outcomes(passed=2, failed=4, skipped=1)


def test_the_summary_reads_like_this(project: pytest.Pytester) -> None:
    """Counts, then findings in the order of the levels, then what is open."""
    said = project.runpytest("newscreator.yaml").stdout.str()
    assert SUMMARY in said


def test_the_summary_names_checks_without_a_subject(project: pytest.Pytester) -> None:
    """Not applicable is said, so that nobody takes silence for a pass."""
    said = project.runpytest("newscreator.yaml").stdout.str()
    assert re.search(r"^not applicable \(no subject in this contract\): .*\bidle$", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("subject", "first"),
    [
        ("broken", "app.py:3:7: A is 1, the contract says 2"),
        ("open", "inconclusive: p50 lies between 1.9 s and 2.1 s, the target is 2 s"),
        ("void", "invalid: another process used the card"),
    ],
)
def test_the_first_line_is_the_short_summary(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, subject: str, first: str
) -> None:
    """What a person sees last is what broke, where; its word comes first where the evidence was the problem."""
    monkeypatch.setenv("COLUMNS", "200")
    said = project.runpytest("newscreator.yaml", "-k", subject).stdout.str()
    assert f"FAILED newscreator.yaml::verdict[{subject}] - {first}" in said


def test_a_failure_is_its_lines_without_a_traceback(project: pytest.Pytester) -> None:
    """The place, the chain, what to do; no line of Python."""
    result = project.runpytest("newscreator.yaml", "-k", "broken")
    wanted = ["app.py:3:7: A is 1, the contract says 2", "  app.py:1:1: A=1 won", "  do: write 2"]
    result.stdout.fnmatch_lines(wanted, consecutive=True)
    result.stdout.no_fnmatch_line("*conftest.py*")


def test_a_fault_of_a_check_keeps_its_traceback(project: pytest.Pytester) -> None:
    """A bug of ours must be debuggable."""
    project.runpytest("newscreator.yaml", "-k", "faulty").stdout.fnmatch_lines(["*conftest.py:*: RuntimeError"])


def test_what_is_not_verified_says_why_and_how_to_provide_it(project: pytest.Pytester) -> None:
    """The skip points into the contract, not into the plugin."""
    result = project.runpytest("newscreator.yaml", "-k", "unseen", "-rs")
    result.stdout.fnmatch_lines(["SKIPPED [[]1[]] newscreator.yaml:1: there is no Docker here; do: start it"])


@pytest.mark.parametrize("by", ["option", "environment"])
def test_what_is_required_and_not_verified_fails(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """On a machine that must have Docker, its absence is no skip."""
    if by == "environment":
        monkeypatch.setenv("NEWSCREATOR_REQUIRE", " Docker ,gpu")
    options = ["--newscreator-require", "docker"] if by == "option" else []
    result = project.runpytest("newscreator.yaml", "-k", "unseen", *options)
    result.assert_outcomes(failed=1, deselected=6)
    result.stdout.fnmatch_lines(["docker is required, and not verified: there is no Docker here; do: start it"])


def test_what_is_required_for_something_else_stays_skipped(project: pytest.Pytester) -> None:
    """A requirement is about what it names."""
    result = project.runpytest("newscreator.yaml", "-k", "unseen", "--newscreator-require", "gpu")
    result.assert_outcomes(skipped=1, deselected=6)


def test_the_option_beats_the_environment(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty option requires nothing."""
    monkeypatch.setenv("NEWSCREATOR_REQUIRE", "docker")
    result = project.runpytest("newscreator.yaml", "-k", "unseen", "--newscreator-require", "")
    result.assert_outcomes(skipped=1, deselected=6)


def test_the_json_report_has_these_keys(project: pytest.Pytester) -> None:
    """Version 1: what others read must not change its shape."""
    read = document(project, "-k", "broken")
    assert {key: value for key, value in read.items() if key not in {"verdicts", "not_applicable"}} == {
        "version": 1,
        "stack": [],
        "not_checked": [],
        "measurements": [],
    }
    assert "idle" in read["not_applicable"]
    (verdict,) = read["verdicts"]
    assert verdict.pop("duration_s") >= 0
    assert verdict == BROKEN


def test_the_json_report_has_every_status(project: pytest.Pytester) -> None:
    """The design's words, and a fault of a check as a failure."""
    said = {verdict["subject"]: (verdict["status"], verdict["severity"]) for verdict in document(project)["verdicts"]}
    assert said == {
        "fine": ("passed", "error"),
        "broken": ("failed", "error"),
        "noted": ("failed", "note"),
        "open": ("inconclusive", "error"),
        "void": ("invalid", "error"),
        "unseen": ("not_verified", "error"),
        "faulty": ("failed", "error"),
    }


def test_junit_has_the_first_line_as_its_message(project: pytest.Pytester) -> None:
    """CI shows the message and nothing else; status and level are properties."""
    project.runpytest("newscreator.yaml", "-k", "broken", "--junit-xml", "junit.xml")
    case = next(ET.parse(project.path / "junit.xml").getroot().iter("testcase"))  # noqa: S314 - pytest's own
    failure = case.find("failure")
    assert failure is not None
    assert failure.attrib["message"].splitlines()[0] == "app.py:3:7: A is 1, the contract says 2"
    properties = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
    assert properties == {"newscreator.status": "failed", "newscreator.level": "source"}


def test_a_quiet_run_has_its_summary_too(project: pytest.Pytester) -> None:
    """`-q` shortens pytest's part."""
    project.runpytest("newscreator.yaml", "-q").stdout.fnmatch_lines(["inconclusive: *", "invalid: *"])


def test_the_levels_are_in_the_order_of_cause() -> None:
    """The first level that disagrees is the diagnosis."""
    assert LEVELS == ("source", "resolved", "deployed", "served", "measured")


def test_a_finding_renders_place_chain_and_way_out() -> None:
    """One line each."""
    finding = Finding("it is so", Place("a", 1, 2), chain=("b:3: because",), fix="mend it")
    assert finding.lines() == ["a:1:2: it is so", "  b:3: because", "  do: mend it"]


def test_a_finding_without_a_place_is_its_message() -> None:
    """A measurement stands in no file."""
    assert Finding("it is so").lines() == ["it is so"]


def test_fail_keeps_false_and_zero_as_texts() -> None:
    """What is observed may be nothing much, and is still observed."""
    with pytest.raises(Broken) as raised:
        fail("it is so", expected=0, observed=False)
    assert (raised.value.finding.expected, raised.value.finding.observed) == ("0", "False")


@pytest.mark.parametrize("kind", [Inconclusive, Invalid])
def test_every_conclusion_is_an_assertion(kind: type[Broken]) -> None:
    """Plugins that look for `AssertionError` see a failed test, not a broken one."""
    assert issubclass(kind, AssertionError)


def test_not_verified_is_a_skip() -> None:
    """Pytest itself handles it."""
    assert issubclass(NotVerified, pytest.skip.Exception)


LONG = f"begin {'x ' * 2500}end"
NASTY = "first\r\nsecond\x1b[31m\u202e"


def test_a_long_value_is_clipped_in_its_middle() -> None:
    """Both its ends are there, in every line, and so are the words behind it."""
    finding = Finding(f"A is {LONG}, should be 1", observed=LONG, expected="1", chain=(f"b:3: A={LONG}",), fix=LONG)
    clip = f"{LONG[: LONGEST_VALUE // 2]}…{LONG[-LONGEST_VALUE // 2 + 1 :]}"
    assert len(clip) == LONGEST_VALUE
    assert finding.lines() == [f"A is {clip}, should be 1", f"  b:3: A={clip}", f"  do: {clip}"]


def test_a_long_text_that_is_no_value_is_clipped_too() -> None:
    """One word of a message, and a line of many."""
    assert len(Finding(f"`{'x' * 5000}` cannot fail").headline) < LONGEST_VALUE + 20
    assert len(Finding(f"{'x y ' * 2000} cannot fail").headline) == LONGEST_LINE


def test_a_long_path_is_whole() -> None:
    """Without it nobody finds the file."""
    place = Place("/".join(["folder"] * 200), 3, 7)
    assert Finding("it is so", place).headline == f"{place}: it is so"


def test_what_cannot_be_seen_is_spelled_out() -> None:
    """A line stays one line, and a terminal is not painted."""
    finding = Finding(f"A is {NASTY}", observed=NASTY, chain=(f"b:3: A={NASTY}",))
    said = r"first\r\nsecond\x1b[31m\u202e"
    assert finding.lines() == [f"A is {said}", f"  b:3: A={said}"]
    assert str(NotVerified(f"A is {NASTY}", needs="", fix="")) == f"A is {said}"


def test_letters_of_any_language_are_no_control_characters() -> None:
    """Only what has no shape of its own is escaped."""
    assert Finding("A ist größer als あ, 要約 😀").headline == "A ist größer als あ, 要約 😀"


def test_the_json_verdict_keeps_what_the_screen_clips(project: pytest.Pytester) -> None:
    """A program may need the whole value; the summary has one line for it."""
    way = f'fail("A is " + {LONG!r} + {NASTY!r}, observed={LONG!r}, chain=({NASTY!r},), severity="note")'
    project.makeconftest(CONFTEST.replace('    if name == "noted":\n', f'    if name == "noted":\n        {way}\n'))
    (noted,) = [one for one in document(project)["verdicts"] if one["subject"] == "noted"]
    assert (noted["message"], noted["observed"], noted["chain"]) == (f"A is {LONG}{NASTY}", LONG, [NASTY])
    said = project.runpytest("newscreator.yaml").stdout.str()
    (line,) = [line for line in said.splitlines() if line.startswith("note: ")]
    assert line.endswith(r"endfirst\r\nsecond\x1b[31m\u202e")
    assert len(line) < LONGEST_VALUE + 60
