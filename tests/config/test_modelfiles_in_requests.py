"""A Modelfile that stands in a request, or in a string of code, is read as one, at its own places."""

from __future__ import annotations

import pytest

from pytest_newscreator.sources import registry
from pytest_newscreator.sources.sites import SourceFile

MODELFILE = "FROM §gemma3:4b\\nPARAMETER num_ctx §4096"
CASES = [
    ("a.sh", f"""curl $H/api/create -d '{{"model": "m", "modelfile": "{MODELFILE}"}}'\n""", "m"),
    ("a.json", f"""{{"model": "m", "modelfile": "{MODELFILE}"}}\n""", "m"),
    ("a.ts", f"""ollama.create({{model: "m", modelfile: "{MODELFILE}"}})\n""", "m"),
    ("a.rb", f"""client.create(model: "m", modelfile: "{MODELFILE}")\n""", "m"),
    ("a.ts", "const text = `FROM §gemma3:4b\nPARAMETER num_ctx §4096`\n", None),
    ("a.py", f"""requests.post(U + "/api/create", json={{"model": "m", "modelfile": "{MODELFILE}"}})\n""", "m"),
    ("a.py", f"""import ollama\nollama.create("m", modelfile="{MODELFILE}")\n""", "m"),
    ("a.py", f"""import ollama\nollama.Client().create("m", modelfile="{MODELFILE}")\n""", "m"),
    ("a.py", f"""import ollama\nTEXT = "{MODELFILE}"\nollama.create("m", modelfile=TEXT)\n""", "m"),
    (
        "a.py",
        """TEXT = \"\"\"\nFROM §gemma3:4b\nPARAMETER num_ctx §4096\n\"\"\"\nopen("Modelfile").write(TEXT)\n""",
        None,
    ),
]


def marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text without its marks, and where they were."""
    places = []
    while "§" in text:
        before, _, behind = text.partition("§")
        places.append((before.count("\n") + 1, len(before) - before.rfind("\n")))
        text = before + behind
    return text, places


@pytest.mark.parametrize(("path", "text", "model"), CASES)
def test_what_a_modelfile_says_is_found_where_it_says_it(path: str, text: str, model: str | None) -> None:
    """The base and the parameters, for the model that the request names."""
    clean, places = marked(text)
    sites = registry.read(SourceFile(path, clean), registry.readers()).sites
    found = [site for site in sites if site.kind in {"modelfile-from", "modelfile-parameter"}]
    assert [(site.place.line, site.place.column) for site in found] == places
    assert [(site.setting, site.value, site.model) for site in found] == [
        ("FROM", "gemma3:4b", model),
        ("num_ctx", "4096", model),
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", 'TEXT = """FROM the first line on\nPARAMETER names are shown"""  # modelfile\n'),
        ("a.py", 'DOCKER = "FROM gemma3:4b\\nRUN a"  # modelfile\n'),
        ("a.ts", 'const q = "SELECT model\\nFROM models"\n'),
        ("a.sh", """curl $H/api/create -d "{\\"model\\": \\"m\\", \\"modelfile\\": \\"FROM $BASE\\"}"\n"""),
    ],
)
def test_what_is_no_modelfile_or_unknown_is_silent(path: str, text: str) -> None:
    """Prose, a Dockerfile, a query, and a base that the shell puts in."""
    sites = registry.read(SourceFile(path, text), registry.readers()).sites
    assert [site for site in sites if site.kind in {"modelfile-from", "modelfile-parameter"}] == []


def test_the_items_of_httpie_are_members_of_a_body() -> None:
    """They all belong to the model that one of them names; an option and a header are no items."""
    text = "http POST $H/api/create model=m from=gemma3:4b parameters:='{\"num_ctx\": 4096}' X-A:b page==1\n"
    sites = registry.read(SourceFile("a.sh", text), registry.readers()).sites
    members = [(site.setting, site.value, site.model, site.place.column) for site in sites if site.kind == "json-body"]
    assert members == [
        ("model", "m", "m", text.index("=m ") + 2),
        ("from", "gemma3:4b", "m", text.index("gemma3") + 1),
        ("num_ctx", "4096", "m", text.index("4096") + 1),
    ]


def test_options_in_a_call_of_dict_belong_to_the_request() -> None:
    """`dict(num_ctx=4096)` says what `{"num_ctx": 4096}` says."""
    text = "import ollama\nollama.create('m', parameters=dict(num_ctx=4096))\n"
    text += "other.create('o', parameters=dict(num_ctx=1))\n"
    sites = registry.read(SourceFile("a.py", text), registry.readers()).sites
    told = [(site.value, site.model, str(site.place)) for site in sites if site.setting == "num_ctx"]
    assert told == [("4096", "m", "a.py:2:44"), ("1", None, "a.py:3:43")]


def test_the_pairs_of_scala_and_kotlin_are_settings() -> None:
    """An arrow and a word stand where others have a colon."""
    for path, text in [
        ("a.scala", 'val e = Map("LLM_MODEL" -> "gemma3:4b", "LLM_NUM_CTX" -> "4096", "b" -> "c")\n'),
        ("a.kt", 'val e = mapOf("LLM_MODEL" to "gemma3:4b", "LLM_NUM_CTX" to "4096", "b" to "c")\n'),
    ]:
        sites = registry.read(SourceFile(path, text), registry.readers()).sites
        told = [(site.setting, site.value, site.place.column) for site in sites if site.setting]
        assert told == [
            ("LLM_MODEL", "gemma3:4b", text.index("gemma3") + 1),
            ("LLM_NUM_CTX", "4096", text.index("4096") + 1),
        ]
