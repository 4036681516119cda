"""A template is read as what it is a template of: what it gives for sure counts, and what fills it in is not known."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.source.defaults import DEFAULT
from pytest_newscreator.sources import registry
from pytest_newscreator.sources.sites import SourceFile
from pytest_newscreator.sources.templates import template_of

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack

CONTRACT = """\
version: 1
models:
  chat: {base: "gemma3:4b-it-qat", retired: ["gemma3:4b"]}
services:
  app: {kind: http, url: "http://localhost:1", settings: {LLM_MODEL: {model: chat}, LLM_NUM_CTX: 8192}}
"""
_MARKED = re.compile(r"«(.*?)»")

# In «» stand the values that must be found; every other one must not be.
FILES = {
    "a.html.j2": """\
{{ m or "«gemma3:4b»" }} {# "gemma3:4b" #}
{% if m == "gemma3:4b" %}x{% endif %}
{% set x = "«gemma3:4b»" if a is b else "«gemma3:4b»" %}
""",
    "a.yml.j2": """\
model: {{ m | default("«gemma3:4b»") }}
other: "{{ m or '«gemma3:4b»' }}"
plain: «gemma3:4b»
LLM_NUM_CTX: {{ context }}
{% if small %}
env: {LLM_NUM_CTX: "«4096»"}
{% endif %}
""",
    "broken.compose.yml.j2": "a: b: c\n  - LLM_MODEL: «gemma3:4b»\n{{ rest }}\n",
    "compose.yml.j2": """\
services:
  app:
    image: a
    environment:
      LLM_NUM_CTX: «4096»
      LLM_MODEL: ${LLM_MODEL:-«gemma3:4b»}
      URL: {{ url }}
""",
    "app.env.j2": """\
LLM_MODEL={{ model | default("«gemma3:4b»") }}
LLM_NUM_CTX={{ context | default(«4096») | int }}
LLM_NUM_CTX={{ context | default(4096) * 2 }}
LLM_NUM_CTX={{ context | default(8192) }}
A={{ user }}gemma3:4b
B={{ "gemma3:" ~ (size | default("4b")) }}
""",
    "env.j2": """\
LLM_MODEL={{ lookup("env", "LLM_MODEL") }}
{% if small %}
LLM_NUM_CTX=«4096»
{% else %}
LLM_NUM_CTX=8192
{% endif %}
LLM_MODEL={% if a %}gemma3:4b-it-qat{% else %}«gemma3:12b»{% endif %}
{% if small %}LLM_NUM_CTX=«4096»{% endif %}
""",
    "start.sh.j2": """\
#!/bin/sh
ollama pull «gemma3:4b»
ollama pull {{ model | default("«gemma3:4b»") }}
: "${LLM_NUM_CTX:=«4096»}"
export LLM_MODEL={{ model }}
""",
    "app.env.tmpl": """\
LLM_MODEL={{ .Model | default "«gemma3:4b»" }}
LLM_NUM_CTX={{ or .Context "«4096»" }}
A={{ if eq .Model "gemma3:4b" }}x{{ end }}
""",
    "prod.env.tpl": "LLM_NUM_CTX=«4096»\n",
    "app.yaml.erb": """\
LLM_NUM_CTX: "<%= ENV.fetch("LLM_NUM_CTX", "«4096»") %>"
model: <%= @model || "«gemma3:4b»" %>
<% if @model == "gemma3:4b" %>
<% end %>
""",
    "prompt.tpl": "use gemma3:4b no more\nmodel = «gemma3:4b»\n",
    "a.mustache": '{{#a}}\nmodel: «gemma3:4b»\n{{! "gemma3:4b" }}\n{{/a}}\n',
    "a.conf.template": "model=«gemma3:4b»\nLLM_NUM_CTX=${LLM_NUM_CTX:-«4096»}\n",
    "a.gotmpl": '{{ $model := "«gemma3:4b»" }}\n',
    "Dockerfile.j2": "FROM {{ base }}\nENV LLM_NUM_CTX=«4096» LLM_MODEL={{ model }}\n",
    "settings.py.j2": """\
import os
M = os.getenv("LLM_MODEL", "{{ model | default('«gemma3:4b»') }}")
N = {{ n }}
""",
    "settings.json.example": '{"model": "«gemma3:4b»"}\n',
    ".env.dist": "LLM_NUM_CTX=«4096»\n",
    "README.md.j2": "model: gemma3:4b\n",
    "conftest.py.j2": 'M = "gemma3:4b"\n',
}


@pytest.fixture
def small(stack: Stack, tmp_path: Path) -> Stack:
    """Make a repository of a contract and nothing else."""
    made = replace(stack, root=tmp_path / "small")
    made.write("newscreator.yaml", CONTRACT)
    return made


@pytest.mark.parametrize(("path", "text"), FILES.items(), ids=FILES)
def test_a_template_says_what_it_gives_for_sure_and_nothing_else(small: Stack, path: str, text: str) -> None:
    """Each wrong value is found once, at its own column, and no placeholder is taken for a value or a fault."""
    path = f"deploy/{path}"
    small.write(path, _MARKED.sub(r"\1", text))
    marks = [
        f"{path}:{number}:{mark.start() + 1 - 2 * count}"
        for number, line in enumerate(text.split("\n"), 1)
        for count, mark in enumerate(_MARKED.finditer(line))
    ]
    found = [str(place) for _, place in small.wrong(DEFAULT)]
    assert found == marks
    assert not small.repository().reads.get(path, registry.Read()).problems


@pytest.mark.parametrize(
    ("path", "inner"),
    [
        ("a/c.yml.j2", "a/c.yml"),
        ("a/env.j2", "a/.env"),
        (".env.example", ".env"),
        ("app.env.TMPL", "app.env"),
        ("a/Modelfile.tmpl", "a/Modelfile"),
        ("model.tpl", "model.ini"),
        ("a.example", "a"),
        ("a.yaml", None),
        ("j2", None),
        (".j2", None),
        ("a.j2/b", None),
    ],
)
def test_the_ending_before_the_last_says_what_a_template_is_of(path: str, inner: str | None) -> None:
    """One that says nothing is read by its lines."""
    assert template_of(path) == inner


def test_a_file_that_is_only_copied_keeps_its_faults(small: Stack) -> None:
    """Nothing fills in a `.example`, so that what its reader cannot read is told."""
    small.write("deploy/a.yaml.example", "model: a: b\n")
    assert small.repository().reads["deploy/a.yaml.example"].problems


def test_a_compose_file_that_is_only_copied_counts_where_it_is_loaded(small: Stack) -> None:
    """An example of an override is no way of starting the stack."""
    text = "services:\n  app:\n    image: a\n    environment: {LLM_NUM_CTX: 4096}\n"
    small.write("compose.override.yaml.example", text)
    assert not small.wrong(DEFAULT)


@pytest.mark.parametrize(
    "text", ["{{" * 30_000, "{% " * 30_000 + "%}", "{{ x }}" * 5_000, "A={% if a %}" * 2_000 + "\n"]
)
def test_no_template_breaks_the_reading(text: str) -> None:
    """Openings without an end, and ends without a beginning, hide nothing behind them."""
    read = registry.read(SourceFile("a.env.j2", f"{text}\nLLM_MODEL=gemma3:4b\n"), registry.readers())
    assert "gemma3:4b" in {site.value for site in read.sites}


def test_a_reader_of_somebody_else_reads_a_template_as_it_stands() -> None:
    """Who knows a kind of template by its name needs no help."""
    seen: list[str] = []

    def kept(source: SourceFile) -> registry.Read:
        seen.append(source.text)
        return registry.Read()

    reader = registry.Reader("mine", lambda path: path.endswith(".tmpl"), kept)
    registry.read(SourceFile("a.tmpl", "{{ x }}"), (*registry.readers(), reader))
    assert seen == ["{{ x }}"]
