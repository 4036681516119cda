"""A Modelfile is read as Ollama reads it, and every problem has its line and column."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.places import Place
from pytest_newscreator.sources.ollama import modelfile
from pytest_newscreator.sources.ollama.modelfile import READER, Problem, parse
from pytest_newscreator.sources.sites import Site, SourceFile

if TYPE_CHECKING:
    from pytest_newscreator.sources.ollama.modelfile_parameters import Parameter

TRUTH = Path(__file__).resolve().parents[3] / "shared" / "truth" / "modelfile.json"
ROWS: list[dict[str, Any]] = json.loads(TRUTH.read_text("utf-8"))["cases"] if TRUTH.exists() else []
PARSED = [row for row in ROWS if not row["Err"]]
# A missing adapter file is a matter of the disk, not of the grammar.
REQUESTED = [row for row in PARSED if not row["CRErr"].startswith("stat ")]
ACCEPTED = [row for row in REQUESTED if not row["CRErr"]]
ORACLE = "0.14.3"

needs_truth = pytest.mark.skipif(not ROWS, reason="shared/truth/modelfile.json is not beside this checkout")
inline = st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12)
word = inline.filter(lambda text: '"' not in text)
pieces = st.sampled_from(
    [
        "FROM ",
        "PARAMETER ",
        "SYSTEM ",
        "MESSAGE user ",
        "num_ctx ",
        "#",
        '"',
        '"""',
        " ",
        "\n",
        "\r",
        "\t",
        "x",
        "\u00a0",
    ],
)


def ids(rows: list[dict[str, Any]]) -> list[str]:
    """Name each row by its file."""
    return [repr(row["file"])[:60] for row in rows]


def as_go(value: Parameter) -> object:
    """Write a parameter as the table does."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, bool):
        return f"bool:{str(value).lower()}"
    if isinstance(value, int):
        return f"int64:{value}"
    return "float32:NaN" if math.isnan(value) else f"float32:{value:g}"


def problem(text: str, *, version: str = "0.24.0") -> Problem:
    """Return the only problem of a file."""
    (found,) = parse(text, version=version).problems
    return found


@needs_truth
@pytest.mark.parametrize("row", ROWS, ids=ids(ROWS))
def test_the_parser_refuses_what_ollama_refuses(row: dict[str, Any]) -> None:
    """Each file is refused by the grammar exactly where Ollama's parser refuses it."""
    refused = any(found.stage == "parser" for found in parse(row["file"], version=ORACLE).problems)

    assert refused is bool(row["Err"])


@needs_truth
@pytest.mark.parametrize("row", PARSED, ids=ids(PARSED))
def test_the_commands_are_those_of_ollama(row: dict[str, Any]) -> None:
    """Names and values agree with Ollama's parser, character by character."""
    commands = [[command.name, command.value] for command in parse(row["file"], version=ORACLE).commands]

    assert commands == row["Cmds"]


@needs_truth
@pytest.mark.parametrize("row", REQUESTED, ids=ids(REQUESTED))
def test_the_request_is_refused_where_ollama_refuses_it(row: dict[str, Any]) -> None:
    """Types, unknown parameters and versions are refused exactly where `ollama create` refuses them."""
    assert parse(row["file"], version=ORACLE).is_accepted is not bool(row["CRErr"])


@needs_truth
@pytest.mark.parametrize("row", ACCEPTED, ids=ids(ACCEPTED))
def test_base_and_parameters_are_those_that_ollama_sends(row: dict[str, Any]) -> None:
    """The last FROM and the typed parameters agree with the request that Ollama makes."""
    read = parse(row["file"], version=ORACLE)

    assert read.from_ == row["From"]
    assert {name: as_go(value) for name, value in read.parameters.items()} == row["Params"]


def test_a_comment_behind_a_number_is_part_of_the_number() -> None:
    """The message says why `8192 # 8k` is no number, and points at it."""
    assert problem("FROM x\nPARAMETER num_ctx 8192 # 8k\n") == Problem(
        2,
        19,
        "'8192 # 8k' is not an integer; Ollama knows comments only at the start of a line",
        "request",
    )


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("FROM x\nPARAMETER  num_ctx 1", (2, 1), "one blank, not more"),
        ("FROM x\nPARAMETER num_ctx=1", (2, 1), "PARAMETER num_ctx is followed by '='"),
        ("FROM x\nPARAMETER Num_Ctx 1", (2, 1), "did you mean num_ctx?"),
        ("FROM x\nPARAMETER tfs_z 1", (2, 1), "'tfs_z' is not a parameter"),
        ("FORM x\n", (1, 1), "did you mean FROM?"),
        ("FROM x\nSYSTEM You are\nhelpful.\n", (3, 1), 'a value over several lines should stand in """'),
        ("FROM x\nMESSAGE User hi", (2, 9), "should be system, user or assistant"),
        ('FROM x\nSYSTEM """a\n', (2, 8), "is never closed"),
        ('FROM x\nPARAMETER stop "</s>" # c', (2, 16), "text follows the closing"),
        ("FROM x\nPARAMETER stop", (2, 1), "stands alone"),
        ("FROM x\nREQUIRES 01.2", (2, 10), "is not a version"),
        ("FROM gemma3:4b # small", (1, 6), "knows comments only at the start of a line"),
        ("FROM ${BASE}", (1, 6), "expands nothing"),
        ("FROM 'gemma3:4b'", (1, 6), "only double quotes"),
        ("FROM ", (1, 6), "names nothing"),
        ("FROM x\nPARAMETER temperature NaN", (2, 23), "should be a finite number"),
        ("FROM x\nPARAMETER mirostat 1", (2, 1), "does nothing"),
        ("# nothing\n", (0, 0), "no FROM line"),
    ],
)
def test_a_problem_says_where_and_what(text: str, position: tuple[int, int], words: str) -> None:
    """Each way a Modelfile goes wrong has one problem, in the right place and in words that help."""
    found = problem(text)

    assert (found.line, found.column) == position
    assert words in found.message


def test_reading_goes_on_behind_a_problem() -> None:
    """One run shows all problems of a file, and the base that it names after the first."""
    read = parse("BAD\nfrom gemma3:4b\nPARAMETER num_ctx 8k\nSYSTEM a\nb c d\nPARAMETER top_p x\n")

    assert [found.line for found in read.problems] == [1, 3, 5, 6]
    assert read.from_ == "gemma3:4b"


def test_the_last_base_wins() -> None:
    """Of several FROM lines Ollama takes the last, and a parameter called `model` is one."""
    assert parse("FROM a\nFROM b\n").from_ == "b"
    assert parse("FROM a\nPARAMETER model c\n").from_ == "c"


def test_stops_add_up_and_other_parameters_are_replaced() -> None:
    """`stop` collects its values; of any other parameter the last one counts."""
    read = parse("FROM x\nPARAMETER stop a\nPARAMETER stop b\nPARAMETER top_k 1\nPARAMETER top_k 40\n")

    assert read.parameters == {"stop": ("a", "b"), "top_k": 40}


@pytest.mark.parametrize(("version", "accepted"), [("0.14.3", False), ("0.23.0", False), ("0.30.0", True)])
def test_draft_is_a_command_only_of_later_versions(version: str, accepted: bool) -> None:
    """DRAFT came with 0.23.1 behind a flag, and without one with 0.30."""
    assert parse("FROM x\nDRAFT ./d.gguf\n", version=version).is_accepted is accepted


def test_draft_is_known_before_it_is_allowed() -> None:
    """Between 0.23.1 and 0.30 the grammar takes DRAFT, and the request needs a flag."""
    assert problem("FROM x\nDRAFT ./d.gguf\n", version="v0.24.0").stage == "request"


def test_a_parameter_may_be_known_only_to_later_versions() -> None:
    """`draft_num_predict` is unknown to 0.24 and an integer to 0.30."""
    text = "FROM x\nPARAMETER draft_num_predict 4\n"

    assert problem(text).message == "draft_num_predict is a parameter only from Ollama 0.30 on"
    assert parse(text, version="0.30.0").parameters == {"draft_num_predict": 4}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x1p-2", 0.25),
        ("1_000.5", 1000.5),
        (".5", 0.5),
        ("1e39", None),
        ("0x1.8", None),
        ("1__0", None),
        ("0x1p9999", None),
    ],
)
def test_numbers_are_those_of_go(text: str, value: float | None) -> None:
    """Hexadecimal fractions and underscores are numbers to Go; what no 32-bit float holds is none."""
    assert parse(f"FROM x\nPARAMETER temperature {text}\n").parameters.get("temperature") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("-5", -5),
        ("8_192", None),
        ("9" * 5000, None),
    ],
)
def test_integers_are_those_of_go(text: str, value: int | None) -> None:
    """An integer has 64 bits, base 10 and no underscores."""
    assert parse(f"FROM x\nPARAMETER num_ctx {text}\n").parameters.get("num_ctx") == value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_positions_hold_in_every_encoding_and_with_every_line_end(encoding: str, newline: str) -> None:
    """A byte order mark takes no column, and CRLF ends one line."""
    text = newline.join(["# 日本語", "FROM gemma3:4b", "", "  PARAMETER num_ctx   16384", ""])
    base, context = parse(text.encode(encoding)).commands

    assert (base.line, base.column, base.value_line, base.value_column) == (2, 1, 2, 6)
    assert (context.line, context.column, context.value_line, context.value_column) == (4, 3, 4, 23)


def test_the_position_of_a_quoted_value_is_behind_the_quotes() -> None:
    """A value can be replaced at its position without touching the quotes."""
    quoted, tripled = parse('FROM "a"\nSYSTEM """b\nc"""\n').commands

    assert (quoted.value_line, quoted.value_column) == (1, 7)
    assert (tripled.value_line, tripled.value_column, tripled.value) == (2, 11, "b\nc")


@given(st.lists(word, min_size=1, max_size=5), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_value_stands_where_its_position_says(values: list[str], newline: str) -> None:
    """Any printable value is found, in the text, at the line and column of its command."""
    lines = [f"{' ' * number}LICENSE {' ' * number}{value}" for number, value in enumerate(values)]
    commands = parse(newline.join(["FROM x", *lines])).commands[1:]

    assert [command.value for command in commands] == values
    for command in commands:
        assert lines[command.value_line - 2][command.value_column - 1 :] == command.value


@given(st.one_of(st.binary(max_size=60), st.lists(pieces, max_size=20).map("".join).map(str.encode)))
def test_no_file_makes_the_parser_raise(content: bytes) -> None:
    """Whatever a file holds, it has commands or problems, and every position lies in it."""
    read = parse(content)

    assert read.commands or read.problems
    assert all(command.line >= 1 and command.value_column >= 1 for command in read.commands)


@pytest.mark.parametrize(
    "path",
    ["Modelfile", "news-creator/Modelfile.gemma3-4b-16k", "models/news.modelfile", "models/News.Modelfile"],
)
def test_modelfiles_are_known_by_their_names(path: str) -> None:
    """The four ways people name a Modelfile."""
    assert READER.matches(path)


@pytest.mark.parametrize("path", ["modelfile.py", "Modelfiles/readme.md", "docs/MyModelfile", "Dockerfile"])
def test_other_files_are_no_modelfiles(path: str) -> None:
    """A name that only looks like one is left alone."""
    assert not READER.matches(path)


def test_the_reader_reports_base_and_parameters() -> None:
    """Each FROM and each PARAMETER is a site at its value; other commands are none."""
    text = 'FROM gemma3:4b\nSYSTEM hi\nPARAMETER num_ctx 16384\nPARAMETER stop "<end_of_turn>"\nPARAMETER system hi\n'
    read = READER.read(SourceFile("m/Modelfile", text))

    assert read.sites == (
        Site("FROM", "gemma3:4b", Place("m/Modelfile", 1, 6), "modelfile-from"),
        Site("num_ctx", "16384", Place("m/Modelfile", 3, 19), "modelfile-parameter"),
        Site("stop", "<end_of_turn>", Place("m/Modelfile", 4, 17), "modelfile-parameter"),
    )
    assert not read.problems


def test_the_reader_reports_problems_but_not_what_is_merely_dropped() -> None:
    """A refused value is a problem at its place; a parameter that Ollama drops with a warning is none."""
    read = READER.read(SourceFile("Modelfile", "FROM x\nPARAMETER mirostat 1\nPARAMETER num_ctx 8k\n"))

    assert read.problems == ((Place("Modelfile", 3, 19), "'8k' is not an integer"),)


def test_a_reader_can_be_made_for_another_version() -> None:
    """What 0.30 knows is no problem to the reader for 0.30."""
    text = "FROM x\nPARAMETER draft_num_predict 4\n"

    assert not modelfile.reader_for("0.30.0").read(SourceFile("Modelfile", text)).problems
    assert READER.read(SourceFile("Modelfile", text)).problems
