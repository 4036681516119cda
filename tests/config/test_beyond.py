"""What lies outside of the folder that is read is told at the word that names it, where it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.resolved.values import RESOLVED
from pytest_newscreator.resolve.start.scripts import running

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
BUILD = "resolved[default backend build]"
CONTEXT = "      context: ../news-creator\n      dockerfile: Dockerfile.backend\n"


@pytest.mark.parametrize(
    ("new", "before", "what"),
    [
        ("      context: ../../elsewhere\n", "context: ", "the build context ../elsewhere"),
        (
            "      context: ../news-creator\n      dockerfile: ../../Dockerfile\n",
            "dockerfile: ",
            "the Dockerfile ../Dockerfile",
        ),
    ],
)
def test_a_build_from_outside_is_left_open_at_its_place(stack: Stack, new: str, before: str, what: str) -> None:
    """Nobody reads what is built there; that is no fault of this repository."""
    stack.edit(AI, CONTEXT, new)
    reason = stack.unverified(RESOLVED)[BUILD]
    text = stack.text(AI)
    offset = text.index(new) + new.index(before) + len(before)
    line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
    assert reason.startswith(f"{AI}:{line}:{column}: {what} is outside the folder of newscreator.yaml")
    assert BUILD not in stack.found(RESOLVED)


@pytest.mark.parametrize("context", ["https://git.example.org/app.git", "../news-creator", "./../news-creator/"])
def test_a_build_from_the_repository_or_from_far_away_is_not(stack: Stack, context: str) -> None:
    """An address is the same for everybody."""
    stack.edit(AI, CONTEXT, CONTEXT.replace("../news-creator", context))
    assert BUILD not in stack.unverified(RESOLVED)


def test_a_build_behind_a_link_out_of_the_repository_is_left_open(stack: Stack) -> None:
    """The link is the repository's, what it leads to is this machine's."""
    (stack.root.parent / "far").mkdir()
    (stack.root / "linked").symlink_to(stack.root.parent / "far")
    stack.edit(AI, CONTEXT, "      context: ../linked\n")
    assert "the build context linked is outside" in stack.unverified(RESOLVED)[BUILD]


def test_data_mounted_from_outside_is_no_matter(stack: Stack) -> None:
    """Models are kept beside a checkout; nothing is decided by them."""
    before = {one.item: one.status for one in stack.judge()}
    mounted = "    volumes:\n      - ../../models:/more-models:ro\n"
    stack.edit("compose/cpu.yaml", "  news-creator-backend:\n", f"  news-creator-backend:\n{mounted}")
    assert {one.item: one.status for one in stack.judge()} == before


def test_a_start_script_mounted_from_outside_is_why_its_doing_is_unknown(stack: Stack) -> None:
    """Told at the mount, wherever a check needs to know what starts."""
    stack.write(
        "compose/cpu.yaml",
        "services:\n  news-creator-backend:\n    entrypoint: [/start.sh]\n"
        "    volumes:\n      - ../../start.sh:/start.sh\n",
    )
    repository = stack.repository()
    project = repository.resolved["cpu"]
    unknown = running(repository, project, project.services["news-creator-backend"]).startup.unknown
    place = stack.behind("compose/cpu.yaml", "      - ")
    what = "../start.sh, mounted at /start.sh, is outside the folder of newscreator.yaml"
    assert unknown == f"{place}: {what}, /start.sh is not known"


@pytest.mark.parametrize(
    ("old", "new", "before", "what"),
    [
        (
            "compose/cpu.yaml]",
            "../cpu.yaml]",
            "cpu:      {files: [compose/compose.yaml, ",
            "the Compose file ../cpu.yaml",
        ),
        (
            "compose/cpu.yaml]",
            "'../cpu.yaml']",
            "cpu:      {files: [compose/compose.yaml, '",
            "the Compose file ../cpu.yaml",
        ),
        ("env_files: [.env]", "env_files: [.env, ../x.env]", "env_files: [.env, ", "the dotenv file ../x.env"),
    ],
)
def test_a_file_outside_is_blamed_at_the_word_of_the_contract(
    stack: Stack, old: str, new: str, before: str, what: str
) -> None:
    """The file has no place of its own in the repository."""
    stack.git()
    (stack.root.parent / "x.env").write_text("A=1\n", encoding="utf-8")
    stack.write(".env", "A=1\n")
    stack.edit("newscreator.yaml", old, new)
    (finding,) = [one for one in stack.found(RESOLVED).values() if "does not resolve" in one.message]
    assert finding.place == stack.behind("newscreator.yaml", before)
    assert f"{what} is outside the repository" in finding.message
