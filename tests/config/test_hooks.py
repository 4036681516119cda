"""What a `conftest.py` can bring through our hooks works like what ships."""

from __future__ import annotations

import json

import pytest

CONTRACT = """\
version: 1
models:
  news: {base: gemma3:4b-it-qat, service: backend, retired: [gemma3:4b], switch: OLLAMA_BASE_MODEL}
services:
  backend: {kind: ollama, url: "http://localhost:11434", settings: {OLLAMA_NUM_PARALLEL: 1}}
"""

READER = '''
from pytest_newscreator.places import Place
from pytest_newscreator.sources.sites import Read, Reader, Site


def read(source):
    """Read lines of `name is value`."""
    sites = []
    for number, line in enumerate(source.text.splitlines(), start=1):
        name, _, value = line.partition(" is ")
        sites.append(Site(name, value, Place(source.path, number, len(name) + 5), "literal"))
    return Read(tuple(sites), frozenset(site.setting for site in sites))


def pytest_newscreator_readers(config):
    return [Reader("words", lambda path: path.endswith(".words"), read)]
'''

CHECK = '''
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.verdicts import fail


def named(newscreator_subject, newscreator_contract):
    """Every service is named in lower case, shouts one repository's house rule."""
    if newscreator_subject.data != newscreator_subject.data.upper():
        fail(f"{newscreator_subject.data} is not loud", place=newscreator_subject.place, fix="shout")
    assert newscreator_contract.services


def subjects(repository):
    return [Subject(service.key, service.place, service.key) for service in repository.contract.services.values()]


def pytest_newscreator_checks(config, contract):
    assert contract.models
    return [Check("loud", "source", "config", named, subjects)]
'''

REPORT = """
def pytest_newscreator_report(config, records, directory):
    (directory / "ids.txt").write_text("".join(f"{record.id} {record.status}\\n" for record in records))
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Make a repository of a contract that needs neither Compose nor Docker."""
    monkeypatch.delenv("NEWSCREATOR_REQUIRE", raising=False)
    (pytester.path / "newscreator.yaml").write_text(CONTRACT, encoding="utf-8")
    return pytester


def test_a_reader_that_is_brought_finds_wrong_defaults(project: pytest.Pytester) -> None:
    """A file kind of their own, judged by the check that ships."""
    project.makeconftest(READER)
    (project.path / "stack.words").write_text("A is b\nOLLAMA_NUM_PARALLEL is 4\n", encoding="utf-8")
    result = project.runpytest("newscreator.yaml", "-m", "config")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["stack.words:2:24: OLLAMA_NUM_PARALLEL is 4, the contract says 1"])


def test_a_check_that_is_brought_becomes_items(project: pytest.Pytester) -> None:
    """With an id, a marker and a verdict like any other."""
    project.makeconftest(CHECK)
    result = project.runpytest("newscreator.yaml::loud[backend]", "-m", "config")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["newscreator.yaml:5:3: backend is not loud", "  do: shout"])


def test_a_report_that_is_brought_gets_all_records(project: pytest.Pytester) -> None:
    """It writes beside `verdicts.json`, which says the same."""
    project.makeconftest(CHECK + REPORT)
    project.runpytest("newscreator.yaml", "-m", "config", "--newscreator-report", "out")
    verdicts = json.loads((project.path / "out/verdicts.json").read_text(encoding="utf-8"))["verdicts"]
    written = (project.path / "out/ids.txt").read_text(encoding="utf-8")
    assert written.splitlines() == [f"{verdict['id']} {verdict['status']}" for verdict in verdicts]
    assert "newscreator.yaml::loud[backend] failed" in written.splitlines()


def test_no_report_is_written_unasked(project: pytest.Pytester) -> None:
    """Without `--newscreator-report` there is no folder to write into."""
    project.makeconftest(CHECK + REPORT)
    project.runpytest("newscreator.yaml", "-m", "config")
    assert not list(project.path.rglob("ids.txt"))


def test_a_knob_can_be_overridden(project: pytest.Pytester) -> None:
    """A fixture of the same name in a `conftest.py` wins."""
    knob = "import pytest\n\n@pytest.fixture(scope='session')\ndef newscreator_standin():\n    return 'mine'\n"
    project.makeconftest(knob)
    project.makepyfile(test_knob="def test_knob(newscreator_standin):\n    assert newscreator_standin == 'mine'\n")
    project.runpytest("test_knob.py").assert_outcomes(passed=1)


def test_the_contract_is_a_fixture_for_own_tests(project: pytest.Pytester) -> None:
    """Ordinary tests ask for it by name."""
    body = "def test_it(newscreator_contract):\n    assert list(newscreator_contract.services) == ['backend']\n"
    project.makepyfile(test_own=body)
    project.runpytest("test_own.py").assert_outcomes(passed=1)


def test_the_subject_belongs_to_checks_alone(project: pytest.Pytester) -> None:
    """An ordinary test that asks for it is told so."""
    project.makepyfile(test_own="def test_it(newscreator_subject):\n    pass\n")
    result = project.runpytest("test_own.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["newscreator_subject belongs to the checks of newscreator.yaml"])


@pytest.mark.parametrize("together", ["None", "fail", "lambda sources: {'elsewhere.words': fail(None)}"])
def test_a_reader_that_fails_is_a_problem_of_its_file(pytester: pytest.Pytester, together: str) -> None:
    """Nothing else is lost, and the reader is named; one that returns nothing of a file says nothing of it."""
    pytester.makeconftest(f"""
        from pytest_newscreator.sources.sites import Reader


        def fail(source):
            raise TypeError("no words")


        def pytest_newscreator_readers(config):
            return [Reader("words", lambda path: path.endswith(".words"), fail, {together})]
    """)
    (pytester.path / "newscreator.yaml").write_text(
        "version: 1\nmodel: {base: a:1, retired: [b:1]}\n", encoding="utf-8"
    )
    (pytester.path / "stack.words").write_text("x", encoding="utf-8")
    (pytester.path / "run.sh").write_text("#!/bin/sh\nollama pull b:1\n", encoding="utf-8")
    result = pytester.runpytest("-m", "config")
    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*stack.words:1:1: the reader words fails on it (TypeError: no words)*"])
