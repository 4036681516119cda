"""Shell scripts are read as the shell would read them: each value at its own place, and nothing that is none."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_newscreator.places import Place
from pytest_newscreator.sources.shell import reader as shell
from pytest_newscreator.sources.sites import Read, SourceFile

BASH = shutil.which("bash") or ""
needs_bash = pytest.mark.skipif(not BASH, reason="bash is not installed: it is the oracle here")
ATOMS = [
    *(
        "a",
        "b:4b",
        "日本",
        "-",
        "=",
        ".",
        "/",
        "{x}",
        "\\'",
        "'q r'",
        '"d q"',
        '"\\"x"',
        "'$N'",
        "$'a\\tb'",
        '"\\$x\\\\y\\z"',
    ),
    *("${U:-def}", "${U-def}", '"${U:-in ner}"', "${U:-${W:-ww}}", "\"${U:-'sq'}\"", '${U:-"dq"}', "${U:-'s q'}"),
    '"a${U:-b}c"',
]

names = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
values = st.from_regex(r"[a-z0-9][a-z0-9:./_-]{0,12}", fullmatch=True)
comments = st.text(alphabet="日本語 aé😀", max_size=12)


def read(text: str, path: str = "start.sh") -> Read:
    """Read a script."""
    return shell.read(SourceFile(path, text))


def told(text: str, *, literals: bool = False) -> list[str]:
    """Return the sites of a script, a line each: place, kind, what gets which value."""
    found = []
    for site in read(text).sites:
        if literals or site.kind != "literal":
            into = f" into {site.into}" if site.into else ""
            place = f"{site.place.line}:{site.place.column}"
            found.append(f"{place} {site.kind} {site.setting or '-'}={site.value}{into}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X=d\n", ["1:3 shell-assignment X=d"]),
        ("  export X=d\n", ["1:12 shell-assignment X=d"]),
        ("export X=\"d e\" Y='f'\n", ["1:11 shell-assignment X=d e", "1:19 shell-assignment Y=f"]),
        ("readonly X=8192\n", ["1:12 shell-assignment X=8192"]),
        ("X=1 Y=2\n", ["1:3 shell-assignment X=1", "1:7 shell-assignment Y=2"]),
        ("X=\n", ["1:3 shell-assignment X="]),
        ("X=\"a\"'b'c\n", ["1:4 shell-assignment X=abc"]),
        ("X=a\\ b\n", ["1:3 shell-assignment X=a b"]),
        ('X="say \\"hi\\""\n', ['1:4 shell-assignment X=say "hi"']),
        ("ARR[0]=d\n", ["1:8 shell-assignment ARR=d"]),
        ("if true; then\n\tX=d\nfi\n", ["2:4 shell-assignment X=d"]),
        ("X=d ollama serve\n", ["1:3 shell-assignment X=d"]),
    ],
)
def test_an_assignment_is_a_site_at_its_value(text: str, expected: list[str]) -> None:
    """Quotes are no part of the value, and the place is behind them."""
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('export X="${X:-d}"\n', ["1:16 shell-default X=d into X"]),
        ("X=${Y-d}\n", ["1:7 shell-default Y=d into X"]),
        (': "${X:=gemma3:4b}"\n', ["1:9 shell-default X=gemma3:4b"]),
        ("echo ${X=d}\n", ["1:10 shell-default X=d"]),
        ('X="${Y:-"q r"}"\n', ["1:10 shell-default Y=q r into X"]),
        ("X=\"${Y:-'q'}\"\n", ["1:9 shell-default Y='q' into X"]),
        ("X=${Y:-'q r'}\n", ["1:9 shell-default Y=q r into X"]),
        ("X=${Y:-}\n", ["1:8 shell-default Y= into X"]),
        ("exec x --port ${ARR[1]:-80}\n", ["1:25 shell-default ARR=80"]),
    ],
)
def test_a_default_is_a_site_of_the_variable_that_is_expanded(text: str, expected: list[str]) -> None:
    """It goes into the variable it is assigned to where it is the whole right-hand side."""
    assert told(text) == expected


def test_nested_defaults_are_a_site_for_each_name() -> None:
    """The innermost literal is what every name of the chain falls back on."""
    assert told('M="${A:-${B:-${C:-gemma3:4b}}}"\n') == [
        "1:19 shell-default A=gemma3:4b into M",
        "1:19 shell-default B=gemma3:4b into M",
        "1:19 shell-default C=gemma3:4b into M",
    ]


def test_a_default_composed_of_defaults_is_told_as_a_whole() -> None:
    """A model name split in two defaults is still a model name."""
    assert told('M="${NAME:-gemma3}:${TAG:-4b}"\n') == [
        "1:12 shell-assignment M=gemma3:4b",
        "1:12 shell-default NAME=gemma3",
        "1:27 shell-default TAG=4b",
    ]


def test_a_positional_default_belongs_to_the_variable_it_goes_into() -> None:
    """`${1:-d}` has no name of its own."""
    assert told("f() {\n  local model=${1:-gemma3:4b}\n}\n") == ["2:20 shell-default model=gemma3:4b into model"]


def test_an_empty_default_in_a_test_is_a_guard_and_no_default() -> None:
    """Under `set -u`, `${X:-}` only asks whether X is set."""
    assert told('if [ -z "${X:-}" ]; then exit 1; fi\n') == []


@pytest.mark.parametrize(
    "value", ["$(date)", "`date`", "$((1 + 2))", '"pre-$Y"', "${Y%.*}", "${#Y}", "${Y:+alt}", "${Y:0:3}"]
)
def test_a_value_that_only_running_can_tell_is_none(value: str) -> None:
    """The site is there, because the name is given a value here."""
    (site,) = (found for found in read(f"X={value}\n").sites if found.kind == "shell-assignment")
    assert (site.setting, site.value) == ("X", None)


def test_a_rename_hands_the_other_name_on() -> None:
    """`export A="$B"` has no default, but says that B becomes A."""
    assert told('export A="$B"\n') == ["1:11 shell-default B=None into A"]


def test_appending_to_a_variable_leaves_its_value_unknown() -> None:
    """What stood there before is part of it."""
    assert told("X+=d\n") == ["1:4 shell-assignment X=None"]


def test_each_element_of_an_array_is_a_site_of_the_array() -> None:
    """Comments between the elements are none of them."""
    script = 'MODELS=(\n  "gemma3:4b"  # 古い\n  \'gemma3-4b-16k:Modelfile.16k\' b\n  "$X")\ndeclare -A M=([a]="c")\n'
    assert told(script) == [
        "2:4 shell-assignment MODELS=gemma3:4b",
        "3:4 shell-assignment MODELS=gemma3-4b-16k:Modelfile.16k",
        "3:33 shell-assignment MODELS=b",
        "4:4 shell-assignment MODELS=None",
        "5:20 shell-assignment M=c",
    ]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("ollama run gemma3:4b 'hello there'", ["1:12 ollama-argument -=gemma3:4b"]),
        ('ollama pull "gemma3:4b" >/dev/null 2>&1 &', ["1:14 ollama-argument -=gemma3:4b"]),
        ("ollama create -f Modelfile.16k gemma3-4b-16k", ["1:32 ollama-argument -=gemma3-4b-16k"]),
        ("ollama cp a b", ["1:11 ollama-argument -=a", "1:13 ollama-argument -=b"]),
        ("ollama rm a b", []),
        ("ollama run --format json gemma3:4b hi", ["1:26 ollama-argument -=gemma3:4b"]),
        ("/usr/bin/ollama show gemma3:4b", ["1:22 ollama-argument -=gemma3:4b"]),
        ('"$BIN"/ollama show gemma3:4b', ["1:20 ollama-argument -=gemma3:4b"]),
        ("ollama stop gemma3:4b", []),
        ("docker compose exec -T backend ollama pull gemma3:4b", ["1:44 ollama-argument -=gemma3:4b"]),
        ("timeout 60 ollama pull gemma3:4b || true", ["1:24 ollama-argument -=gemma3:4b"]),
        ("if ! ollama show gemma3:4b; then :; fi", ["1:18 ollama-argument -=gemma3:4b"]),
        ("docker exec b sh -c 'sleep 1; ollama pull gemma3:4b'", ["1:43 ollama-argument -=gemma3:4b"]),
        (
            'bash -lc "ollama pull ${M:-gemma3:4b}"',
            ["1:28 shell-default M=gemma3:4b", "1:28 ollama-argument -=gemma3:4b"],
        ),
        ("bash -euo pipefail -c 'ollama pull gemma3:4b'", ["1:36 ollama-argument -=gemma3:4b"]),
        ('run() { "$@"; }; run ollama pull gemma', ["1:34 ollama-argument -=gemma"]),
        ("bash -s <<EOF\nollama pull gemma\nEOF", ["2:13 ollama-argument -=gemma"]),
        ('ollama pull "$MODEL"', []),
        ("ollama serve gemma3:4b", []),
        ("echo ollama pull gemma3:4b", []),
        ("ollama list", []),
    ],
)
def test_the_names_given_to_ollama_are_sites(command: str, expected: list[str]) -> None:
    """Also behind another command, and inside the script that `sh -c` is given."""
    assert told(f"{command}\n") == expected


def test_the_calls_of_ollama_are_listed_with_their_modelfile() -> None:
    """What cannot be known is `None`, so that a loop over names is seen as one."""
    script = 'build() {\n  ollama create "$n" -f "/m/$f"\n}\nollama create n16 -f Modelfile.16k\n'
    first, second = shell.ollama_calls(SourceFile("a.sh", script))
    assert (first.verb, first.names, first.modelfile, first.scope) == ("create", (None,), None, "build")
    assert (second.names, second.modelfile, second.place) == (("n16",), "Modelfile.16k", Place("a.sh", 4, 1))


def test_a_json_body_given_to_curl_is_read_at_any_depth() -> None:
    """Model and options are sites; the prompt's own quotes do not confuse it."""
    script = (
        'curl -s "$URL" -d \'{"model":"gemma3:4b","prompt":"say \\"model\\": \\"x\\"","options":{"num_ctx":8192}}\'\n'
        'curl --data-raw="{\\"num_batch\\": 512, \\"stream\\": false}" "$URL"\n'
        'curl -d\'{"model":"\'"$M"\'","temperature":0.15}\' "$URL"\n'
    )
    assert told(script) == [
        "1:30 json-body model=gemma3:4b",
        '1:51 json-body prompt=say "model": "x"',
        "1:94 json-body num_ctx=8192",
        "2:34 json-body num_batch=512",
        "2:51 json-body stream=false",
        "3:41 json-body temperature=0.15",
    ]


def test_a_json_body_in_a_here_document_is_read_with_its_defaults() -> None:
    """A pipe to curl behind the delimiter is the usual form."""
    script = 'cat <<EOF | curl -d @- "$URL"\n{"model": "gemma3:4b",\n "num_ctx": ${N:-8192}, "num_batch": $B}\nEOF\n'
    assert told(script) == [
        "2:12 json-body model=gemma3:4b",
        "3:18 json-body num_ctx=8192",
        "3:18 shell-default N=8192",
    ]


def test_escapes_in_a_here_document_hide_no_expansion() -> None:
    """A template's own dollar signs are escaped, the shell's are not."""
    script = (
        'cat >"$F" <<EOF\nFROM ${M:-gemma3:4b}\nTEMPLATE """{{ range \\$i, \\$m := .Messages }}"""\n'
        'PARAMETER stop "<end>"\nPARAMETER num_ctx $N\nEOF\n'
    )
    assert told(script) == [
        "2:11 modelfile-from M=None into FROM",
        "2:11 shell-default M=gemma3:4b",
        "4:17 modelfile-parameter stop=<end>",
        "5:19 modelfile-parameter N=None into num_ctx",
    ]
    assert read(script).reads == frozenset("FMN")


def test_settings_handed_to_another_command_are_sites() -> None:
    """`docker run -e X=d` and a dotenv file that is written give X a value too."""
    script = "docker run -e NUM_CTX=8192 --name=b img\ncat > .env <<EOF\nLLM_MODEL='gemma3:4b'\nEOF\n"
    assert told(script) == ["1:23 shell-assignment NUM_CTX=8192", "3:12 shell-assignment LLM_MODEL=gemma3:4b"]


@pytest.mark.parametrize(
    "script",
    [
        "# X=d ${Y:-d} ollama pull gemma3:4b\n",
        "cat <<'EOF'\nollama pull gemma3:4b ${Y:-d}\nEOF\n",
        'echo "now using gemma3:4b as the base"\n',
        "grep -E '^(FROM|PARAMETER) .*' Modelfile\n",
        "cat <<EOF\nFROM the beginning of this text\nEOF\n",
        "[ $# -gt 0 ] && shift; set -euo pipefail\n",
        "curl -fsS http://localhost:11434/api/tags -H 'A: b'\n",
    ],
)
def test_what_gives_no_value_stays_silent(script: str) -> None:
    """Comments, quoted here-documents and prose say nothing about settings."""
    assert told(script) == []
    assert read(script).problems == ()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('pull_model "gemma3:4b" now\n', ["1:13 literal -=gemma3:4b", "1:24 literal -=now"]),
        ("for m in gemma3:4b 'b c'; do :; done\n", ["1:10 literal -=gemma3:4b"]),
        ('[ "$M" = "gemma3:4b" ]\n', ["1:11 compared -=gemma3:4b"]),
        ("x --model=gemma3:4b -v 12\n", ["1:11 literal -=gemma3:4b"]),
    ],
)
def test_a_string_of_one_word_is_a_literal(script: str, expected: list[str]) -> None:
    """The value of an option counts, the option does not."""
    assert told(script, literals=True) == expected


def test_a_single_quoted_string_does_not_expand() -> None:
    """Its text is the value."""
    assert told("X='${NO:-x}'\n") == ["1:4 shell-assignment X=${NO:-x}"]
    assert read("X='${NO:-x}'\n").reads == frozenset()


@pytest.mark.parametrize(
    ("script", "reads"),
    [
        ('echo "$A" ${B:-d} $((C + 1)) "${D[0]}" `echo $E` ${!F}\n', "A B C D E F"),
        ('X=1; echo "$X"\n', ""),
        ('X="${X:-d}"; echo "$X"\n', "X"),
        ('if true; then X=1; fi; echo "$X"\n', "X"),
        ('true && X=1; echo "$X"\n', "X"),
        ('(X=1); echo "$X"\n', "X"),
        ('X=1 true; echo "$X"\n', "X"),
        ('f() { local X=1; echo "$X"; }; echo "$X"\n', "X"),
        ('for X in a b; do echo "$X"; done\n', ""),
        ('read -r X; echo "$X" "$1" "$?" "$@"\n', ""),
        ('printenv OLLAMA_HOST; echo "$OLLAMA_MODELS"\n', "OLLAMA_HOST OLLAMA_MODELS"),
        ('cat <<EOF\n$A\nEOF\ncat <<"EOF"\n$B\nEOF\n', "A"),
    ],
)
def test_a_script_reads_what_it_has_not_certainly_assigned(script: str, reads: str) -> None:
    """A branch, a subshell or a command's own environment assigns nothing for certain."""
    assert read(script).reads == frozenset(reads.split())


def test_what_cannot_be_parsed_is_a_problem_and_the_rest_counts() -> None:
    """One broken line does not hide a script."""
    found = read("A=1\nfor do\nB=${C:-2}\n")
    assert [place.path for place, _ in found.problems] == ["start.sh"] * len(found.problems) != []
    assert ("A", "1") in {(site.setting, site.value) for site in found.sites}


def test_functions_give_their_sites_a_scope() -> None:
    """Outside of them the scope is empty."""
    scopes = {site.setting: site.scope for site in read("A=1\nstart() {\n  B=2\n}\n").sites}
    assert scopes == {"A": "", "B": "start"}


@pytest.mark.parametrize(
    ("path", "matched"),
    [
        ("a/start.sh", True),
        ("x.bash", True),
        ("docker/entrypoint", True),
        ("bin/deploy", True),
        (".envrc", True),
        ("tests/a.bats", False),
        ("Makefile", False),
        ("Dockerfile", False),
        ("Modelfile", False),
        ("a.py", False),
    ],
)
def test_scripts_are_known_by_their_name(path: str, matched: bool) -> None:
    """A file without a suffix is offered, and looked into."""
    assert shell.READER.matches(path) is matched


@pytest.mark.parametrize(
    ("first", "is_shell"),
    [
        ("#!/bin/sh", True),
        ("#!/usr/bin/env bash", True),
        ("#!/usr/bin/env -S bash -e", True),
        ("#! /bin/bash -e", True),
        ("#!/usr/bin/env python3", False),
        ("#!/usr/bin/fish", False),
        ("MIT License", False),
    ],
)
def test_a_file_without_a_suffix_is_a_script_by_its_first_line(first: str, is_shell: bool) -> None:
    """Anything else without a suffix is passed over in silence."""
    assert shell.looks_like_shell(f"{first}\nX=d\n") is is_shell
    assert bool(read(f"{first}\nX=d\n", path="bin/deploy").sites) is is_shell


@given(name=names, value=values, comment=comments)
def test_the_place_of_a_value_is_where_its_text_stands(name: str, value: str, comment: str) -> None:
    """Whatever stands before it, columns count characters."""
    text = f'# {comment}\nA="{comment}" {name}="${{{name}_Z:-{value}}}" # {comment}\n'
    (site,) = (found for found in read(text).sites if found.kind == "shell-default")
    assert site.value == value
    assert text.splitlines()[site.place.line - 1][site.place.column - 1 :].startswith(value)


@given(st.text(alphabet="X=${}:-\"'()<>|&;\n #a`\\EOF[]日", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever it is fed, every site lies inside the text."""
    lines = text.split("\n")
    for site in read(text).sites:
        assert 1 <= site.place.line <= len(lines)
        assert 1 <= site.place.column <= len(lines[site.place.line - 1]) + 1


@needs_bash
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.sampled_from(ATOMS), min_size=1, max_size=4).map("".join), min_size=1, max_size=20))
def test_a_value_is_what_bash_makes_of_it_with_nothing_set(words: list[str]) -> None:
    """The shell itself is the oracle for quotes, escapes and defaults."""
    script = "".join(f"V{index}={word}\n" for index, word in enumerate(words))
    printed = "".join(f"printf '%s\\0' \"$V{index}\"\n" for index in range(len(words)))
    asked = subprocess.run([BASH, "-c", script + printed], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    told_ = {site.into or site.setting: site.value for site in reversed(read(script).sites)}
    assert [told_[f"V{index}"] for index in range(len(words))] == asked.stdout.decode().split("\0")[:-1]


def test_importing_the_reader_loads_no_grammar() -> None:
    """An idle session pays nothing for tree-sitter."""
    code = "import sys; import pytest_newscreator.sources.shell.reader; sys.exit('tree_sitter' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
