"""A file that an ignore file keeps out of the image does nothing in its container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.source.startup import SHADOWED

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
FOLDER = "news-creator/app"
DEV = f"{FOLDER}/news_creator/dev.py"
CODE = 'import os\n\nos.environ["LLM_NUM_CTX"] = "4096"\n'


def overwritten(stack: Stack, ignored: str) -> list[str]:
    """Add a file that overwrites a setting, and return where that is found."""
    stack.write(DEV, CODE)
    (stack.root / "news-creator" / ".dockerignore").write_text(ignored, encoding="utf-8")
    return [str(finding.place) for finding in stack.found(SHADOWED).values()]


@pytest.mark.parametrize("ignored", ["", "app/news_creator/other.py\n", "**/dev.py\n!app/**/dev.py\n"])
def test_code_that_gets_into_the_image_overwrites(stack: Stack, ignored: str) -> None:
    """Nothing keeps it away, or a later line brings it back."""
    assert overwritten(stack, ignored) == [str(stack.behind(DEV, '= "'))]


@pytest.mark.parametrize("ignored", ["**/dev.py\n", "app/news_creator/dev.py\n", "app/news_creator\n"])
def test_code_that_is_kept_out_of_the_image_overwrites_nothing(stack: Stack, ignored: str) -> None:
    """It is there for whoever works on the program."""
    assert overwritten(stack, ignored) == []


def test_code_that_is_mounted_is_there_all_the_same(stack: Stack) -> None:
    """A mount asks no ignore file."""
    text = stack.text(AI)
    stack.write("compose/cpu.yaml", "services:\n  news-creator:\n    volumes:\n      - ../news-creator/app:/app\n")
    assert overwritten(stack, "**/dev.py\n") == [str(stack.behind(DEV, '= "'))], text


def test_a_name_that_only_such_a_file_reads_is_not_read(stack: Stack) -> None:
    """What its service is held to follows from what is in the image."""
    stack.write(DEV, 'import os\n\nX = os.environ["ONLY_WHILE_DEVELOPING"]\n')
    repository = stack.repository()
    assert "ONLY_WHILE_DEVELOPING" in repository.reading(repository.contract.services["app"])
    (stack.root / "news-creator" / ".dockerignore").write_text("**/dev.py\n", encoding="utf-8")
    repository = stack.repository()
    assert "ONLY_WHILE_DEVELOPING" not in repository.reading(repository.contract.services["app"])
