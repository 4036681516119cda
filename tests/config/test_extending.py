"""The examples of `docs/extending.md` do what the page says they do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w./-]+\.\w+)(?::.*)?\n")
EXAMPLES = ("A check of one's own", "With a judge", "A reader of one's own")


@pytest.fixture(scope="session")
def page(reference: Path) -> str:
    """The page."""
    return (reference / "docs/extending.md").read_text(encoding="utf-8")


def blocks(page: str, heading: str) -> list[str]:
    """Return the blocks of a section, those below its own sub-sections left out."""
    (section,) = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ [A-Z]|\Z)", page, re.MULTILINE | re.DOTALL)
    return [text for _, text in BLOCK.findall(section)]


def laid_out(pytester: pytest.Pytester, texts: list[str]) -> list[str]:
    """Write the blocks whose first line names a file; return the lines of the others, which are what is printed."""
    said: list[str] = []
    for text in texts:
        named = NAMED.match(text)
        if named:
            # The line stays where it is a comment, so that the places of the page are those of the file.
            keeps = named[1].endswith((".py", ".yaml"))
            (pytester.path / named[1]).write_text(text if keeps else text[named.end() :], encoding="utf-8")
        else:
            said += text.splitlines()
    return said


@pytest.mark.parametrize("heading", EXAMPLES)
def test_an_example_finds_what_the_page_says(pytester: pytest.Pytester, page: str, heading: str) -> None:
    """Its files, laid out in an empty repository, are found wrong in exactly these words."""
    said = laid_out(pytester, blocks(page, heading))
    result = pytester.runpytest("-m", "config", "-p", "no:cacheprovider")
    findings = [line for line in said if not line.startswith(" ")]
    assert result.parseoutcomes()["failed"] == len(findings)
    assert [line for line in said if line not in result.outlines] == []


RIGHT = {
    "A check of one's own": ("newscreator.yaml", '9"', '9", health: /'),
    "With a judge": ("compose.yaml", ":-5m", ":-8h"),
    "A reader of one's own": ("stack.rules", "to 4\nset OLLAMA_CONTEXT_LENGTH to @window", "to 1"),
}


@pytest.mark.parametrize("heading", EXAMPLES)
def test_an_example_passes_where_nothing_is_wrong(pytester: pytest.Pytester, page: str, heading: str) -> None:
    """The finding goes with what it is about."""
    laid_out(pytester, blocks(page, heading))
    file, wrong, right = RIGHT[heading]
    text = (pytester.path / file).read_text(encoding="utf-8")
    assert wrong in text
    (pytester.path / file).write_text(text.replace(wrong, right), encoding="utf-8")
    outcomes = pytester.runpytest("-m", "config", "-p", "no:cacheprovider").parseoutcomes()
    assert outcomes["passed"]
    assert "failed" not in outcomes


def test_the_example_of_a_reader_says_what_it_cannot_understand(pytester: pytest.Pytester, page: str) -> None:
    """A name nobody defines is not verified; what else stands there is judged."""
    laid_out(pytester, blocks(page, "A reader of one's own"))
    (pytester.path / "shared.rules").unlink()
    result = pytester.runpytest("-m", "config", "-p", "no:cacheprovider")
    assert (result.parseoutcomes()["failed"], result.parseoutcomes()["skipped"]) == (1, 1)
    result.stdout.fnmatch_lines(["*stack.rules:2:30: nobody defines @window*"])


def test_the_example_of_a_report_writes_its_file(pytester: pytest.Pytester, page: str) -> None:
    """Beside `verdicts.json`."""
    laid_out(pytester, blocks(page, "A check of one's own"))
    checks = (pytester.path / "conftest.py").read_text(encoding="utf-8")
    laid_out(pytester, blocks(page, "A report of one's own"))
    with (pytester.path / "conftest.py").open("a", encoding="utf-8") as file:
        file.write(checks)
    pytester.runpytest("-m", "config", "-p", "no:cacheprovider", "--newscreator-report", "out")
    assert (pytester.path / "out/findings.txt").read_text() == (
        "newscreator.yaml::health-path[web]: web declares no health path"
    )


def test_every_block_of_the_page_is_tried(page: str) -> None:
    """A new example needs its test; the one of a fixture needs a running stack, and is only compiled."""
    tried = [text for heading in (*EXAMPLES, "A report of one's own") for text in blocks(page, heading)]
    (rest,) = (text for _, text in BLOCK.findall(page) if text not in tried)
    compile(rest, "docs/extending.md", "exec")
    assert "newscreator_host" in rest
