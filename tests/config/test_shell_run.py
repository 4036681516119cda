"""A script is run on paper: which models it asks Ollama for, and which given values it does not let through."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.places import Place
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.shell import reader as shell
from pytest_newscreator.sources.shell.overwrites import overwrites
from pytest_newscreator.sources.shell.run import Run
from pytest_newscreator.sources.shell.values import State, Value
from pytest_newscreator.sources.sites import SourceFile

ENTRYPOINT = Path(__file__).parents[2] / "news-creator" / "entrypoint-backend.sh"


def calls(text: str) -> list[str]:
    """Return the calls of `ollama` in a script, a line each: what is asked for, of which file, by whose leave."""
    found = []
    for call in shell.ollama_calls(SourceFile("start.sh", text)):
        file = f" -f {call.modelfile}" if call.modelfile else ""
        by = f" by {' '.join(call.sources)}" if call.sources else ""
        found.append(f"{call.place.line} {call.verb} {' '.join(str(name) for name in call.names)}{file}{by}")
    return found


def over(text: str) -> list[str]:
    """Return the overwrites of a script, a line each."""
    marks = {True: " before serve", False: " after serve", None: ""}
    return [
        f"{found.place.line}:{found.place.column} {found.name}={'unset' if found.removed else found.value}"
        + (" exported" if found.exported else "")
        + (" maybe" if found.conditional else "")
        + marks[found.before_serve]
        for found in shell.assignments_over(SourceFile("start.sh", text))
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("M=gemma3:4b\nollama pull $M\n", ["2 pull gemma3:4b"]),
        ('M="${X:-gemma3:4b}"\nollama pull "$M"\n', ["2 pull gemma3:4b by X"]),
        ('ollama pull "${A:-${B:-gemma3:4b}}"\n', ["1 pull gemma3:4b by A B"]),
        ('ollama pull "$X"\n', ["1 pull None by X"]),
        ('ollama pull "$1"\n', ["1 pull None"]),
        ('ollama pull "${1:-gemma3:4b}"\n', ["1 pull None"]),
        ("for m in a b:1; do ollama pull $m; done\n", ["1 pull a", "1 pull b:1"]),
        ("L='a b'\nfor m in $L; do ollama pull $m; done\n", ["2 pull a", "2 pull b"]),
        ('L=\'a b\'\nfor m in "$L"; do ollama pull "$m"; done\n', ["2 pull a b"]),
        ("for m in ${X:-a b}; do ollama pull $m; done\n", ["1 pull a by X", "1 pull b by X"]),
        ('A=(a "b c")\nfor m in "${A[@]}"; do ollama pull "$m"; done\n', ["2 pull a", "2 pull b c"]),
        ('A=(a b)\nollama pull "${A[1]}"\n', ["2 pull b"]),
        (
            'A=("n:F.n" "m:F.m")\nfor p in "${A[@]}"; do\n  ollama create "${p%%:*}" -f "${p#*:}"\ndone\n',
            ["3 create n -f F.n", "3 create m -f F.m"],
        ),
        (
            'A=("n F.n")\nfor p in "${A[@]}"; do\n  read -r n f <<< "$p"\n  ollama create "$n" -f "$f"\ndone\n',
            ["4 create n -f F.n"],
        ),
        ("IFS=: read -r n f <<< a:b:c\nollama create $n -f $f\n", ["2 create a -f b:c"]),
        (
            'declare -A M=([n]="F.n" [m]=F.m)\nfor k in "${!M[@]}"; do ollama create "$k" -f "${M[$k]}"; done\n',
            ["2 create n -f F.n", "2 create m -f F.m"],
        ),
        ('have() {\n  ollama pull "$1"\n}\nhave gemma3:4b\nhave b\n', ["2 pull gemma3:4b", "2 pull b"]),
        ('have() { local m=${1:-d}; ollama pull "$m"; }\nhave\n', ["1 pull d"]),
        ('run() { "$@" & wait; }\nrun ollama pull a\n', ["2 pull a"]),
        ('try() { run "$@"; }\nrun() { "$@"; }\ntry ollama pull a\n', ["3 pull a"]),
        ('case "$1" in a) M=x;; *) M=y;; esac\nollama pull $M\n', ["2 pull x", "2 pull y"]),
        ('M=x\nif [ -n "$G" ]; then M=y; fi\nollama pull $M\n', ["3 pull y", "3 pull x"]),
        ('M=x\nif [ -n "$G" ]; then M=y; exit; fi\nollama pull $M\n', ["3 pull x"]),
        ("M=x\nM=y\nollama pull $M\n", ["3 pull y"]),
        ("M=x\n(M=y)\nollama pull $M\n", ["3 pull x"]),
        ("f() { local M=y; }\nM=x\nf\nollama pull $M\n", ["4 pull x"]),
        ("bash -euo pipefail -c 'ollama pull a'\n", ["1 pull a"]),
        ("sh -c 'ollama pull \"$1\"' _ a\n", ["1 pull a"]),
        ("set -- a b\nshift\nollama pull $1\n", ["3 pull b"]),
        ('set -- a b\nfor m in "$@"; do ollama pull $m; done\n', ["2 pull a", "2 pull b"]),
        ("if ! ollama show a; then ollama pull a; fi\n", ["1 show a", "1 pull a"]),
        ("ollama list | grep -q a || ollama pull a\n", ["1 pull a"]),
        ("x=$(ollama show a)\n", ["1 show a"]),
        ("ollama create n -f - <<EOF && ollama pull b\nFROM a\nEOF\n", ["1 create n -f -", "1 pull b"]),
        ("exec ollama serve\nollama pull a\n", []),
        ('f() { ollama pull "$1"; }\n', ["1 pull None"]),
        ('f() { f "$1"; ollama pull "$1"; }\nf a\n', ["1 pull a"]),
        (': "${M:=gemma3:4b}"\nollama pull $M\n', ["2 pull gemma3:4b by M"]),
        ("docker compose exec -T backend ollama pull a\n", ["1 pull a"]),
        ("OLLAMA_HOST=h:1 ollama pull a\n", ["1 pull a"]),
        ("while read -r m; do ollama pull $m; done < list\n", ["1 pull None"]),
    ],
)
def test_the_names_of_calls_are_known_where_the_script_decides_them(text: str, expected: list[str]) -> None:
    """Through constants, loops, arrays, functions, `read` and other shells; a variable that decides is named."""
    assert calls(text) == expected


def test_the_variants_of_our_own_entrypoint_come_out() -> None:
    """They are a list with a default, split on blanks, looped over and passed to a function."""
    found = shell.ollama_calls(SourceFile("entrypoint-backend.sh", ENTRYPOINT.read_text()))
    made = [(call.names, call.sources) for call in found if call.scope == "make_variant"]
    assert made == [
        (("gemma3-4b-16k",), ("NEWS_CREATOR_VARIANTS",)),
        (("gemma3-4b-60k",), ("NEWS_CREATOR_VARIANTS",)),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("export X=d\n", ["1:10 X=d exported"]),
        ("X=d\n", ["1:3 X=d"]),
        ('X="d"\nexport X\n', ["1:4 X=d exported"]),
        ("declare -x X=d\n", ["1:14 X=d exported"]),
        ("unset X\n", ["1:7 X=unset"]),
        ("export X=d\nollama serve\n", ["1:10 X=d exported before serve"]),
        ("ollama serve &\nexport X=d\n", ["2:10 X=d exported after serve"]),
        ('export X=d\nexec "$@"\n', ["1:10 X=d exported before serve"]),
        ("X=4 exec ollama serve\n", ["1:3 X=4 exported before serve"]),
        ("exec env X=4 ollama serve\n", ["1:12 X=4 exported before serve"]),
        ("(export X=d; exec ollama serve) &\n", ["1:11 X=d exported before serve"]),
        ("sh -c 'export X=d; ollama serve'\n", ["1:17 X=d exported before serve"]),
        ('if [ "$CPU" = 1 ]; then export X=d; fi\n', ["1:34 X=d exported maybe"]),
        ("command -v nvidia-smi || export X=d\n", ["1:35 X=d exported maybe"]),
        ("f() { export X=d; }\nf\n", ["1:16 X=d exported"]),
        ('export A="$B"\n', ["1:11 A=None exported"]),
        ('export A="${B:-d}"\n', ["1:16 A=d exported"]),
        ("X=$(nproc)\n", ["1:3 X=None"]),
        ("for x in a; do export X=d; done\n", ["1:25 X=d exported"]),
        ("trap 'exit 1' TERM\n[ -f x ] || { echo no; exit 1; }\nexport X=d\n", ["3:10 X=d exported"]),
    ],
)
def test_a_value_put_in_the_place_of_the_given_one_is_told(text: str, expected: list[str]) -> None:
    """With its place, and whether the server starts with it."""
    assert over(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'X="${X:-d}"\n',
        'export X="${X-d}"\n',
        ': "${X:=d}"\nexport X\n',
        '[ -n "$X" ] || X=d\n',
        '[ -z "${X:-}" ] && export X=d\n',
        'if [ -z "$X" ]; then X=d; fi\n',
        'if [ "$CPU" = 1 ]; then :; elif [ -z "$X" ]; then X=d; fi\n',
        'if [ -n "$X" ]; then :; else X=d; fi\n',
        'case "$X" in "") X=d ;; esac\n',
        'test -n "$X" || export X=d\n',
        'if [ -n "$X" ]; then exec ollama serve; fi\nX=d\nexec ollama serve\n',
        'f() { if [ -n "$X" ]; then return; fi; X=d; }\nf\n',
        'Y="${X:-d}"\nexport X="$Y"\n',
        'N="${X:-4}"\nexport X=8\n',
        'X="$X:more"\n',
        "X+=more\n",
        'X="${X%/}"\n',
        "X=$(echo $X | tr a b)\n",
        "f() { export X=d; }\n",
        "exec ollama serve\nexport X=d\n",
        "exit 0\nX=d\n",
        "(export X=d; ollama pull a)\n",
        "X=d ollama pull a\n",
        "f() { local X=d; echo $X; }\nf\n",
        "echo 1 | while read -r a; do X=d; done\n",
        "docker exec b sh -c 'export X=d'\n",
        "export X\n",
        "# X=d\n",
        "cat <<EOF\nX=d\nEOF\n",
    ],
)
def test_a_value_that_is_only_a_default_overwrites_nothing(text: str) -> None:
    """Neither does one that nobody gets to see."""
    assert [line for line in over(text) if " X=" in line] == []


def test_an_overwrite_names_the_variables_it_is_made_of() -> None:
    """So that a check can tell a rename from a fixed value."""
    (found,) = shell.assignments_over(SourceFile("a.sh", 'export A="${B:-d}"\n'))
    assert (found.sources, found.place) == (("B",), Place("a.sh", 1, 16))


@pytest.mark.parametrize("text", ['N="${X:-4}"\nexport X=8\n', 'X="${X:-4}"\n', '[ -n "$X" ] || X=4\n'])
def test_a_value_that_is_really_given_is_looked_at_all_the_same(text: str) -> None:
    """A run may be told what stands in the environment."""
    run = Run(text, Lines("a.sh", text).place)
    run.run(State({"X": (Value("1", frozenset({"X"})),)}))
    assert [found.name for found in overwrites(run) if found.name == "X"] == []


@given(st.text(alphabet="X=${}:-\"'()<>|&;\n #aif[]@do", max_size=60))
def test_no_text_breaks_a_run(text: str) -> None:
    """Whatever it is fed, it comes to an end."""
    assert isinstance(calls(text), list)
    assert isinstance(over(text), list)


def test_a_script_that_would_never_end_ends_here() -> None:
    """Functions that call themselves, and loops in loops, are followed only so far."""
    loops = "".join(f"for v{n} in {' '.join('abcdefgh')}; do\n" for n in range(8)) + "ollama pull a\n" + "done\n" * 8
    assert len(calls(f"f() {{ g; }}\ng() {{ f; }}\nf\n{loops}")) <= 1
