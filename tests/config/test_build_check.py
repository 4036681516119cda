"""What a Dockerfile copies is in its context, and no ignore file keeps it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.source.files import BUILD
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.docker.context import Context

if TYPE_CHECKING:
    from conftest import Stack

BACKEND = "news-creator/Dockerfile.backend"
APP = "news-creator/Dockerfile"
IGNORE = "news-creator/.dockerignore"
AI = "compose/ai.yaml"
TOOL = "tools/Dockerfile"
COPY_60K = "COPY Modelfile.gemma3-4b-16k "


def test_the_reference_stack_builds(stack: Stack) -> None:
    """Every source is asked about, and none is missing."""
    found = stack.judged(BUILD)
    assert f"build[{BACKEND} Modelfile.gemma3-4b-60k]" in found
    assert all(one.finding is None and one.unverified is None for one in found.values())


def test_a_source_that_is_not_there_is_found_at_its_word(stack: Stack) -> None:
    """The second of two sources is named, not the instruction."""
    (stack.root / "news-creator/Modelfile.gemma3-4b-60k").unlink()
    place = stack.behind(BACKEND, COPY_60K)
    assert stack.wrong(BUILD) == [(f"build[{BACKEND} Modelfile.gemma3-4b-60k]", place)]
    (finding,) = stack.found(BUILD).values()
    message = "COPY takes Modelfile.gemma3-4b-60k, which is not in the build context news-creator"
    assert finding.headline == f"{place}: {message}"


@pytest.mark.parametrize(
    ("source", "brings"),
    [
        ("Modelfile.*", True),
        ("./app/news_creator/*.py", True),
        ("Modelfile.gemma3-4b-60k", True),
        ("Modelfiles.*", False),
        ("models/Modelfile.*", False),
        ("models/", False),
    ],
)
def test_a_wildcard_brings_what_it_matches(stack: Stack, source: str, *, brings: bool) -> None:
    """A build goes on where it matches nothing, so that only what needs a file can say that it is missing."""
    assert Context(stack.root, "news-creator").matches(source) is brings


def test_an_add_of_a_file_that_is_not_there_is_found_at_its_word(stack: Stack) -> None:
    """By its own name: nobody finds a COPY in that line."""
    stack.edit(BACKEND, COPY_60K, "ADD Modelfile.gone Modelfile.gemma3-4b-16k ")
    ((place, message),) = [(one.place, one.message) for one in stack.found(BUILD).values()]
    assert place == stack.behind(BACKEND, "ADD ")
    assert message == "ADD takes Modelfile.gone, which is not in the build context news-creator"


@pytest.mark.parametrize("line", ["Modelfile.*", "**/*60k", "/Modelfile.gemma3-4b-60k", "  Modelfile.gemma3-4b-60?"])
def test_a_source_that_the_ignore_file_hides_is_found(stack: Stack, line: str) -> None:
    """The deciding line stands in the chain, and is a cause: who speaks of that line speaks of this too."""
    stack.write(IGNORE, stack.text(IGNORE) + f"{line}\n")
    found = stack.found(BUILD).values()
    assert (f"build[{BACKEND} Modelfile.gemma3-4b-60k]", stack.behind(BACKEND, COPY_60K)) in stack.wrong(BUILD)
    number = stack.text(IGNORE).count("\n")
    hidden = Place(IGNORE, number, len(line) - len(line.lstrip()) + 1)
    assert all(one.causes == (hidden,) and one.chain[0].startswith(f"{hidden}: ") for one in found)


@pytest.mark.parametrize(
    "text",
    ["*\n!Modelfile.*\n!entrypoint-backend.sh\n!app\n", "app\n!app/requirements.txt\n!app/news_creator/main.py\n"],
)
def test_what_comes_back_is_there(stack: Stack, text: str) -> None:
    """A folder that is hidden, and of which a file comes back, can be copied."""
    stack.write(IGNORE, text)
    assert not stack.wrong(BUILD)


def test_a_folder_that_is_hidden_whole_is_found(stack: Stack) -> None:
    """Nothing of it is left to copy."""
    stack.write(IGNORE, "app/news_creator\n")
    assert stack.wrong(BUILD) == [(f"build[{APP} app/news_creator]", stack.behind(APP, "WORKDIR /app\nCOPY "))]


def test_a_dockerfile_has_an_ignore_file_of_its_own(stack: Stack) -> None:
    """`X.dockerignore` beside X replaces the common one."""
    stack.write(f"{BACKEND}.dockerignore", "entrypoint-backend.sh\n")
    place = stack.behind(BACKEND, "COPY --chmod=0755 ")
    assert stack.wrong(BUILD) == [(f"build[{BACKEND} entrypoint-backend.sh]", place)]
    stack.write(IGNORE, "Modelfile.*\n")
    assert len(stack.wrong(BUILD)) == 1


def test_every_compose_context_counts(stack: Stack) -> None:
    """A second service that builds the same Dockerfile from another folder lacks what the first one has."""
    service = "  copy:\n    build: {context: .., dockerfile: news-creator/Dockerfile.backend}\n"
    stack.edit(AI, "services:\n", f"services:\n{service}")
    items = {item for item, _ in stack.wrong(BUILD)}
    assert f"build[{BACKEND} entrypoint-backend.sh]" in items


@pytest.mark.parametrize(
    "line",
    [
        "COPY --from=build /made /made",
        "COPY *.whl /wheels/",
        "COPY <<EOF /etc/x.conf\na = 1\nEOF",
        "ADD https://example.com/x.tar.gz /x/",
        "ADD git@example.com:a/b.git /b/",
        "COPY . /app",
        "COPY ./run.sh ../run.sh /app/",
        "COPY /run.sh /app/",
        'COPY ["run.sh", "/app/"]',
        "ARG NAME=run\nCOPY $NAME.sh ${OTHER:-run.sh} /app/",
        "ONBUILD COPY gone /gone",
        "# COPY gone /gone",
    ],
)
def test_what_needs_no_file_of_the_context_is_silent(stack: Stack, line: str) -> None:
    """Other stages, addresses, texts, wildcards and what is spelt otherwise."""
    stack.write(TOOL, f"FROM alpine AS build\nRUN touch /made\nFROM alpine\n{line}\n")
    stack.write("tools/run.sh", "#!/bin/sh\n")
    assert not stack.wrong(BUILD)
    assert not stack.unverified(BUILD)


@pytest.mark.parametrize("source", ["tools/run.sh", "run.sh", "news-creator/entrypoint-backend.sh"])
def test_a_dockerfile_that_nobody_builds_may_have_any_folder_above_for_its_context(stack: Stack, source: str) -> None:
    """`docker build -f tools/Dockerfile .` is as good as `docker build tools`."""
    stack.write("tools/run.sh", "#!/bin/sh\n")
    stack.write(TOOL, f"FROM alpine\nCOPY {source} /app/\n")
    assert not stack.wrong(BUILD)


def test_a_dockerfile_that_no_folder_serves_is_found_in_the_likeliest(stack: Stack) -> None:
    """One of three sources is missing: that one is named."""
    stack.write("tools/a.sh", "")
    stack.write("tools/b.sh", "")
    stack.write(TOOL, "FROM alpine\nCOPY a.sh \\\n  gone.sh b.sh /app/\n")
    assert stack.wrong(BUILD) == [(f"build[{TOOL} gone.sh]", Place(TOOL, 3, 3))]


def test_a_stage_that_no_target_reaches_counts(stack: Stack) -> None:
    """Every Dockerfile is live, and so is each of its stages."""
    stack.write(TOOL, "FROM alpine AS dev\nADD gone /x\nFROM alpine\nRUN true\n")
    assert stack.wrong(BUILD) == [(f"build[{TOOL} gone]", Place(TOOL, 2, 5))]


def test_what_an_earlier_step_makes_is_not_verified(stack: Stack) -> None:
    """Git ignores it, so the repository does not say that it is missing."""
    stack.git()
    stack.write(".gitignore", stack.text(".gitignore") + "/tools/app.bin\n/tools/out/\n")
    stack.write(TOOL, "FROM alpine\nCOPY app.bin out dist /app/\n")
    assert not stack.wrong(BUILD)
    assert list(stack.unverified(BUILD)) == [f"build[{TOOL} {name}]" for name in ("app.bin", "out", "dist")]


def test_a_submodule_that_is_not_checked_out_is_not_verified(stack: Stack) -> None:
    """Its files are another repository's."""
    stack.write(".gitmodules", '[submodule "x"]\n\tpath = tools/x\n\turl = ../x\n')
    stack.write(TOOL, "FROM alpine\nCOPY x/main.c /app/\n")
    assert not stack.wrong(BUILD)
    assert len(stack.unverified(BUILD)) == 1


@pytest.mark.parametrize("declared", ["ARG NAME", "ARG TARGETARCH"])
def test_an_argument_without_a_default_is_not_verified(stack: Stack, declared: str) -> None:
    """Which file is copied is told to the build."""
    name = declared.split()[1]
    stack.write(TOOL, f"FROM alpine\n{declared}\nCOPY app-${name} /app/\n")
    assert not stack.wrong(BUILD)
    assert list(stack.unverified(BUILD)) == [f"build[{TOOL} app-*]"]


def test_an_argument_that_compose_gives_decides(stack: Stack) -> None:
    """The default names a file that is there, the argument one that is not."""
    stack.edit(BACKEND, "COPY --chmod=0755 entrypoint-backend.sh", "ARG SCRIPT=entrypoint-backend.sh\nCOPY $SCRIPT")
    assert not stack.wrong(BUILD)
    stack.edit(
        AI,
        "      dockerfile: Dockerfile.backend\n",
        "      dockerfile: Dockerfile.backend\n      args: {SCRIPT: gone}\n",
    )
    assert stack.wrong(BUILD) == [
        (f"build[{BACKEND} entrypoint-backend.sh]", stack.behind(BACKEND, "backend.sh\nCOPY "))
    ]


def test_a_context_outside_of_the_repository_is_not_judged(stack: Stack) -> None:
    """What lies there is another checkout's."""
    stack.write("compose/ai.yaml", stack.text(AI).replace("../news-creator\n", "../../other\n"))
    items = list(stack.judged(BUILD))
    assert all("not in" not in str(one.finding) for one in stack.judged(BUILD).values()), items
