"""Dockerfiles are read as BuildKit reads them: stages, instructions, and every value at its own place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.sources.docker import dockerfile
from pytest_newscreator.sources.sites import Read, SourceFile

PIECES = ["FROM x", "ENV A=", "RUN ", "<<EOF", "\\", "\n", '"', "'", "${", "}", "EOF", "日", "[", "#"]
values = st.from_regex(r"[a-z0-9][a-z0-9:./_-]{0,12}", fullmatch=True)


def read(text: str) -> Read:
    """Read a Dockerfile."""
    return dockerfile.READER.read(SourceFile("Dockerfile", text))


def parse(text: str) -> dockerfile.Dockerfile:
    """Parse a Dockerfile."""
    return dockerfile.parse(SourceFile("Dockerfile", text))


def told(text: str, *, head: str = "FROM x AS s\n") -> list[str]:
    """Return the sites of an instruction in line 2, a line each, without literals."""
    found = []
    for site in read(head + text).sites:
        if site.kind != "literal":
            into = f" into {site.into}" if site.into else ""
            place = f"{site.place.line}:{site.place.column}"
            found.append(f"{place} {site.kind} {site.setting or '-'}={site.value}{into}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARG MODEL=gemma3:4b\n", ["2:11 dockerfile-arg MODEL=gemma3:4b"]),
        ("ARG MODEL\n", []),
        ("ARG A=\"q\" B='w'\n", ["2:8 dockerfile-arg A=q", "2:14 dockerfile-arg B=w"]),
        ("ENV A=1 B=x\\ y\n", ["2:7 dockerfile-env A=1", "2:11 dockerfile-env B=x y"]),
        ('ENV A="日本 y" B=2\n', ["2:8 dockerfile-env A=日本 y", "2:16 dockerfile-env B=2"]),
        ("ENV A legacy value  \n", ["2:7 dockerfile-env A=legacy value"]),
        ("env A=\n", ["2:7 dockerfile-env A="]),
        ('ENV A=""\n', ["2:8 dockerfile-env A="]),
        ("ENV A='$B' C=\\$B\n", ["2:8 dockerfile-env A=$B", "2:15 dockerfile-env C=$B"]),
        ("ENV P=/opt/bin:$PATH\n", ["2:7 dockerfile-env P=None"]),
        ("ENV A=$B\n", ["2:7 dockerfile-env B=None into A"]),
        ("ENV A=${B:-gemma3:4b}\n", ["2:12 dockerfile-env B=gemma3:4b into A"]),
        ("ENV A=${B:-${C-d}}\n", ["2:16 dockerfile-env B=d into A", "2:16 dockerfile-env C=d into A"]),
        ("ENV A=x-${B:-1}\n", ["2:7 dockerfile-env A=x-1", "2:14 dockerfile-env B=1"]),
        ("LABEL v=${VER:-1}\n", ["2:16 dockerfile-env VER=1"]),
        ("ENV A=${B:+alt}\n", ["2:7 dockerfile-env A=None"]),
    ],
)
def test_arg_and_env_are_sites_at_their_values(text: str, expected: list[str]) -> None:
    """In both syntaxes, a pair a site; defaults belong to the variable that is expanded."""
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN ollama pull gemma3:4b\n", ["2:17 ollama-argument -=gemma3:4b"]),
        ('CMD ["ollama", "run", "gemma3:4b"]\n', ["2:24 ollama-argument -=gemma3:4b"]),
        ('ENTRYPOINT ["sh", "-c", "ollama run gemma3:4b \\"hi\\""]\n', ["2:37 ollama-argument -=gemma3:4b"]),
        ("RUN --mount=type=cache,target=/c M=${X:-d} ollama serve\n", ["2:41 dockerfile-env X=d into M"]),
        ("HEALTHCHECK --interval=5s CMD curl -f h:${PORT:-1} || exit 1\n", ["2:49 dockerfile-env PORT=1"]),
        ("HEALTHCHECK NONE\n", []),
        ('HEALTHCHECK CMD ["ollama", "show", "a"]\n', ["2:37 ollama-argument -=a"]),
        ('RUN ["ollama", "pull", "gemma3:4b"]\n', ["2:25 ollama-argument -=gemma3:4b"]),
        ("RUN X=d ollama create n -f m\n", ["2:7 shell-assignment X=d", "2:23 ollama-argument -=n"]),
        ("RUN echo 'ollama pull gemma3:4b'\n", []),
    ],
)
def test_commands_are_read_like_scripts(text: str, expected: list[str]) -> None:
    """In the shell form and in the JSON form."""
    assert told(text) == expected


def test_a_continued_instruction_keeps_the_places_of_its_lines() -> None:
    """Comments and empty lines between are no part of it."""
    text = (
        "RUN set -e; \\\n    # コメント ollama pull no\n\n    ollama pull gemma3:4b && \\\n  X=1 true\n"
        "ENV A=1 \\  \n B=2\n"
    )
    assert told(text) == [
        "5:17 ollama-argument -=gemma3:4b",
        "6:5 shell-assignment X=1",
        "7:7 dockerfile-env A=1",
        "8:4 dockerfile-env B=2",
    ]


def test_a_here_document_is_the_script_of_run() -> None:
    """What follows its end is the next instruction."""
    text = "RUN <<EOF\nollama pull ${Q:-gemma3:4b}\nEOF\nENV A=1\n"
    assert told(text) == [
        "3:18 dockerfile-env Q=gemma3:4b",
        "3:18 ollama-argument -=gemma3:4b",
        "5:7 dockerfile-env A=1",
    ]


def test_a_here_document_for_another_interpreter_is_left_alone() -> None:
    """Python inside RUN is no shell."""
    found = read("FROM x\nRUN <<EOF\n#!/usr/bin/env python3\nprint({1: 'a'}[1])\nEOF\n")
    assert (found.sites, found.problems) == ((), ())


def test_a_modelfile_copied_from_a_here_document_is_read() -> None:
    """`COPY <<EOF /Modelfile` writes one."""
    text = "COPY <<EOF /Modelfile\nFROM gemma3:4b\nPARAMETER num_ctx 8192\nEOF\n"
    assert told(text) == ["3:6 modelfile-from FROM=gemma3:4b", "4:19 modelfile-parameter num_ctx=8192"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ONBUILD RUN ollama pull a\n", ["2:25 ollama-argument -=a"]),
        ("ONBUILD ENV X=d\n", ["2:15 dockerfile-env X=d"]),
        ("onbuild arg X=d\n", ["2:15 dockerfile-arg X=d"]),
        ("ONBUILD\n", []),
    ],
)
def test_what_onbuild_keeps_for_later_is_read_as_well(text: str, expected: list[str]) -> None:
    """Another image is built from it."""
    assert told(text) == expected


def test_what_onbuild_sets_is_not_set_in_this_image() -> None:
    """A later instruction reads it from outside."""
    assert read("FROM x\nONBUILD ENV X=d\nRUN echo $X\n").reads == {"X"}


def test_what_every_build_has_is_read_from_nobody() -> None:
    """Platform and proxy arguments are Docker's own; a command of the image has no such help."""
    text = "ARG TARGETARCH\nFROM x\nARG HTTP_PROXY\nARG A\nRUN echo $TARGETARCH $https_proxy\nCMD echo $NO_PROXY\n"
    assert read(text).reads == {"A", "NO_PROXY"}


def test_a_label_is_no_setting() -> None:
    """Whatever it says."""
    assert read("FROM x\nLABEL model=gemma3:4b LLM_MODEL=gemma3:4b\n").sites == ()


def test_the_escape_directive_makes_the_backslash_a_character() -> None:
    """A backtick continues lines then."""
    text = "# escape=`\nFROM x\nENV A=c:\\d `\n  B=2\n"
    assert told(text, head="") == ["3:7 dockerfile-env A=c:\\d", "4:5 dockerfile-env B=2"]


def test_a_directive_after_a_comment_is_a_comment() -> None:
    """Directives stand at the very top."""
    assert parse("# hello\n# escape=`\nFROM x\n").escape == "\\"


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("ARG A\nFROM ${B}\nARG C=1\n", "A B C"),
        ("FROM x\nENV A=1\nENV B=$A C=$D\n", "D"),
        ("FROM x\nENV A=1\nRUN echo $A $E\n", "E"),
        ("FROM x\nENV A=1\nCMD serve --model $A\n", "A"),
        ("FROM x\nRUN X=1; echo $X '$Y'\n", ""),
    ],
)
def test_a_dockerfile_reads_arguments_and_what_it_does_not_set(text: str, reads: str) -> None:
    """A command of the image reads its variables from the container, whatever ENV says."""
    assert read(text).reads == frozenset(reads.split())


def test_stages_are_scopes_by_name_or_index() -> None:
    """What stands above the first FROM has none."""
    sites = read("ARG A=1\nFROM x AS Builder\nARG B=1\nFROM y\nARG C=1\n").sites
    assert {site.setting: site.scope for site in sites} == {"A": "", "B": "Builder", "C": "1"}


def test_the_images_are_known_as_far_as_the_arguments_go() -> None:
    """A platform flag is none of it."""
    text = (
        "ARG TAG=0.14.3\nARG NO\nFROM --platform=linux/amd64 ollama/ollama:${TAG} AS a\nFROM $NO\nFROM ${X:-scratch}\n"
    )
    assert [image for _, image in dockerfile.images(parse(text))] == ["ollama/ollama:0.14.3", None, "scratch"]


def test_flags_and_words_of_an_instruction_are_apart() -> None:
    """The JSON form has words, the shell form has not."""
    copy, shell = parse('FROM x\nCOPY --from=a --link ["b c", "/d/"]\nCOPY e f\n').stages[0].instructions
    assert (copy.flag("from"), copy.flag("link"), copy.flag("chown"), copy.words) == ("a", "", None, ("b c", "/d/"))
    assert (shell.words, shell.rest.text) == (None, "e f")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("FROM x\nRUNN a\n", "RUNN is no instruction of a Dockerfile"),
        ("ENV A=1\nFROM x\n", "ENV stands before the first FROM, only ARG may"),
    ],
)
def test_what_docker_refuses_is_a_problem_with_its_place(text: str, problem: str) -> None:
    """The rest of the file is read all the same."""
    assert [(place.column, message) for place, message in read(text).problems] == [(1, problem)]


@pytest.mark.parametrize("text", ["FROM x\n# ENV A=1\n", "# ARG A=1\nFROM x\nRUN echo ok\n", "", "\n\n"])
def test_what_gives_no_value_stays_silent(text: str) -> None:
    """Comments say nothing about settings."""
    assert told(text, head="") == []


@pytest.mark.parametrize(
    ("path", "matched"),
    [
        ("Dockerfile", True),
        ("a/Dockerfile.backend", True),
        ("a/api.Dockerfile", True),
        ("Containerfile", True),
        ("Containerfile.gpu", True),
        ("dockerfile", True),
        ("Dockerfile.dockerignore", False),
        ("docs/Dockerfiles.md", False),
        (".dockerignore", False),
    ],
)
def test_dockerfiles_are_known_by_their_name(path: str, matched: bool) -> None:
    """In every spelling that Docker and Podman users write."""
    assert dockerfile.READER.matches(path) is matched


@given(value=values, blanks=st.integers(1, 4), breaks=st.lists(st.booleans(), min_size=3, max_size=3))
def test_the_place_of_a_value_survives_continuation(value: str, blanks: int, breaks: list[bool]) -> None:
    """Wherever a line is broken, the value is found where it stands."""
    gaps = [" \\\n" + " " * blanks if broken else " " * blanks for broken in breaks]
    text = f"FROM x\nENV{gaps[0]}A=1{gaps[1]}B={value}{gaps[2]}C=3\n"
    (site,) = (found for found in read(text).sites if found.setting == "B")
    assert site.value == value
    assert text.splitlines()[site.place.line - 1][site.place.column - 1 :].startswith(value)


@given(st.lists(st.sampled_from(PIECES)))
def test_no_text_breaks_the_reader(pieces: list[str]) -> None:
    """Whatever it is fed, every site lies inside the text."""
    text = "".join(pieces)
    lines = text.split("\n")
    assert all(1 <= site.place.line <= len(lines) for site in read(text).sites)
