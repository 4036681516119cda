"""What counts as naming a model, what only running can tell, and what a repository without any claim is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.sources.docker import dockerfile
from pytest_newscreator.sources.shell import reader as shell
from pytest_newscreator.sources.sites import SourceFile

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack

AI = "compose/ai.yaml"
START = "news-creator/entrypoint-backend.sh"
CONFIG = "news-creator/app/news_creator/config/config.py"
FOUR_LINES = "version: 1\nmodel:\n  base: llama3.2:3b\n  retired: [llama3, 'mistral:latest']\n"
NAMED = {
    "keyword": ("app.py", 'import ollama\nollama.chat(model="{}")\n', 'model="'),
    "body in Python": ("app.py", 'BODY = {{"model": "{}", "stream": False}}\n', '"model": "'),
    "body of curl": ("ask.sh", '#!/bin/sh\ncurl -d \'{{"model": "{}"}}\' localhost\n', '"model": "'),
    "pull": ("pull.sh", "#!/bin/sh\nollama pull {}\n", "pull "),
    "Modelfile": ("Modelfile", "FROM {}\n", "FROM "),
    "parameter": ("app.py", 'def ask(model: str = "{}") -> None:\n    pass\n', '= "'),
}
COMPUTED = {
    "command": (START, '"${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}"', '"${OLLAMA_BASE_MODEL:-$(cat /etc/base)}"'),
    "function": (CONFIG, 'LLM_MODEL: ModelName = "gemma3:4b-it-qat"', "LLM_MODEL: ModelName = compute()"),
}
tags = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,12}", fullmatch=True)


@pytest.fixture
def small(stack: Stack, tmp_path: Path) -> Stack:
    """Make a repository of a four-line contract and nothing else."""
    made = replace(stack, root=tmp_path / "small")
    made.write("newscreator.yaml", FOUR_LINES)
    return made


@pytest.mark.parametrize("name", ["llama3", "llama3:latest", "mistral", "mistral:latest"])
@pytest.mark.parametrize(("path", "text", "before"), NAMED.values(), ids=NAMED)
def test_a_retired_name_is_found_with_and_without_its_tag(
    small: Stack, path: str, text: str, before: str, name: str
) -> None:
    """Where nothing but a model can stand, a bare word is a model's name, and `latest` its tag."""
    small.write(path, text.format(name))
    (broken,) = small.broken()
    assert broken.headline.startswith(f"{small.behind(path, before)}: ")
    assert "retired by the contract" in broken.headline


def test_a_bare_word_elsewhere_is_no_model(small: Stack) -> None:
    """A retired name without a tag is an ordinary word in any other literal."""
    small.write("app.py", 'FOLDER = "llama3"\nprint("mistral", {"wind": "mistral"})\n')
    small.write("run.sh", "#!/bin/sh\ncd llama3\n")
    assert not small.broken()


def test_a_name_that_only_begins_like_a_retired_one_is_another_model(small: Stack) -> None:
    """`llama3.2` and `llama3:8b` are not `llama3`."""
    small.write("app.py", 'import ollama\nollama.chat(model="llama3.2")\nollama.chat(model="llama3:8b")\n')
    assert not small.broken()


@given(tags)
@example("latest")
def test_a_name_without_a_tag_is_the_latest_alone(tag: str) -> None:
    """`bge-m3` and `bge-m3:TAG` agree, from either side, exactly where the tag is `latest`."""
    assert agrees("bge-m3", f"bge-m3:{tag}") == agrees(f"bge-m3:{tag}", "bge-m3") == (tag == "latest")


@given(st.text("abcXYZ019-_.", min_size=1, max_size=8), st.text("abcXYZ019-_.", min_size=1, max_size=8))
def test_two_words_without_a_tag_agree_only_as_texts_or_numbers(one: str, other: str) -> None:
    """The rules for names of models never reach an ordinary word."""
    try:
        numbers = float(one) == float(other)
    except ValueError:
        numbers = False
    assert not agrees(one, other) or one == other or numbers


def test_a_declared_name_may_stand_with_its_default_tag(stack: Stack) -> None:
    """`bge-m3:latest` is what `bge-m3` means."""
    stack.edit("newscreator.yaml", "MODEL_16K_NAME: gemma3-4b-16k,", "MODEL_16K_NAME: gemma3-4b-16k, EMBED: bge-m3,")
    stack.edit(AI, "      LLM_NUM_CTX:", "      EMBED: bge-m3:latest\n      LLM_NUM_CTX:")
    assert not stack.broken()


@pytest.mark.parametrize(("path", "old", "new"), COMPUTED.values(), ids=COMPUTED)
def test_a_value_that_only_running_can_tell_is_not_verified(stack: Stack, path: str, old: str, new: str) -> None:
    """Nobody has seen it, so it has not passed."""
    stack.edit(path, old, new)
    setting = "OLLAMA_BASE_MODEL" if path == START else "LLM_MODEL"
    said = {judgement.item: judgement for judgement in stack.judge()}
    one = said[f"default[{path} {setting}]"]
    assert one.status == "not_verified"
    assert one.reason.endswith(f": the value of {setting} is computed when it runs")


def test_a_constant_of_a_script_is_a_default_like_any_other(stack: Stack) -> None:
    """The literal is blamed where it is assigned."""
    old = 'BASE_MODEL="${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}"'
    stack.edit(START, old, 'DEF=gemma3:12b\nBASE_MODEL="${OLLAMA_BASE_MODEL:-$DEF}"')
    (broken,) = stack.broken()
    said = "OLLAMA_BASE_MODEL defaults to gemma3:12b, the contract says gemma3:4b-it-qat"
    assert broken.headline == f"{stack.behind(START, 'DEF=')}: {said}"


@pytest.mark.parametrize("again", ["DEF=b", "if true; then DEF=b; fi", "read -r DEF", "for DEF in a b; do :; done"])
def test_a_variable_assigned_twice_is_no_constant(again: str) -> None:
    """Which of the two holds depends on the way through the script."""
    sites = shell.read(SourceFile("a.sh", f'DEF=a\n{again}\nX="${{X:-$DEF}}"\n')).sites
    assert [site.value for site in sites if site.setting == "X"] == [None]


@pytest.mark.parametrize("text", ['export A="$B"\n', "A=${B}\n"])
def test_a_value_handed_on_by_a_script_is_marked(text: str) -> None:
    """The site says nothing of its own, which is another thing than a computed value."""
    (site,) = [site for site in shell.read(SourceFile("a.sh", text)).sites if site.into]
    assert site.handed_on
    assert site.value is None


def test_a_value_handed_on_by_an_image_is_marked() -> None:
    """`ENV A=$B` is B's value under another name."""
    sites = dockerfile.read(SourceFile("Dockerfile", "FROM a\nARG B=1\nENV A=$B\n")).sites
    assert [(site.setting, site.handed_on) for site in sites if site.into] == [("B", True)]


@pytest.mark.parametrize("text", ['X="${X:-\\\nv}"\n', "X=${X:-\\\nv}\n", 'X="${X:-\\\n\\\nv}"\n'])
def test_a_continued_line_is_no_part_of_a_default(text: str) -> None:
    """A backslash takes the end of the line away, before the default as inside it."""
    (site,) = shell.read(SourceFile("a.sh", text)).sites
    assert site.value == "v"


def test_a_variable_of_a_variant_is_told_the_variant(stack: Stack) -> None:
    """Where other files give it a variant, the base would be the next mistake."""
    stack.edit("newscreator.yaml", "MODEL_60K_NAME: gemma3-4b-60k,", "")
    stack.edit(AI, "${MODEL_60K_NAME:-gemma3-4b-60k}", "${MODEL_60K_NAME:-gemma3:4b}")
    (broken,) = stack.broken()
    assert broken.headline.endswith("names gemma3:4b, which is retired by the contract, elsewhere it is gemma3-4b-60k")
    assert broken.finding
    assert broken.finding.fix.startswith("write gemma3-4b-60k there")


def test_a_clean_repository_has_one_item_that_passes(small: Stack) -> None:
    """A contract that finds nothing to ask is no empty run."""
    small.write("app.py", "import os\n")
    assert [(one.item, one.status) for one in small.judge()] == [("default[retired names]", "passed")]


def test_a_clean_run_ends_well_and_says_how_much_was_read(small: Stack, pytester: pytest.Pytester) -> None:
    """The exit code is success, not "no tests", and the report tells the number of files."""
    made = replace(small, root=pytester.path)
    made.write("newscreator.yaml", FOUR_LINES)
    made.write("app.py", "import os\n")
    result = pytester.runpytest_inprocess("newscreator.yaml", "--newscreator-report", "out")
    assert result.ret == pytest.ExitCode.OK
    assert '"files read: 1; none speaks of what the contract declares"' in made.text("out/verdicts.json")
