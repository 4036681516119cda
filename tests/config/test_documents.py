"""The documentation is true: generated pages are current, named files exist, examples run."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path

import pytest

from pytest_newscreator import fixtures, hookspecs
from pytest_newscreator.contract.load import load

PAGES = (
    "README.md",
    "ARCHITECTURE.md",
    *(f"docs/{name}.md" for name in ("contract", "detection", "extending", "ollama", "start", "trace")),
)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")


@pytest.mark.parametrize(("page", "function"), [("checks.md", "checks"), ("contract-keys.md", "keys")])
def test_a_generated_page_is_current(reference: Path, page: str, function: str) -> None:
    """What `scripts/docs.py` would write is there."""
    script = runpy.run_path(str(reference / "scripts/docs.py"))
    written = (reference / "docs" / page).read_text(encoding="utf-8")
    assert script[function]() == written, "run: python scripts/docs.py"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(reference: Path, page: str) -> None:
    """Relative links name files that are there."""
    file = reference / page
    for target in LINK.findall(file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), f"{page} links to {target}"


def test_the_steps_to_a_contract_are_contracts(reference: Path, tmp_path: Path) -> None:
    """The first block of `docs/start.md` is one alone, and all of them together are one."""
    text = (reference / "docs/start.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    contract = tmp_path / "newscreator.yaml"
    contract.write_text(blocks[0], encoding="utf-8")
    assert not load(contract).services
    contract.write_text("".join(blocks).replace("  chat:\n", "  chat:\n    service: llm\n", 1), encoding="utf-8")
    whole = load(contract)
    assert (list(whole.services), list(whole.invocations)) == (["llm", "api"], ["default", "server"])
    assert whole.waivers


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


def test_the_readme_shows_the_message_that_is_really_given(
    reference: Path, reference_copy: Path, pytester: pytest.Pytester
) -> None:
    """The first finding of the README is what the suite says of that edit."""
    shutil.copytree(reference_copy, pytester.path, dirs_exist_ok=True)
    script = pytester.path / "news-creator" / "entrypoint-backend.sh"
    script.write_text(script.read_text().replace("OLLAMA_BASE_MODEL:-gemma3:4b-it-qat", "OLLAMA_BASE_MODEL:-gemma3:4b"))
    result = pytester.runpytest("newscreator.yaml", "-m", "config", "-p", "no:cacheprovider")
    finding = next(line for line in result.outlines if line.startswith("news-creator/entrypoint-backend.sh:"))
    assert finding in (reference / "README.md").read_text(encoding="utf-8").splitlines()
