"""The documentation is true: generated pages are current, named files exist, examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_newscreator import fixtures, hookspecs

LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def test_the_page_of_checks_is_current(reference: Path) -> None:
    """`docs/checks.md` is what `scripts/docs.py` would write."""
    done = subprocess.run([sys.executable, "scripts/docs.py", "--check"], check=False, cwd=reference)
    assert done.returncode == 0, "run: python scripts/docs.py"


@pytest.mark.parametrize(
    "page", ["README.md", "ARCHITECTURE.md", "docs/contract.md", "docs/extending.md", "docs/ollama.md"]
)
def test_every_link_leads_to_a_file(reference: Path, page: str) -> None:
    """Relative links name files that are there."""
    file = reference / page
    for target in LINK.findall(file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), f"{page} links to {target}"


def test_every_fixture_is_documented(reference: Path) -> None:
    """`docs/extending.md` names every public fixture but those that only checks use."""
    text = (reference / "docs/extending.md").read_text(encoding="utf-8")
    own = {"newscreator_subject", "newscreator_selected", "newscreator_conclude"}
    public = {name for name in vars(fixtures) if name.startswith("newscreator_")} - own
    assert {name for name in public if f"`{name}`" not in text} == set()


def test_every_hook_is_documented(reference: Path) -> None:
    """`docs/extending.md` names every hook."""
    text = (reference / "docs/extending.md").read_text(encoding="utf-8")
    assert [
        name for name in vars(hookspecs) if name.startswith("pytest_newscreator_") and f"`{name}(" not in text
    ] == []


def test_the_example_of_a_check_runs(reference: Path, pytester: pytest.Pytester) -> None:
    """The conftest of `docs/extending.md` holds a contract to what it says."""
    example = (reference / "docs/extending.md").read_text(encoding="utf-8").split("```python")[2].split("```")[0]
    pytester.makeconftest(example)
    contract = "version: 1\nmodel: {base: gemma3:1b}\nservices:\n  web: {kind: http, url: 'http://127.0.0.1:9'}\n"
    pytester.makefile(".yaml", newscreator=contract)
    result = pytester.runpytest_subprocess("newscreator.yaml", "-k", "health-path", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["newscreator.yaml:4:3: web declares no health path"])


def test_the_readme_shows_the_message_that_is_really_given(reference: Path, pytester: pytest.Pytester) -> None:
    """The first finding of the README is what the suite says of that edit."""
    for part in ("compose", "news-creator", "newscreator.yaml"):
        subprocess.run(["cp", "-r", str(reference / part), str(pytester.path)], check=True)
    script = pytester.path / "news-creator" / "entrypoint-backend.sh"
    script.write_text(script.read_text().replace("OLLAMA_BASE_MODEL:-gemma3:4b-it-qat", "OLLAMA_BASE_MODEL:-gemma3:4b"))
    result = pytester.runpytest_subprocess("newscreator.yaml", "-m", "config", "-p", "no:cacheprovider")
    finding = next(line for line in result.outlines if line.startswith("news-creator/entrypoint-backend.sh:"))
    assert finding in (reference / "README.md").read_text(encoding="utf-8").splitlines()
