"""What code only recognises is no use of a name; what it assigns, returns, calls or maps to is one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.sources import registry
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.sources.sites import SourceFile

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack

HELD, USED = "gemma3:4b", "gemma3:1b"

# gemma3:4b is only held against something, gemma3:1b is used; each as often as it stands there.
CODE = {
    "a.sh": """\
case "$m" in
  gemma3:4b | "gemma3:4b") m=gemma3:1b ;;
  *) ask gemma3:1b ;;
esac
if [ "$m" = gemma3:4b ] || [ gemma3:4b != "$m" ]; then :; fi
[[ $m == gemma3:4b && $m != "gemma3:4b" ]] && test "$m" = 'gemma3:4b'
for m in gemma3:1b; do :; done
[ "$m" = "${OLD:-gemma3:1b}" ]
ollama list | grep -q gemma3:4b || ask gemma3:1b
if grep -e gemma3:4b models.txt; then :; fi
until ollama list | grep -q gemma3:1b; do sleep 1; done
ollama list | grep -q gemma3:1b || exit 1
sh -c "ollama list | grep gemma3:4b"
""",
    "a.py": """\
RENAMED = {"gemma3:4b": "gemma3:1b", "gemma3:4b": NEW}
OFFERED = {"gemma3:1b": {"num_ctx": 1}, "gemma3:1b": True, "gemma3:1b": 8192}
if model == "gemma3:4b" or "gemma3:4b" != model:
    model = "gemma3:1b"
if model in ("gemma3:4b", "gemma3:4b") or model not in frozenset({"gemma3:4b"}) or "gemma3:4b" in models:
    pull("gemma3:1b")
match model:
    case "gemma3:4b" | "gemma3:4b":
        pull("gemma3:1b")
    case {"model": "gemma3:4b"}:
        pass
assert model != "gemma3:4b"
model = model.replace("gemma3:4b", "gemma3:1b") if model.startswith("gemma3:4b") else model
re.match(r"gemma3:4b", model), re.compile("gemma3:4b"), client.match("gemma3:1b"), client.search("gemma3:1b")
fnmatch(model, "gemma3:4b") or fnmatch.fnmatch(model, "gemma3:4b") or operator.eq(model, "gemma3:4b")
names.index("gemma3:4b"), names.remove("gemma3:4b"), names.count("gemma3:4b"), "gemma3:4b".split(":")
model.replace("gemma3:4b", NEW), client.replace("gemma3:1b"), store.replace("gemma3:1b", document)
LABELS = {"gemma3:1b": "Gemma 3 1B (default)", "gemma3:4b": "is deprecated, take another one"}
for model in ("gemma3:1b", "gemma3:1b"):
    pull("gemma3:1b" if model == "gemma3:4b" else "gemma3:1b")
""",
    "a.go": """\
switch m { case "gemma3:4b", "gemma3:4b": f("gemma3:1b") }
if m == "gemma3:4b" || "gemma3:4b" != m { m = "gemma3:1b" }
var x = map[string]string{"gemma3:4b": "gemma3:1b"}
for _, m := range []string{"gemma3:1b"} { }
if strings.EqualFold(m, "gemma3:4b") { }
m = strings.ReplaceAll(m, "gemma3:4b", "gemma3:1b")
""",
    "a.ts": """\
switch (m) { case "gemma3:4b": return "gemma3:1b" }
const o = {"gemma3:4b": "gemma3:1b", "gemma3:1b": {}, "gemma3:1b": true, "gemma3:1b": 1}
if (["gemma3:4b"].includes(m) || m !== 'gemma3:4b') { }
for (const m of ["gemma3:1b"]) { }
const q = c ? "gemma3:1b" : "gemma3:1b"
ollama.chat({model: "gemma3:1b"})
o["gemma3:4b"] = "gemma3:1b"
m.replace("gemma3:4b", "gemma3:1b"); m.replaceAll("gemma3:4b", `${n}`); m.replace("gemma3:4b", NEW)
client.replace("gemma3:1b"); store.replace("gemma3:1b", doc); client.replaceModel("gemma3:1b")
assertPulled("gemma3:1b"); assertEquals("gemma3:4b", m); expect(m).toBe("gemma3:4b")
const labels = {"gemma3:1b": "Gemma 3 1B (default)", "gemma3:4b": "no longer offered"}
""",
    "pod.yaml": """\
livenessProbe: {exec: {command: [sh, -c, "ollama list | grep -q gemma3:1b"]}}
steps: [{run: "ollama list | grep -q gemma3:4b && ask gemma3:1b"}]
""",
    "healthcheck.sh": """\
ollama list | grep -q gemma3:1b
[ "$m" = gemma3:4b ]
""",
    "a.scala": """\
val env = Map("MODEL" -> "gemma3:1b", "B" -> "8192")
val renamed = Map("a:1b" -> "gemma3:1b", "gemma3:4b" -> "gemma3:1b")
m match { case "gemma3:4b" | "gemma3:4b" => f("gemma3:1b") }
""",
    "a.fish": """\
if test "$m" = "gemma3:4b"; or [ $m != "gemma3:4b" ]; end
set m "gemma3:1b"
""",
    "a.rs": """\
match m { "gemma3:4b" | "gemma3:4b" => { f("gemma3:1b") } _ => "gemma3:1b" }
if matches!(m, "gemma3:4b") || m == "gemma3:4b" { }
for m in ["gemma3:1b", "gemma3:1b"] { }
""",
    "A.java": """\
if (m.equals("gemma3:4b") || "gemma3:4b".equals(m)) { m = "gemma3:1b"; }
if (Set.of("gemma3:4b").contains(m)) { List.of("gemma3:1b").forEach(x); }
return switch (m) { case "gemma3:4b", "gemma3:4b" -> "gemma3:1b"; default -> m; };
""",
    "a.rb": """\
case m
when "gemma3:4b", "gemma3:4b" then f("gemma3:1b")
end
x = {"gemma3:4b" => "gemma3:1b"}
y = 1 if ["gemma3:4b"].include?(m) || m.start_with?("gemma3:4b")
for m in ["gemma3:1b"] do f(m) end
""",
    "a.kt": """\
when (m) { "gemma3:4b", "gemma3:4b" -> f("gemma3:1b") }
if (m in listOf("gemma3:4b")) { }
val x = mapOf("gemma3:4b" to "gemma3:1b")
for (m in listOf("gemma3:1b")) { }
""",
    "a.ex": """\
def f("gemma3:4b"), do: "gemma3:1b"
case m do
  "gemma3:4b" -> "gemma3:1b"
end
x = %{"gemma3:4b" => "gemma3:1b"}
if m in ["gemma3:4b"], do: g("gemma3:1b")
def chat(model \\\\ "gemma3:1b"), do: model
""",
    "a.php": """\
<?php
if ($m === "gemma3:4b" || in_array($m, ["gemma3:4b"])) { $m = "gemma3:1b"; }
$x = ["gemma3:1b", "gemma3:4b" => "gemma3:1b"];
$y = str_replace("gemma3:4b", "gemma3:1b", $m);
""",
    "a.lua": """\
if m == "gemma3:4b" or m ~= "gemma3:4b" then m = "gemma3:1b" end
local x = { ["gemma3:4b"] = "gemma3:1b" }
""",
    "a.sql": """\
UPDATE t SET m = 'gemma3:1b' WHERE m = 'gemma3:4b' OR m IN ('gemma3:4b');
INSERT INTO t VALUES ('gemma3:1b');
""",
    "a.tf": """\
locals { x = var.m == "gemma3:4b" ? "gemma3:1b" : "gemma3:1b" }
variable "m" {
  default = "gemma3:1b"
  validation { condition = contains(["gemma3:4b"], var.m) }
}
""",
    "a.hs": 'f m | m == "gemma3:4b" = "gemma3:1b"\ng m = case m of\n  "gemma3:4b" -> "gemma3:1b"\n',
    "a.ml": """\
let m = "gemma3:1b" in
if m = "gemma3:4b" then "gemma3:1b" else match m with "gemma3:4b" -> 1 | "gemma3:4b" -> 2
""",
    "a.swift": """\
switch m { case "gemma3:4b": f("gemma3:1b") }
let x = ["gemma3:4b": "gemma3:1b"]
for m in ["gemma3:1b"] { }
""",
    "a.cs": """\
var r = m switch { "gemma3:4b" => "gemma3:1b" };
if (string.Equals(m, "gemma3:4b") || m is "x" or "y") { m = "gemma3:1b"; }
""",
    "a.r": 'if (m == "gemma3:4b" || m %in% c("gemma3:4b")) "gemma3:1b" -> m\n',
    "a.clj": '(when (= m "gemma3:4b") (ask "gemma3:1b"))\n',
    "a.erl": 'known("gemma3:4b") -> "gemma3:1b";\nknown(M) when M =:= "gemma3:4b" -> M.\n',
}


@pytest.mark.parametrize(("path", "text"), CODE.items(), ids=CODE)
def test_what_is_only_compared_is_told_from_what_is_used(path: str, text: str) -> None:
    """One kind of site says it for every language."""
    sites = registry.read(SourceFile(path, text), registry.readers()).sites
    held = {site.place for site in sites if site.kind == "compared" and site.value == HELD}
    used = {site.place for site in sites if site.kind != "compared" and site.value == USED}
    wrong = [site for site in sites if site.value in {HELD, USED} and site.place not in held | used]
    assert (wrong, len(held), len(used)) == ([], text.count(HELD), text.count(USED))


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("ollama/gemma3:4b", "ollama/"),
        ("ollama_chat/gemma3:4b", "ollama_chat/"),
        ("openai/gemma3:4b", "openai/"),
        ("ollama:gemma3:4b", "ollama:"),
        ("ollama://gemma3:4b", "ollama://"),
        ("ollama:chat:gemma3:4b", "ollama:chat:"),
        ("litellm/ollama/gemma3:4b", "litellm/ollama/"),
        ("ollama/someuser/gemma3:4b", "ollama/"),
        ("ollama:chat", "ollama:"),
        ("gemma3:4b", ""),
        ("someuser/gemma3:4b", ""),
        ("myollama/gemma3:4b", ""),
        ("registry.ollama.ai/library/gemma3:4b", ""),
        ("ollama.com/library/gemma3:4b", ""),
        ("ollama/", ""),
        ("ollama", ""),
        ("", ""),
    ],
)
def test_a_provider_is_told_from_a_namespace(text: str, provider: str) -> None:
    """Other programs put one in front of the name that they hand on."""
    assert names.provider(text) == provider


CONTRACT = "version: 1\nmodel:\n  base: gemma3:4b-it-qat\n  retired: [{}]\n"
SETTING = "services:\n  app: {{kind: http, compose: app, settings: {{LITELLM_MODEL: {}}}}}\n"


@pytest.fixture
def small(stack: Stack, tmp_path: Path) -> Stack:
    """Make a repository of a small contract and nothing else."""
    made = replace(stack, root=tmp_path / "small")
    made.write("newscreator.yaml", CONTRACT.format("gemma3:4b"))
    return made


def headlines(stack: Stack) -> list[str]:
    """Return what a repository is told."""
    return [one.headline for one in stack.broken()]


@pytest.mark.parametrize("text", ["ollama/gemma3:4b", "ollama:gemma3:4b", "ollama_chat/library/gemma3:4b"])
def test_a_retired_name_behind_a_provider_is_found_at_the_name(small: Stack, text: str) -> None:
    """What is wrong is the name, and the provider stays as it is."""
    small.write("litellm.yaml", f"model: {text}\n")
    (told,) = headlines(small)
    provider = names.provider(text)
    assert told.startswith(f"litellm.yaml:1:{8 + len(provider)}: model names {text.removeprefix(provider)}, which")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pull.sh", "#!/bin/sh\nollama pull ollama/gemma3:4b\n"),
        ("pod.yaml", "containers: [{image: ollama/gemma3:4b}]\n"),
        ("litellm.yaml", "model: ollama/someuser/gemma3:4b\n"),
        ("litellm.yaml", "model: someuser/gemma3:4b\n"),
        ("litellm.yaml", "model: ollama/gemma3:4b-it-qat\n"),
        ("litellm.yaml", "model: groq/gemma3:4b\n"),
    ],
)
def test_a_namespace_keeps_its_meaning(small: Stack, path: str, text: str) -> None:
    """An argument of `ollama` and the name of an image have no provider, and somebody's model is another one."""
    small.write(path, text)
    assert headlines(small) == []


def test_a_model_that_is_declared_with_its_namespace_is_that_model(small: Stack) -> None:
    """Whoever has a model in the namespace `ollama` says so in the contract."""
    small.write("newscreator.yaml", CONTRACT.format("gemma3:4b").replace("gemma3:4b-it-qat", "ollama/gemma3:4b"))
    small.write("litellm.yaml", "model: ollama/gemma3:4b\n")
    assert headlines(small) == []


def test_a_setting_with_a_provider_is_wrong_behind_it(small: Stack) -> None:
    """Where the contract declares the provider too, the name alone is compared and shown."""
    small.write("newscreator.yaml", CONTRACT.format("llama3:8b") + SETTING.format("ollama/gemma3:4b-it-qat"))
    compose = "services:\n  app:\n    image: i:1\n    environment:\n      LITELLM_MODEL: ollama/{}\n"
    small.write("compose.yaml", compose.format("mistral:7b"))
    told = [line for line in headlines(small) if line.startswith("compose.yaml:5:29: LITELLM_MODEL is mistral:7b")]
    small.write("compose.yaml", compose.format("gemma3:4b-it-qat"))
    assert (len(told), [line for line in headlines(small) if "LITELLM_MODEL" in line]) == (1, [])


BROKEN = {
    "a tab": "on: push\nenv:\n\tMODEL: gemma3:4b # gemma3:4b\nname: gemma3:4b is gone\n",
    "a key twice": "MODEL: gemma3:4b\nname: a\nname: b\n",
    "an open bracket": "a: [1\nMODEL: 'gemma3:4b'\n",
    "a template": '{{ .Values.a }}: {{ .b }}: [\nMODEL: "gemma3:4b"\n',
    "a default in a template": '{{ .Values.a }}: [\nMODEL: {{ .Values.b | default "gemma3:4b" }}\n',
    "an element of a list": "\t- x\n- gemma3:4b\n- [gemma3:4b-it-qat, x]\n",
    "brackets": "\ta: b\nmodels: [x, {name: gemma3:4b}]\n",
    "a placeholder": "\ta: b\nmodel: ${MODEL:gemma3:4b}\n",
    "a script": "\ta: b\nsteps:\n  - run: |\n      # gemma3:4b\n      ollama pull gemma3:4b\n  - name: x\n",
    "a script of one line": "\ta: b\nrun: echo x && ollama pull gemma3:4b\n",
    "a variable of a list": "\ta: b\nenv:\n  - MODEL=gemma3:4b\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_yaml_that_cannot_be_parsed_still_says_its_names(small: Stack, text: str) -> None:
    """One finding for the name, at its place; comments and prose stay silent."""
    small.write("app.yaml", text)
    place = [line for line in headlines(small) if "is retired" in line]
    lines = [number for number, line in enumerate(text.split("\n"), 1) if "gemma3:4b" in line.partition("#")[0]]
    number = next(at for at in lines if "is gone" not in text.split("\n")[at - 1])
    column = text.split("\n")[number - 1].index("gemma3:4b") + 1
    assert [line.partition(": ")[0] for line in place] == [f"app.yaml:{number}:{column}"]


def test_what_is_no_yaml_stays_a_problem_of_its_file() -> None:
    """That its names are read does not make it right, unless it is a template."""
    broken = registry.read(SourceFile("a.yaml", "MODEL: gemma3:4b\nb: [\n"), registry.readers())
    template = registry.read(SourceFile("a.yaml", "MODEL: gemma3:4b\n{{ x }}: [\n"), registry.readers())
    assert (len(broken.problems), len(template.problems)) == (1, 0)
    assert [site.value for site in broken.sites] == [site.value for site in template.sites] == ["gemma3:4b"]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ('int(os.getenv("X", "8_192"))', "8192"),
        ('float(os.environ.get("X") or "1_000.5")', "1000.5"),
        ('int(os.environ.get("X", "8_192").strip())', "8192"),
        ('config("X", default="8_192", cast=int)', "8192"),
        ('int(os.getenv("X", "8__192"))', "8__192"),
        ('int(os.getenv("X", "_8192"))', "_8192"),
        ('os.getenv("X", "8_192")', "8_192"),
        ('str(os.getenv("X", "8_192"))', "8_192"),
        ('os.getenv("X", 8_192)', "8192"),
    ],
)
def test_digits_in_groups_are_a_number_where_python_makes_one(code: str, value: str) -> None:
    """`int()` and `float()` pass over single underscores between digits, nothing else does."""
    text = f"import os\nfrom decouple import config\nA = {code}\n"
    (site,) = [one for one in registry.read(SourceFile("a.py", text), registry.readers()).sites if one.setting == "X"]
    assert site.value == value
