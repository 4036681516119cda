"""`newscreator trace` tells every place of a setting, and who wins under each way of starting the stack."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.report.trace import names, table, trace, unresolved
from pytest_newscreator.report.trace_text import as_json, render, render_table

if TYPE_CHECKING:
    from conftest import Stack

typer_testing = pytest.importorskip("typer.testing", reason="the extra `cli` is not installed")

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(stack: Stack) -> Command:
    """Run `newscreator trace` on the copy of the reference stack."""
    from pytest_newscreator.cli import app

    def run(*arguments: str) -> tuple[int, str]:
        result = typer_testing.CliRunner().invoke(app, ["trace", *arguments, "--contract", str(stack.root)])
        error = result.exception
        return result.exit_code, str(error) if isinstance(error, NewscreatorError) else result.output

    return run


def test_every_place_of_a_setting_is_told_with_its_value_and_what_the_contract_says(stack: Stack) -> None:
    """Template, Compose default and start script, in the order of their paths."""
    stack.edit(".env.example", "\nOLLAMA_BASE_MODEL=gemma3:4b-it-qat", "\nOLLAMA_BASE_MODEL=gemma3:4b")
    found = trace(stack.repository(), "OLLAMA_BASE_MODEL")
    assert [(str(said.place), said.value, said.word) for said in found.said] == [
        (str(stack.behind(".env.example", "\nOLLAMA_BASE_MODEL=")), "gemma3:4b", "wrong"),
        (str(stack.behind("compose/ai.yaml", "${OLLAMA_BASE_MODEL:-")), "gemma3:4b-it-qat", "right"),
        (
            str(stack.behind("news-creator/entrypoint-backend.sh", 'BASE_MODEL="${OLLAMA_BASE_MODEL:-')),
            "gemma3:4b-it-qat",
            "right",
        ),
    ]


def test_the_winner_of_each_invocation_is_told_with_its_chain(stack: Stack) -> None:
    """The rollback's shell beats the default, which is said to lose and why."""
    found = trace(stack.repository(), "OLLAMA_BASE_MODEL")
    assert {won.invocation: (won.service, won.text, won.word) for won in found.won} == {
        "default": ("backend", "gemma3:4b-it-qat", "right"),
        "cpu": ("backend", "gemma3:4b-it-qat", "right"),
        "rollback": ("backend", "gemma3:4b", "right"),
    }
    (rollback,) = [won for won in found.won if won.invocation == "rollback"]
    assert rollback.chain[-1].endswith("default OLLAMA_BASE_MODEL=gemma3:4b-it-qat lost (the shell sets it)")


def test_a_setting_nobody_gives_shows_the_programs_own_default(stack: Stack) -> None:
    """At the default's own place, marked as such."""
    stack.edit("compose/ai.yaml", "      LLM_TOP_K: ${LLM_TOP_K:-40}\n", "")
    (won, *_) = trace(stack.repository(), "LLM_TOP_K").won
    assert (won.own, won.text, won.word) == (True, "40", "right")
    assert won.place
    assert won.place.path == "news-creator/app/news_creator/config/config.py"


def test_a_service_that_shares_the_build_context_but_not_the_sources_is_not_named(stack: Stack) -> None:
    """The backend's image does not hold the application."""
    assert {won.service for won in trace(stack.repository(), "LLM_NUM_CTX").won} == {"app"}


def test_a_variable_that_a_value_is_handed_on_from_is_a_place_too(stack: Stack) -> None:
    """`LLM_NUM_CTX: ${SUMMARY_CTX:-8192}` is found under both names."""
    stack.edit("compose/ai.yaml", "${LLM_NUM_CTX:-16384}", "${SUMMARY_CTX:-8192}")
    for name in ("LLM_NUM_CTX", "SUMMARY_CTX"):
        places = {(said.name, said.value, said.word) for said in trace(stack.repository(), name).said}
        assert ("SUMMARY_CTX", "8192", "wrong") in places


@pytest.mark.parametrize("name", ["OLLAMA_BASE_MODL", "ollama_base_model"])
def test_a_name_nobody_knows_is_an_error_with_the_one_that_was_meant(stack: Stack, name: str) -> None:
    """Silence would read like a setting without places; capitals are no difference to who asks."""
    with pytest.raises(NewscreatorError, match=rf"speaks of {name}, did you mean OLLAMA_BASE_MODEL\?"):
        trace(stack.repository(), name)


def test_a_name_that_only_sources_know_can_be_what_was_meant(stack: Stack) -> None:
    """The start script's list is given by nobody and declared by nobody."""
    with pytest.raises(NewscreatorError, match=r"did you mean NEWS_CREATOR_VARIANTS\?"):
        trace(stack.repository(), "news_creator_variant")


@pytest.mark.parametrize("name", ["", " ", "LLM_MODEL ", "LLM_MODEL=gemma3:4b"])
def test_what_is_no_name_is_refused(stack: Stack, name: str) -> None:
    """A value behind the name is not looked for, and not taken for a misspelt name either."""
    with pytest.raises(NewscreatorError, match="is no name of a setting"):
        trace(stack.repository(), name)


def test_an_unknown_name_may_stand_where_nothing_is_read(stack: Stack) -> None:
    """The `.env` of `host` is only there."""
    with pytest.raises(
        NewscreatorError, match=r"so it may stand there: host: newscreator\.yaml:\d+:\d+: the dotenv file \.env "
    ):
        trace(stack.repository(), "QUITE_ANOTHER_THING")


def test_a_name_of_one_service_alone_is_told_of_it_alone(stack: Stack) -> None:
    """One that the contract does not know stands in brackets."""
    stack.edit("compose/ai.yaml", "services:\n", "services:\n  side:\n    image: x:1\n    environment: [ONLY_HERE=1]\n")
    found = trace(stack.repository(), "ONLY_HERE")
    assert {(won.service, won.text, won.word) for won in found.won} == {("(side)", "1", "")}
    assert not found.declared


def test_a_process_of_the_contract_is_told_too(stack: Stack) -> None:
    """It is started by no invocation, and given what the contract says."""
    contract = (
        "version: 1\nmodel: {base: a:1}\nservices:\n"
        "  llm: {kind: ollama, process: {command: [x], environment: {N: 1}}, settings: {N: 2}}\n"
    )
    stack.write("newscreator.yaml", contract)
    repository = stack.repository()
    (won,) = trace(repository, "N").won
    assert (won.invocation, won.service, won.text, won.word) == (None, "llm", "1", "wrong")
    assert render_table(table(repository)).splitlines()[1].split() == ["llm", "N", "2", "!1"]
    assert "\n  process: llm gets 1  wrong\n" in render(trace(repository, "N"))


def test_an_invocation_that_does_not_resolve_is_named(stack: Stack) -> None:
    """`host` reads an `.env` that only the host has."""
    repository = stack.repository()
    where = stack.behind("newscreator.yaml", "env_files: [")
    assert f"\n  host: {where}: the dotenv file .env " in render(trace(repository, "LLM_MODEL"), unresolved(repository))
    assert f"\nunresolved: host: {where}: " in render_table(table(repository), unresolved(repository))


def test_a_repository_without_compose_has_nothing_unresolved(stack: Stack, command: Command) -> None:
    """Nobody speaks of it, so its absence is no error; only a file that is named is missed."""
    for path in ("compose/compose.yaml", "compose/ai.yaml", "compose/cpu.yaml"):
        (stack.root / path).unlink()
    stack.write("newscreator.yaml", "version: 1\nmodel: {base: gemma3:4b-it-qat, switch: OLLAMA_BASE_MODEL}\n")
    code, said = command("OLLAMA_BASE_MODEL")
    assert code == 0
    assert "compose" not in said
    assert [line.split() for line in command("--all")[1].splitlines()] == [
        ["service", "setting", "contract"],
        ["default", "OLLAMA_BASE_MODEL", "gemma3:4b-it-qat"],
    ]
    stack.write("newscreator.yaml", "version: 1\nmodel: {base: gemma3:4b-it-qat}\n")
    assert command("--all") == (0, "no service is given a setting, and the contract declares none\n")


@pytest.mark.parametrize("arguments", [("LLM_MODEL",), ("--all",), ("LLM_MODEL", "--json"), ("--all", "--json")])
def test_the_command_fails_where_nothing_resolves(stack: Stack, command: Command, arguments: tuple[str]) -> None:
    """Exit code 1: the places are shown, and why nobody knows who wins."""
    stack.edit("compose/ai.yaml", "services:\n", "services: [\n")
    code, said = command(*arguments)
    assert code == 1
    assert "this is no YAML" in said


def test_the_table_has_a_row_for_each_service_and_setting_and_a_column_for_each_invocation(stack: Stack) -> None:
    """A wrong value carries a mark, a rollback's right one none."""
    stack.edit("compose/ai.yaml", "${LLM_NUM_CTX:-16384}", "8192")
    lines = render_table(table(stack.repository())).splitlines()
    assert lines[0].split() == ["service", "setting", "contract", "default", "cpu", "rollback"]
    assert ["app", "LLM_NUM_CTX", "16384", "!8192", "!8192", "!8192"] in [line.split() for line in lines]
    base = ["backend", "OLLAMA_BASE_MODEL", "gemma3:4b-it-qat", "gemma3:4b-it-qat", "gemma3:4b-it-qat", "gemma3:4b"]
    assert base in [line.split() for line in lines]


def test_every_setting_of_the_stack_has_a_trace(stack: Stack) -> None:
    """What the contract declares and what Compose gives."""
    repository = stack.repository()
    assert set(repository.declared) < set(names(repository))
    assert "OLLAMA_KEEP_ALIVE" in names(repository)


def test_a_table_wider_than_its_terminal_has_a_row_for_each_value(stack: Stack) -> None:
    """The values that all invocations share stand once, the others with theirs; a wrong one with what is declared."""
    stack.edit("compose/ai.yaml", "${LLM_NUM_CTX:-16384}", "8192")
    traces = table(stack.repository())
    lines = render_table(traces, width=100).splitlines()
    assert max(map(len, lines)) <= 100
    start = next(number for number, line in enumerate(lines) if "OLLAMA_BASE_MODEL " in line)
    assert [line.split() for line in lines[start : start + 2]] == [
        ["backend", "OLLAMA_BASE_MODEL", "gemma3:4b-it-qat", "default,", "cpu"],
        ["gemma3:4b", "rollback"],
    ]
    assert ["app", "LLM_NUM_CTX", "!8192", "(16384)"] in [line.split() for line in lines]
    assert render_table(traces, width=300) == render_table(traces)


def test_a_long_value_is_clipped_for_people_and_whole_for_programs(stack: Stack) -> None:
    """Both ends stay, since names of models differ at theirs; what moves a cursor is spelled out."""
    stack.edit("compose/ai.yaml", "${LLM_KEEP_ALIVE:-24h}", '"begin\\e[2J\\n' + 200 * "x" + ':end"')
    found = trace(stack.repository(), "LLM_KEEP_ALIVE")
    for shown in (render(found), render_table(table(stack.repository()))):
        assert "begin\\x1b[2J\\n" in shown
        assert ":end" in shown
        assert 100 * "x" not in shown
    (first, *_) = json.loads(as_json([found]))["settings"][0]["won"]
    assert first["text"] == "begin\x1b[2J\n" + 200 * "x" + ":end"
    assert first["text"] in first["chain"][0]


def test_the_command_prints_what_the_functions_return(stack: Stack, command: Command) -> None:
    """As text, as JSON, and as the table."""
    repository = stack.repository()
    refused = unresolved(repository)
    assert command("LLM_MODEL") == (0, render(trace(repository, "LLM_MODEL"), refused) + "\n")
    assert command("--all") == (0, render_table(table(repository), refused) + "\n")
    assert command("LLM_MODEL", "--json") == (0, as_json([trace(repository, "LLM_MODEL")], refused) + "\n")
    assert command("--all", "--json") == (0, as_json(table(repository), refused) + "\n")


def test_the_json_document_is_what_its_page_says(stack: Stack, reference: Path) -> None:
    """Every field of `docs/trace.md` is there, and no other."""
    page = (reference / "docs/trace.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z.\[\]]+)` \|", page, re.MULTILINE))
    stack.edit("compose/ai.yaml", "${OLLAMA_NUM_PARALLEL:-1}", "${OLLAMA_BASE_MODEL:-1}")
    repository = stack.repository()
    document = json.loads(as_json([trace(repository, "OLLAMA_BASE_MODEL")], unresolved(repository)))
    assert set(_keys(document)) == documented


def _keys(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every field; a place is one field."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield f"{path}.{key}".removeprefix(".")
            if key != "place":
                yield from _keys(child, f"{path}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for child in value:
            yield from _keys(child, f"{path}[]")


SLOTS = "${SLOTS:-1}"


def test_a_variable_of_interpolation_is_told_with_what_it_decides(stack: Stack) -> None:
    """Its value and where that comes from, under each invocation; the contract's word is that of the setting."""
    stack.edit("compose/ai.yaml", "${OLLAMA_NUM_PARALLEL:-1}", SLOTS)
    stack.edit("newscreator.yaml", "environment: {OLLAMA", 'environment: {SLOTS: "2", OLLAMA')
    found = trace(stack.repository(), "SLOTS")
    where = stack.behind("compose/ai.yaml", "${SLOTS:-")
    assert [(one.invocation, one.text) for one in found.decided] == [("default", "1"), ("cpu", "1"), ("rollback", "2")]
    assert {one.place for one in found.decided if one.invocation != "rollback"} == {where}
    shell = stack.repository().contract.invocations["rollback"].place
    assert [one.place for one in found.decided if one.invocation == "rollback"] == [shell]
    assert {
        (one.invocation, each.service, each.setting, each.text, each.word)
        for one in found.decided
        for each in one.settles
    } == {
        ("default", "backend", "OLLAMA_NUM_PARALLEL", "1", "right"),
        ("cpu", "backend", "OLLAMA_NUM_PARALLEL", "1", "right"),
        ("rollback", "backend", "OLLAMA_NUM_PARALLEL", "2", "wrong"),
    }
    (declared,) = found.declared
    assert (declared.owner, declared.name, declared.allowed) == ("backend", "OLLAMA_NUM_PARALLEL", ("1",))
    shown = render(found)
    assert "\n  contract  1  (backend OLLAMA_NUM_PARALLEL, " in shown
    assert (
        f"\n  default: SLOTS is 1\n    {where}: default SLOTS=1 won\n    decides backend OLLAMA_NUM_PARALLEL" in shown
    )


def test_a_variable_in_an_image_is_told_too(stack: Stack) -> None:
    """It is no setting of anybody, and no name that the contract knows."""
    stack.edit("compose/ai.yaml", "services:\n", "services:\n  side:\n    image: side:${TAG:-1}\n")
    first, *_ = trace(stack.repository(), "TAG").decided
    assert [(one.service, one.setting, one.text, one.word) for one in first.settles] == [
        ("(side)", "image", "side:1", "")
    ]


def test_a_setting_that_is_given_under_its_own_name_decides_nothing_more(stack: Stack) -> None:
    """What its service gets says it all."""
    assert trace(stack.repository(), "LLM_TOP_K").decided == ()


@pytest.mark.parametrize("arguments", [(), ("LLM_MODEL", "--all")])
def test_the_command_takes_one_setting_or_all(command: Command, arguments: tuple[str]) -> None:
    """Neither and both are one clear error."""
    code, said = command(*arguments)
    assert code != 0
    assert "trace takes one setting, or --all" in said


CONFTEST = """
from pytest_newscreator.places import Place
from pytest_newscreator.sources.sites import Read, Reader, Site


def read(source):
    return Read((Site("LLM_MODEL", source.text.strip(), Place(source.path, 1, 1), "literal"),))


def pytest_newscreator_readers(config):
    return [Reader("words", lambda path: path.endswith(".words"), read)]
"""


@pytest.mark.parametrize(("folder", "below"), [("", ""), ("tests/", "compose")])
def test_a_reader_that_a_conftest_brings_is_asked(
    stack: Stack, pytester: pytest.Pytester, folder: str, below: str
) -> None:
    """Whatever `pytest` in the contract's folder would load, wherever the command is given."""
    stack.write(f"{folder}conftest.py", CONFTEST)
    stack.write("pytest.ini", "[pytest]\naddopts = -p no:newscreator --strict-markers\nfilterwarnings = error\n")
    stack.write("a.words", "gemma3:4b\n")
    result = told(pytester, stack.root / below, "LLM_MODEL")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*a.words:1:1 *literal*gemma3:4b *wrong*"])


def test_a_conftest_that_fails_is_told_in_pytests_words(stack: Stack, pytester: pytest.Pytester) -> None:
    """Without its readers the trace could be wrong, so there is none."""
    stack.write("conftest.py", "import nobody_has_this\n")
    result = told(pytester, stack.root, "LLM_MODEL")
    assert result.ret == 2
    result.stderr.fnmatch_lines(["newscreator: pytest does not start in *", "*nobody_has_this*"])
    result.stderr.no_fnmatch_line("Traceback*")


def told(pytester: pytest.Pytester, folder: Path, *arguments: str) -> pytest.RunResult:
    """Run `newscreator trace` in a folder, in a process of its own: it loads what stands there."""
    program = f"import os; os.chdir({str(folder)!r}); from pytest_newscreator.cli import main; main()"
    return pytester.run(sys.executable, "-c", program, "trace", *arguments)


def test_the_readme_shows_what_is_really_printed(stack: Stack, reference: Path) -> None:
    """Its excerpt is of these lines, in this order; the dots stand for others."""
    repository = stack.repository()
    printed = render(trace(repository, "OLLAMA_BASE_MODEL"), unresolved(repository)).splitlines()
    readme = (reference / "README.md").read_text(encoding="utf-8")
    (excerpt,) = re.findall(r"\$ newscreator trace OLLAMA_BASE_MODEL\n(.*?)```", readme, re.DOTALL)
    shown = [line for line in excerpt.splitlines() if line != "..."]
    remaining = iter(printed)
    assert [line for line in shown if line not in remaining] == []
