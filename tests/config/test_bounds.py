"""Hostile or huge input ends soon, in little memory, with one short error at its place."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.source.modelfiles import MODELFILE
from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import Project, load_project
from pytest_newscreator.resolve.given import build_fault, given
from pytest_newscreator.resolve.start.container_files import ContainerFiles
from pytest_newscreator.resolve.start.script_flow import Wanted, flow
from pytest_newscreator.resolve.start.scripts import run
from pytest_newscreator.resolve.start.startup import startup
from pytest_newscreator.sources import dotenv, registry
from pytest_newscreator.sources.bounds import LONGEST, MOST_HOPS
from pytest_newscreator.sources.docker import parse
from pytest_newscreator.sources.shell import reader
from pytest_newscreator.sources.sites import SourceFile

LONGEST_MESSAGE = 400
if TYPE_CHECKING:
    from conftest import Stack

SERVICE = "services:\n  app:\n    image: app\n"
BUILT = "services:\n  app:\n    build: .\n"
TOO_LONG = f"the value expands to more than {LONGEST:,} characters"
TOO_MANY = f"more than {MOST_HOPS:,} places have a say in this value"
TOO_DEEP = "the value nests more than 64 expansions"


def doubled(seed: str, before: str = "", quote: str = "") -> str:
    """Return sixty variables, each of which is the one above twice."""
    lines = [f"{before}V0={seed}"]
    lines += [f"{before}V{number}={quote}$V{number - 1}$V{number - 1}{quote}" for number in range(1, 61)]
    return "".join(f"{line}\n" for line in lines)


def nested(levels: int) -> str:
    """Return a default in a default, so many levels deep."""
    return "".join(f"${{A{level}:-" for level in range(levels)) + "end" + "}" * levels


def project(root: Path, **files: str) -> Project:
    """Write files, `_` for a dot in their names, and resolve what they are."""
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return load_project(root)


def refusal(root: Path, **files: str) -> ResolutionError:
    """Return why a project is refused; no error quotes more than a reader takes in."""
    with pytest.raises(ResolutionError) as caught:
        project(root, **files)
    assert len(str(caught.value)) < LONGEST_MESSAGE
    assert caught.value.fix
    return caught.value


def fault(root: Path, text: str) -> ResolutionError:
    """Return why an image cannot be built."""
    found = build_fault(root, project(root, compose_yaml=BUILT, Dockerfile=text).services["app"])
    assert found is not None
    assert len(str(found)) < LONGEST_MESSAGE
    return found


@pytest.mark.parametrize(
    ("seed", "quote", "message", "place"),
    [("xx", "", TOO_LONG, Place(".env", 21, 8)), ("xx", '"', TOO_LONG, Place(".env", 21, 9)), ("", "", TOO_MANY, None)],
)
def test_variables_that_double_are_refused_where_they_become_too_long(
    tmp_path: Path, seed: str, quote: str, message: str, place: Place | None
) -> None:
    """Sixty lines of a dotenv file would come to 2^60 characters; empty ones to as many hops."""
    error = refusal(tmp_path, _env=doubled(seed, quote=quote), compose_yaml=SERVICE)
    assert error.message.startswith(message)
    assert error.place is not None
    assert place is None or (error.place.path, error.place.line) == (place.path, place.line)


def test_the_reader_of_dotenv_files_keeps_no_text_beyond_the_limit() -> None:
    """A template is read for itself, and the lines behind the one that is too long still count."""
    read = dotenv.read(SourceFile(".env.example", f"{doubled('xx')}LAST=1\n"))
    assert all(len(site.value or "") <= LONGEST for site in read.sites)
    assert [message.partition(",")[0] for _, message in read.problems] == [TOO_LONG.partition(",")[0]]
    assert read.sites[-1].setting == "LAST"


def test_an_env_file_is_held_to_the_same_limit(tmp_path: Path) -> None:
    """What a container is given is expanded in the same way."""
    error = refusal(tmp_path, app_env=doubled("xx"), compose_yaml=f"{SERVICE}    env_file: app.env\n")
    assert error.message.startswith(TOO_LONG)
    assert error.place is not None
    assert (error.place.path, error.place.line) == ("app.env", 21)


@pytest.mark.parametrize("instruction", ["ENV ", "ARG "])
@pytest.mark.parametrize("seed", ["xx", '""'])
def test_a_dockerfile_whose_variables_double_cannot_be_built(tmp_path: Path, instruction: str, seed: str) -> None:
    """The error names the line, and what is above it stays known."""
    error = fault(tmp_path, f"FROM app\n{doubled(seed, before=instruction)}")
    assert error.message.startswith(TOO_MANY)
    assert error.place is not None
    assert error.place.path == "Dockerfile"
    assert 2 < error.place.line < 20


def test_a_script_whose_variables_double_is_not_known_from_there() -> None:
    """The run keeps no text beyond the limit, and says where it stopped to follow."""
    ran = run(SourceFile("start.sh", doubled("xx", quote='"')), ())
    assert max(map(len, ran.texts)) <= LONGEST
    assert [place.line for place, _ in ran.problems] == [21]
    assert "should be shorter" in ran.problems[0][1]


@pytest.mark.parametrize("levels", [400, 5_000])
def test_defaults_that_nest_are_refused_in_a_dotenv_file(tmp_path: Path, levels: int) -> None:
    """Nesting is counted; it never ends in a RecursionError."""
    error = refusal(tmp_path, _env=f"A={nested(levels)}\n", compose_yaml=SERVICE)
    assert error.message.startswith(TOO_DEEP)
    assert error.place is not None
    assert (error.place.path, error.place.line) == (".env", 1)


@pytest.mark.parametrize("levels", [400, 5_000])
def test_defaults_that_nest_are_refused_in_a_compose_file(tmp_path: Path, levels: int) -> None:
    """The place is that of the expansion that is one too many."""
    text = f"{SERVICE}    environment:\n      X: {nested(levels)}\n"
    error = refusal(tmp_path, compose_yaml=text)
    assert error.message.startswith(TOO_DEEP)
    assert error.place == Place("compose.yaml", 5, 10 + nested(levels).index("${A65"))
    assert registry.read(SourceFile("compose.yaml", text), registry.readers()).problems


@pytest.mark.parametrize("levels", [400, 5_000])
def test_defaults_that_nest_are_refused_in_a_dockerfile(tmp_path: Path, levels: int) -> None:
    """Neither the reader nor the build follows them."""
    error = fault(tmp_path, f"FROM app\nENV A={nested(levels)}\n")
    assert error.message.startswith(TOO_DEEP)
    assert error.place == Place("Dockerfile", 2, 7)


SCRIPTS = {
    "400 defaults": f'X="{nested(400)}"\n',
    "5000 defaults": f'X="{nested(5_000)}"\n',
    "5000 ifs": "if true; then\n" * 5_000 + "X=1\n" + "fi\n" * 5_000,
    "2000 substitutions": "$(" * 2_000 + "echo" + ")" * 2_000 + "\n",
    "a line of 1.2 MB": "X=abc; " * 170_000 + "\n",
    "200,000 words": "echo " + "abcde " * 200_000 + "\n",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_beyond_measure_is_a_problem_with_its_place(text: str) -> None:
    """Its reader and its run say so, in as many words."""
    source = SourceFile("start.sh", f"#!/bin/sh\n{text}")
    (place, message), *others = reader.read(source).problems
    assert run(source, ()).problems == ((place, message),)
    assert not others
    assert place.line
    assert "it is not read" in message
    assert flow((source,), Wanted(frozenset({"X"}))).nodes[1:] == []


def test_a_script_of_1500_branches_is_followed_to_its_end() -> None:
    """Length alone is no fault: the server that starts behind the branches is seen."""
    branches = "".join(f'elif [ "$M" = a{number} ]; then X={number}\n' for number in range(1_500))
    text = f'if [ "$M" = a ]; then X=a\n{branches}fi\nexport OLLAMA_NUM_PARALLEL=1\nexec ollama serve\n'
    ran = run(SourceFile("start.sh", text), ())
    assert not ran.problems
    assert ("OLLAMA_NUM_PARALLEL", True) in [(one.name, one.before_serve) for one in ran.overwrites]


def pipe(path: Path) -> None:
    """Make a named pipe, which would be waited for."""
    os.mkfifo(path)


def device(path: Path) -> None:
    """Make a second name of a file that never ends."""
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    """Make a folder."""
    path.mkdir()


def listening(path: Path) -> None:
    """Make a socket, by its name alone: such paths are short."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


MADE = [
    (pipe, "is a named pipe"),
    (device, "is outside the repository"),
    (folder, "is a folder"),
    (listening, "is a socket"),
]


@pytest.mark.parametrize(("make", "what"), MADE)
def test_what_is_no_file_is_named_and_never_opened(tmp_path: Path, make: Callable[[Path], None], what: str) -> None:
    """An env_file may be missing where it is not required, but not be something else."""
    make(tmp_path / "app.env")
    error = refusal(tmp_path, compose_yaml=f"{SERVICE}    env_file: [{{path: app.env, required: false}}]\n")
    assert error.message.startswith(f"the env_file app.env {what}")
    assert error.place == Place("compose.yaml", 4, 23)


@pytest.mark.parametrize(("make", "what"), MADE)
def test_a_compose_file_that_is_no_file_is_named(tmp_path: Path, make: Callable[[Path], None], what: str) -> None:
    """An invocation may name anything."""
    make(tmp_path / "more.yaml")
    with pytest.raises(ResolutionError, match=rf"the Compose file more\.yaml {what}"):
        load_project(tmp_path, files=["more.yaml"])


def test_a_dotenv_file_that_is_a_pipe_is_no_missing_one(tmp_path: Path) -> None:
    """Compose would wait for it; a folder of that name it passes over."""
    pipe(tmp_path / ".env")
    assert refusal(tmp_path, compose_yaml=SERVICE).message.startswith("the dotenv file .env is a named pipe")
    (tmp_path / ".env").unlink()
    folder(tmp_path / ".env")
    assert load_project(tmp_path).services


@pytest.mark.parametrize(
    ("text", "named", "column"),
    [
        (f"{SERVICE}    env_file: ../secrets.env\n", "the env_file ../secrets.env", 15),
        (f"{SERVICE}    env_file: /etc/hostname\n", "the env_file /etc/hostname", 15),
        (f"{SERVICE}    env_file: link.env\n", "the env_file link.env", 15),
        ("include: [../other/compose.yaml]\n", "the Compose file ../other/compose.yaml", 11),
        ("include: [{path: ../other/compose.yaml}]\n", "the Compose file ../other/compose.yaml", 18),
        (f"include: [{{path: a.yaml, env_file: ../secrets.env}}]\n{SERVICE}", "the dotenv file ../secrets.env", 36),
        (
            "services:\n  b:\n    extends: {service: app, file: ../other/compose.yaml}\n",
            "the Compose file ../other",
            35,
        ),
    ],
)
def test_a_path_out_of_the_repository_is_refused_where_it_is_written(
    tmp_path: Path, text: str, named: str, column: int
) -> None:
    """What this machine has there is on no other: the error says what to do, whether the file exists or not."""
    root = tmp_path / "repository"
    (tmp_path / "other").mkdir()
    root.mkdir()
    (tmp_path / "other" / "compose.yaml").write_text(SERVICE, encoding="utf-8")
    (tmp_path / "secrets.env").write_text("A=1\n", encoding="utf-8")
    (root / "link.env").symlink_to(tmp_path / "secrets.env")
    (root / "a.yaml").write_text(SERVICE, encoding="utf-8")
    error = refusal(root, compose_yaml=text)
    assert error.message.startswith(f"{named}")
    assert "is outside the repository" in error.message
    assert error.place is not None
    assert (error.place.path, error.place.column) == ("compose.yaml", column)
    assert error.fix.startswith("copy it into the repository")


def test_a_dotenv_file_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    """As `--env-file ../x` names it."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "compose.yaml").write_text(SERVICE, encoding="utf-8")
    (tmp_path / "x.env").write_text("A=1\n", encoding="utf-8")
    with pytest.raises(ResolutionError, match=r"the dotenv file \.\./x\.env is outside the repository"):
        load_project(root, env_files=["../x.env"])


def test_a_folder_above_counts_where_git_has_both(tmp_path: Path) -> None:
    """A contract may lie in a folder of a larger repository, whose files everybody has."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "app.env").write_text("A=1\n", encoding="utf-8")
    root = tmp_path / "stack"
    root.mkdir()
    found = project(root, compose_yaml=f"{SERVICE}    env_file: ../app.env\n")
    assert found.services["app"].environment["A"].text == "1"


@pytest.mark.parametrize("name", [".env", "compose.yaml"])
def test_a_file_is_refused_by_its_size_before_it_is_read(tmp_path: Path, name: str) -> None:
    """One of 100 MB, all of it a hole, is not taken in."""
    (tmp_path / "compose.yaml").write_text(SERVICE, encoding="utf-8")
    with (tmp_path / name).open("ab") as file:
        file.truncate(100_000_000)
    with pytest.raises(ResolutionError, match="has 100,000,000 bytes, should have at most 2,000,000") as caught:
        load_project(tmp_path)
    assert caught.value.place == Place(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\n" * 20_000, "the file has more than 10,000 statements"),
        (f"A={'$B' * 5_001}\n", "the value has more than 10,000 dollar signs"),
        (f'A="{"x" * (LONGEST + 2)}"\n', "begins a quoted value of more than"),
        ("B=" + "x" * 1_000_000 + "\n" + "".join(f"A{n}=y$B\n" for n in range(99)), "expand to too much text"),
    ],
)
def test_a_dotenv_file_has_room_for_so_much(tmp_path: Path, text: str, message: str) -> None:
    """Each limit is told once, whoever reads the file."""
    text = text.replace("$B" * 5_001, "$B" * 10_001)
    assert message in refusal(tmp_path, _env=text, compose_yaml=SERVICE).message
    read = dotenv.read(SourceFile(".env", text))
    assert message in read.problems[0][1]
    assert len(read.problems) == 1
    assert max(len(said) for _, said in read.problems) < LONGEST_MESSAGE


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("FROM app\n" + "ENV A=1\n" * 3_000, "the file has more than 2,000 instructions", 2_001),
        (f"FROM app\nENV A={'x' * 70_000}\n", "the line has more than 65,535 bytes", 2),
        ("FROM app\nENV " + "A=1 \\\n" * 30_000 + "B=1\n", "the file has more than 20,000 words", 2),
        (f"FROM app\nENV A={'a' * 9_000}\nENV B=${{A%*a*b}}\n", "`%` has a pattern that takes too long", 3),
    ],
)
def test_a_dockerfile_has_room_for_so_much(tmp_path: Path, text: str, message: str, line: int) -> None:
    """What is beyond is told at its line, and not followed."""
    error = fault(tmp_path, text)
    assert error.message.startswith(message)
    assert error.place is not None
    assert error.place.line == line


def test_stages_may_follow_each_other_as_long_as_they_like(tmp_path: Path) -> None:
    """A chain of stages is no recursion."""
    text = "FROM app AS s0\nENV A=1\n" + "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(1_500))
    service = project(tmp_path, compose_yaml=BUILT, Dockerfile=text).services["app"]
    assert build_fault(tmp_path, service) is None
    assert len(parse.parse(SourceFile("Dockerfile", text)).stages) == 1_501


def test_files_that_include_each_other_twice_are_counted(tmp_path: Path) -> None:
    """Thirty levels would be read 2^30 times."""
    for number in range(30):
        text = f"include: [b{number + 1}.yaml, b{number + 1}.yaml]\n"
        (tmp_path / f"b{number}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "b30.yaml").write_text(SERVICE, encoding="utf-8")
    error = refusal(tmp_path, compose_yaml="include: [b0.yaml]\n")
    assert error.message.startswith("more than 500 files are included")


def test_services_that_extend_each_other_end_somewhere(tmp_path: Path) -> None:
    """A long chain is refused at its place."""
    chain = "".join(f"  s{n}: {{extends: s{n + 1}}}\n" for n in range(3_000))
    error = refusal(tmp_path, compose_yaml=f"services:\n{chain}  s3000: {{image: app}}\n")
    assert error.message.startswith("services extend each other more than 64 levels deep")


def test_a_started_script_that_is_no_file_is_named(tmp_path: Path) -> None:
    """The start is then not known, and what lies there is said."""
    pipe(tmp_path / "start.sh")
    text = f'{SERVICE}    entrypoint: ["/start.sh"]\n    volumes:\n      - ./start.sh:/start.sh\n'
    found = project(tmp_path, compose_yaml=text)
    files = ContainerFiles(tmp_path, found, given(tmp_path, found.services["app"]))
    assert startup(files).unknown == "compose.yaml:6:9: start.sh is a named pipe, should be a file; name a file"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (pipe, "the Dockerfile Dockerfile is a named pipe, should be a file"),
        (device, "the Dockerfile Dockerfile is a device, should be a file"),
        (lambda path: path.write_bytes(b"#" * 2_000_001), "the Dockerfile Dockerfile has 2,000,001 bytes"),
    ],
    ids=["pipe", "device", "too big"],
)
def test_a_dockerfile_that_is_no_file_or_too_big_is_not_read(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    """It is never opened, and never passed over in silence."""
    make(tmp_path / "Dockerfile")
    found = build_fault(tmp_path, project(tmp_path, compose_yaml=BUILT).services["app"])
    assert found is not None
    assert found.message.startswith(message)


def test_a_modelfile_that_is_no_file_is_told(stack: Stack) -> None:
    """A named pipe under a Modelfile's name is not waited for, and not called missing."""
    path = "news-creator/Modelfile.gemma3-4b-60k"
    (stack.root / path).unlink()
    pipe(stack.root / path)
    _, finding = stack.only(MODELFILE)
    assert finding.message == f"the Modelfile {path} is a named pipe, should be a file"
