"""Compose files are read as they stand: every default, literal and model name, at its own place."""

from __future__ import annotations

import pytest

from pytest_newscreator.errors import SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.sources.compose.reader import READER
from pytest_newscreator.sources.sites import Read, Site, SourceFile
from pytest_newscreator.sources.yamlnodes import render, resolve_plain


def read(text: str, path: str = "compose.yaml") -> Read:
    """Read `text` as the file at `path`."""
    return READER.read(SourceFile(path, text))


def service(body: str) -> Read:
    """Read a Compose file with one service, whose body starts in line 3, column 5."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return read(f"services:\n  app:\n{lines}")


def at(line: int, column: int) -> Place:
    """Return a place in the file that is read."""
    return Place("compose.yaml", line, column)


def test_a_literal_in_environment_is_a_value_of_its_service() -> None:
    """Numbers and booleans are written as Compose writes them."""
    assert service("environment:\n  A: gemma3:4b\n  B: 1.50\n  C: True\n  D:").sites == (
        Site("A", "gemma3:4b", at(4, 10), "compose-value", scope="app"),
        Site("B", "1.5", at(5, 10), "compose-value", scope="app"),
        Site("C", "true", at(6, 10), "compose-value", scope="app"),
    )


def test_a_default_belongs_to_its_variable_and_knows_where_it_goes() -> None:
    """`LLM_MODEL: ${SUMMARY_MODEL:-gemma3:4b}` is SUMMARY_MODEL's site, into LLM_MODEL."""
    expected = Site("SUMMARY_MODEL", "gemma3:4b", at(4, 35), "compose-default", into="LLM_MODEL", scope="app")
    assert service("environment:\n  LLM_MODEL: ${SUMMARY_MODEL:-gemma3:4b}").sites == (expected,)


@pytest.mark.parametrize(
    "line",
    [
        "A: ${X:-gemma}",
        'A: "${X:-gemma}"',
        "A: '${X-gemma}'",
        "A: 'it''s ${X:-gemma}'",
        'A: "\\u00e9\\t${X:-gemma}"',
        "A: &anchor ${X:-gemma}",
        "A: !!str ${X:-gemma}",
        "é: ${X:-gemma}",
        "{A: b, C: '${X:-gemma}'}",
        "- A=${X:-gemma}",
        "- 'A=x ${X:-gemma}'",
        "A: ${Y:-${X:-gemma}}",
    ],
)
def test_the_place_of_a_default_is_its_own_column(line: str) -> None:
    """In plain, quoted, flow and listed scalars: the file holds the default exactly there."""
    sites = [site for site in service(f"environment:\n  {line}").sites if site.setting == "X"]
    assert [(site.value, site.place) for site in sites] == [("gemma", at(4, 7 + line.index("gemma")))]


def test_a_default_in_a_block_scalar_is_found_in_its_line() -> None:
    """The second of two equal expansions is told from the first."""
    text = "configs:\n  c:\n    content: |\n      FROM ${M:-gemma}\n      # ${M:-gemma}\n"
    assert [site.place for site in read(text).sites if site.kind == "compose-default"] == [at(4, 17), at(5, 14)]


def test_build_arguments_are_settings() -> None:
    """In both forms."""
    assert service("build:\n  args: [A=b]").sites == (Site("A", "b", at(4, 16), "compose-value", scope="app"),)


def test_a_text_with_defaults_in_it_has_a_value_when_all_are_known() -> None:
    """`gemma3:${TAG:-4b}` names gemma3:4b; with an unset part nothing is known."""
    sites = service("environment:\n  A: gemma3:${TAG:-4b}\n  B: x-${TAG}").sites
    assert [(site.setting, site.value) for site in sites] == [("TAG", "4b"), ("A", "gemma3:4b")]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("command: ollama run gemma3:4b", ["gemma3:4b"]),
        ('entrypoint: ["sh", "-c", "ollama serve & ollama pull gemma3:4b && ollama cp a b"]', ["gemma3:4b", "a", "b"]),
        ('command: ["ollama", "create", "news", "-f", "Modelfile"]', ["news"]),
        ("image: ollama/ollama\ncommand: [run, gemma3:4b]", ["gemma3:4b"]),
        ('healthcheck: {test: ["CMD", "ollama", "show", "news"]}', ["news"]),
        ("command: echo run gemma3:4b", []),
    ],
)
def test_arguments_of_ollama_commands_are_model_names(body: str, names: list[str]) -> None:
    """Each at its own place: the text stands there."""
    sites = [site for site in service(body).sites if site.kind == "ollama-argument"]
    lines = ["", "services:", "  app:", *(f"    {line}" for line in body.splitlines())]
    assert [site.value for site in sites] == names
    assert all(lines[site.place.line][site.place.column - 1 :].startswith(site.value or "-") for site in sites)


def test_a_modelfile_in_a_config_names_its_base() -> None:
    """`configs.content` is as live as a file."""
    text = "configs:\n  m:\n    content: |\n      FROM gemma3:4b\n      PARAMETER num_ctx 8192\n"
    assert read(text).sites == (
        Site("FROM", "gemma3:4b", at(4, 12), "modelfile-from", scope="m"),
        Site("num_ctx", "8192", at(5, 25), "modelfile-parameter", scope="m"),
    )


def test_a_merged_anchor_is_reported_where_the_literal_stands() -> None:
    """Once for each service that uses it, always at the anchor."""
    text = "x-e: &e\n  A: b\nservices:\n  s: {environment: {<<: *e}}\n  t: {environment: {<<: *e}}\n"
    assert [(site.scope, site.place) for site in read(text).sites] == [("s", at(2, 6)), ("t", at(2, 6))]


def test_what_compose_refuses_is_a_problem_and_still_a_site() -> None:
    """`:=` is a shell's operator."""
    found = service("environment:\n  A: ${X:=d}")
    assert [(site.setting, site.value) for site in found.sites] == [("X", "d")]
    assert [place for place, _ in found.problems] == [at(4, 10)]


def test_the_names_a_file_reads_are_listed() -> None:
    """Whether they have a default or not; bare names too."""
    assert service("image: i:${TAG}\nenvironment: [B, 'C=${D:-${E}}']").reads == {"TAG", "B", "D", "E"}


@pytest.mark.parametrize(
    ("path", "text", "is_read"),
    [
        ("deploy/ai.yaml", "services: {a: {environment: {A: b}}}", True),
        ("docker-compose.prod.yml", "services: {a: {environment: {A: b}}}", True),
        ("newscreator.yaml", "services: {a: {kind: ollama, environment: {A: b}}}", False),
        ("values.yaml", "environment: {A: b}", False),
    ],
)
def test_a_compose_file_is_known_by_its_name_or_its_services(path: str, text: str, is_read: bool) -> None:
    """A contract has services too, but of its own kind."""
    assert bool(read(text, path).sites) is is_read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services:\n  a: {image: i}\n  a: {image: j}\n", r"compose.yaml:3:3: the key `a` .* compose.yaml:2:3"),
        ("a: &a [*a]", "contains itself"),
        ("- " * 1000, "nests more than"),
        ("[" * 1000, "nests more than"),
        ("a:\n\t- b", "this is no YAML"),
        ("x" * 5_000_001, "larger than"),
    ],
)
def test_a_bad_file_is_an_error_with_its_place(text: str, message: str) -> None:
    """Never a crash, never a silence."""
    with pytest.raises(SourceError, match=message):
        read(text)


def test_an_alias_bomb_is_stopped() -> None:
    """Nine levels of nine aliases are 387 million values."""
    levels = [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]" for i in range(1, 9)]
    with pytest.raises(SourceError, match="aliases expand"):
        read("\n".join(["x0: &x0 ['$A']", *levels]))


@pytest.mark.parametrize(
    "pair",
    ["1.50 1.5", "010 8", "08 8", "1_000 1000", "1e3 1000", "1e6 1e+06", "yes yes", ".inf +Inf", "22:22 22:22"],
)
def test_plain_scalars_are_written_as_go_writes_them(pair: str) -> None:
    """The rules of YAML in Go, not in Python."""
    text, rendered = pair.split()
    assert render(resolve_plain(text)) == rendered


@pytest.mark.parametrize("config", ["{source: m, target: /M}", "m"], ids=["with a target", "by its name"])
def test_a_config_that_a_hook_makes_a_model_of_says_which(config: str) -> None:
    """`ollama create NAME -f PATH`, where PATH is where the config is."""
    path = "/M" if "target" in config else "/m"
    text = (
        f"services:\n  a:\n    image: x\n    configs: [{config}]\n    post_start:\n"
        f"      - command: [ollama, create, notes, -f, {path}]\n"
        "configs:\n  m:\n    content: |\n      FROM b\n      PARAMETER num_ctx 8192\n"
    )
    sites = [site for site in READER.read(SourceFile("compose.yaml", text)).sites if site.kind.startswith("modelfile")]
    assert [(site.setting, site.value, site.model) for site in sites] == [
        ("FROM", "b", "notes"),
        ("num_ctx", "8192", "notes"),
    ]


def test_a_bomb_of_merge_keys_is_read_in_a_moment() -> None:
    """Each mapping is merged once, however often it is named: nine levels of nine would be 400 million merges."""
    lines = ["x-0: &b0 {K: v}"]
    lines += [f"x-{n}: &b{n} {{<<: [{', '.join([f'*b{n - 1}'] * 9)}]}}" for n in range(1, 10)]
    text = "\n".join([*lines, "services:", "  a:", "    image: x", "    environment: *b9", ""])
    assert [(site.setting, site.value) for site in READER.read(SourceFile("compose.yaml", text)).sites] == [("K", "v")]
