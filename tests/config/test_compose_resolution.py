"""A project resolves to what `docker compose config` says, and every value says where it comes from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import Project, load_project
from pytest_newscreator.resolve.values import Value

TRUTH = Path(__file__).parents[3] / "shared" / "truth" / "compose-precedence.md"
_RUN = re.compile(r"^## (\d+)\. (.+?)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def runs() -> list[tuple[str, str]]:
    """Return the title and text of every recorded run."""
    text = TRUTH.read_text(encoding="utf-8") if TRUTH.exists() else ""
    return [(f"{number} {title}", body) for number, title, body in _RUN.findall(text)]


def write(root: Path, files: dict[str, str]) -> Path:
    """Write `files` below `root`."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    return root


def resolve(root: Path, body: str) -> Project:
    """Repeat one recorded run in process."""
    block = re.search(r"```text\n(.*?)```", body, re.DOTALL)
    assert block is not None
    parts = re.split(r"^== (.+)\n", block.group(1), flags=re.MULTILINE)[1:]
    ending = "\r\n" if "CR LF" in body else "\n"
    files = dict(zip(parts[::2], (text.replace("\n", ending) for text in parts[1::2]), strict=True))
    write(root, files)
    # A root below the Compose file resolves as long as one repository holds both.
    (root / ".git").mkdir()
    command = re.search(r"^Command: `(.*?)`(.*)$", body, re.MULTILINE)
    assert command is not None
    words = command.group(1).split()
    environment = dict(word.split("=", 1) for word in words[: words.index("docker")])
    options = {flag: [words[i + 1] for i, word in enumerate(words) if word == flag] for flag in words if flag[0] == "-"}
    directory = options.get("--project-directory", [None])[0]
    return load_project(
        root / "sub" if "run in `sub/`" in command.group(2) else root,
        files=options.get("-f", []),
        env_files=options.get("--env-file", []),
        environment=environment,
        project_directory=directory,
    )


def shown(project: Project) -> dict[str, Any]:
    """Return a project cut to what the recorded results show."""
    services: dict[str, Any] = {}
    for name, service in project.services.items():
        shows: dict[str, Any] = {"image": service.image.text} if service.image else {}
        if service.environment:
            shows["environment"] = {key: value.text for key, value in service.environment.items()}
        if service.command is not None:
            shows["command"] = list(service.command)
        if service.build is not None:
            args = {key: value.text for key, value in service.build.args.items()}
            shows["build"] = {"context": "@", "dockerfile": service.build.dockerfile, "args": args}
        services[name] = shows
    return services


@pytest.mark.skipif(not TRUTH.exists(), reason="shared/truth/compose-precedence.md is not here")
@pytest.mark.parametrize(("title", "body"), runs(), ids=[title for title, _ in runs()])
def test_a_recorded_run_is_repeated_in_process(title: str, body: str, tmp_path: Path) -> None:
    """Every run of the truth file: the same services, or an error on both sides."""
    assert title
    result = body.rpartition("Result: ")[2]
    if result.startswith("error"):
        with pytest.raises(ResolutionError):
            resolve(tmp_path, body)
        return
    recorded = re.match(r"`(\{.*?\})`", result)
    assert recorded is not None
    assert shown(resolve(tmp_path, body)) == json.loads(recorded.group(1).replace("$$", "$"))


BASE = """\
name: demo
services:
  app:
    image: app:1
    environment:
      LLM_MODEL: ${SUMMARY_MODEL:-gemma3:4b}
"""


def app(root: Path, name: str = "LLM_MODEL", **options: Any) -> Value:
    """Return one resolved value of the service `app`."""
    return load_project(root, **options).services["app"].environment[name]


def summary(value: Value) -> list[tuple[str, str | None, str, bool]]:
    """Return a chain as kinds, values, places and who won."""
    return [(hop.kind, hop.value, str(hop.place), hop.won) for hop in value.chain]


def test_a_default_is_blamed_at_its_own_column(tmp_path: Path) -> None:
    """The literal inside `${X:-d}` is what has to be edited."""
    value = app(write(tmp_path, {"compose.yaml": BASE}))
    assert summary(value) == [
        ("environment", "gemma3:4b", "compose.yaml:6:18", True),
        ("interpolation", "gemma3:4b", "compose.yaml:6:18", True),
        ("default", "gemma3:4b", "compose.yaml:6:35", True),
    ]
    assert value.origin == Place("compose.yaml", 6, 35)


def test_a_shell_value_beats_dotenv_and_both_are_in_the_chain(tmp_path: Path) -> None:
    """Losers say why they lost."""
    write(tmp_path, {"compose.yaml": BASE, ".env": "SUMMARY_MODEL=dot"})
    place = Place("newscreator.yaml", 3, 5)
    value = app(tmp_path, environment={"SUMMARY_MODEL": "sh"}, environment_place=place)
    assert (value.text, value.origin) == ("sh", place)
    losers = {hop.kind: hop.why for hop in value.chain if not hop.won}
    assert losers == {"dotenv": "the shell sets it", "default": "the shell sets it"}


def test_an_empty_shell_variable_beats_dotenv(tmp_path: Path) -> None:
    """Set and empty is not unset: `:-` then takes the default, not the dotenv value."""
    write(tmp_path, {"compose.yaml": BASE, ".env": "SUMMARY_MODEL=dot"})
    value = app(tmp_path, environment={"SUMMARY_MODEL": ""})
    assert (value.text, value.origin) == ("gemma3:4b", Place("compose.yaml", 6, 35))


def test_a_dotenv_value_is_blamed_at_its_line(tmp_path: Path) -> None:
    """The line in `.env` is the literal, the default has lost."""
    write(tmp_path, {"compose.yaml": BASE, ".env": "# c\nSUMMARY_MODEL=dot\n"})
    assert app(tmp_path).origin == Place(".env", 2, 15)


def test_a_root_dotenv_that_is_not_read_is_named(tmp_path: Path) -> None:
    """The most frequent surprise: `-f compose/compose.yaml` reads `compose/.env`."""
    write(tmp_path, {"compose/compose.yaml": BASE, ".env": "SUMMARY_MODEL=dot"})
    project = load_project(tmp_path, files=["compose/compose.yaml"])
    lost = project.services["app"].environment["LLM_MODEL"].chain[-1]
    assert (lost.place, lost.why) == (Place(".env", 1, 15), ".env is only read in the project directory")
    assert project.files == ("compose/compose.yaml",)


def test_an_env_file_option_is_relative_to_the_root(tmp_path: Path) -> None:
    """Options of the command line are relative to where it is run."""
    write(tmp_path, {"compose/compose.yaml": BASE, ".env": "SUMMARY_MODEL=dot"})
    assert app(tmp_path, files=["compose/compose.yaml"], env_files=[".env"]).text == "dot"


def test_a_later_file_overrides_an_earlier_one_and_says_so(tmp_path: Path) -> None:
    """The loser names the file that beat it."""
    over = "services: {app: {environment: [LLM_MODEL=qat]}}"
    write(tmp_path, {"compose.yaml": BASE, "ai.yaml": over})
    value = app(tmp_path, files=["compose.yaml", "ai.yaml"])
    assert (value.text, value.origin) == ("qat", Place("ai.yaml", 1, 42))
    assert (value.chain[-1].value, value.chain[-1].why) == ("gemma3:4b", "ai.yaml overrides it")


def test_environment_beats_env_file(tmp_path: Path) -> None:
    """The env_file line stays in the chain as a loser; its other names come through."""
    write(tmp_path, {"compose.yaml": BASE + "    env_file: e.env\n", "e.env": "LLM_MODEL=e\nOTHER=$LLM_MODEL\n"})
    value, other = app(tmp_path), app(tmp_path, "OTHER")
    assert (value.text, value.chain[-1].kind, value.chain[-1].why) == (
        "gemma3:4b",
        "env_file",
        "environment: in compose.yaml overrides it",
    )
    assert (other.text, other.chain[0].kind, other.chain[0].place) == ("gemma3:4b", "env_file", Place("e.env", 2, 7))


def test_a_name_without_a_value_masks(tmp_path: Path) -> None:
    """`MODEL:` with nothing to fill it hides env_file and stays unset."""
    text = "services:\n  app:\n    image: i\n    env_file: e.env\n    environment:\n      MODEL:\n"
    write(tmp_path, {"compose.yaml": text, "e.env": "MODEL=e"})
    service = load_project(tmp_path).services["app"]
    assert service.environment["MODEL"].text is None
    assert service.masked == frozenset({"MODEL"})


def test_an_unset_variable_is_a_warning_with_its_place(tmp_path: Path) -> None:
    """Compose warns; the place is ours."""
    write(tmp_path, {"compose.yaml": "services: {app: {image: 'i:${TAG}'}}"})
    assert load_project(tmp_path).warnings == (
        (Place("compose.yaml", 1, 28), "TAG is not set, Compose takes an empty text"),
    )


def test_the_literal_of_an_anchor_is_the_origin(tmp_path: Path) -> None:
    """An alias is not where the value stands."""
    text = "x-e: &e {M: '${Q:-q}'}\nservices:\n  app: {image: i, environment: {<<: *e}}\n"
    write(tmp_path, {"compose.yaml": text})
    assert app(tmp_path, "M").origin == Place("compose.yaml", 1, 19)


def test_extends_keeps_the_place_and_the_directory_of_the_base(tmp_path: Path) -> None:
    """Paths of an extended file are relative to it."""
    base = "services:\n  b:\n    build: {context: ctx}\n    environment: {A: base, B: base}\n"
    text = "services:\n  app:\n    extends: {file: sub/base.yaml, service: b}\n    environment: {A: own}\n"
    write(tmp_path, {"compose.yaml": text, "sub/base.yaml": base})
    service = load_project(tmp_path).services["app"]
    assert service.build is not None
    assert (service.build.context, service.build.dockerfile) == ("sub/ctx", "sub/ctx/Dockerfile")
    assert [service.environment[name].origin for name in "AB"] == [
        Place("compose.yaml", 4, 22),
        Place("sub/base.yaml", 4, 31),
    ]


def test_an_included_file_is_resolved_in_its_own_directory(tmp_path: Path) -> None:
    """Its build contexts, mounts and `.env` are beside it."""
    app_lines = "  app:\n    image: i:${V:-d}\n    build: .\n    volumes: ['./m:/m:ro', 'data:/d']\n"
    inc = f"services:\n{app_lines}volumes: {{data: }}\n"
    write(tmp_path, {"compose.yaml": "include: [inc/c.yaml]\n", "inc/c.yaml": inc, "inc/.env": "V=inc"})
    project = load_project(tmp_path)
    service = project.services["app"]
    assert service.image is not None
    assert (service.image.text, service.image.origin) == ("i:inc", Place("inc/.env", 1, 3))
    assert [(m.type, m.source, m.target, m.read_only) for m in service.volumes] == [
        ("bind", "inc/m", "/m", True),
        ("volume", "data", "/d", False),
    ]
    assert project.files == ("compose.yaml", "inc/c.yaml", "inc/.env")


def test_include_conflicts_stop_compose_2_and_merge_in_5(tmp_path: Path) -> None:
    """The dialect decides."""
    files = {"compose.yaml": "include: [i.yaml]\nservices: {app: {environment: {A: own}}}\n"}
    write(tmp_path, files | {"i.yaml": "services: {app: {image: i, environment: {B: inc}}}\n"})
    with pytest.raises(ResolutionError, match=r"is declared here and in i\.yaml"):
        load_project(tmp_path)
    assert set(load_project(tmp_path, dialect="5.1").services["app"].environment) == {"A", "B"}


def test_override_replaces_what_was_there(tmp_path: Path) -> None:
    """`!override` leaves nothing of the earlier node."""
    over = "services:\n  app:\n    environment: !override\n      NEW: x\n    ports: !override ['1:2']\n"
    write(tmp_path, {"compose.yaml": BASE + "    ports: ['3:4']\n", "o.yaml": over})
    service = load_project(tmp_path, files=["compose.yaml", "o.yaml"]).services["app"]
    assert (set(service.environment), [port.published for port in service.ports]) == ({"NEW"}, ["1"])


def test_a_disabled_profile_still_fails_on_required_variables_but_not_on_its_env_file(tmp_path: Path) -> None:
    """Profiles are applied after interpolation, and before env_files are read."""
    text = "services:\n  a: {image: i}\n  b: {image: i, profiles: [x], env_file: none.env}\n"
    write(tmp_path, {"compose.yaml": text})
    project = load_project(tmp_path)
    assert (set(project.services), set(project.disabled)) == ({"a"}, {"b"})
    with pytest.raises(ResolutionError, match=r"env_file none\.env cannot be read"):
        load_project(tmp_path, profiles=["*"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"files": ["none.yaml"]}, "the Compose file none.yaml cannot be read"),
        ({"env_files": ["none.env"]}, "the dotenv file none.env cannot be read"),
        ({}, "there is no compose.yaml"),
    ],
)
def test_a_missing_file_is_an_error_with_a_way_out(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    """Compose would refuse, and so do we, with what to do."""
    with pytest.raises(ResolutionError, match=message) as raised:
        load_project(tmp_path, **options)
    assert raised.value.fix


def test_unknown_keys_are_tolerated(tmp_path: Path) -> None:
    """A newer Compose file is still readable."""
    write(tmp_path, {"compose.yaml": "services: {app: {image: i, pre_start: [{command: x}]}}\n"})
    found = load_project(tmp_path).services["app"].get("pre_start.0.command")
    assert found is not None
    assert (found.value, found.place) == ("x", Place("compose.yaml", 1, 50))


def test_the_process_environment_never_enters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the declared environment counts."""
    monkeypatch.setenv("SUMMARY_MODEL", "process")
    assert app(write(tmp_path, {"compose.yaml": BASE})).text == "gemma3:4b"


def test_compose_file_in_dotenv_names_the_files(tmp_path: Path) -> None:
    """So does Compose."""
    write(
        tmp_path, {".env": "COMPOSE_FILE=a.yaml:b.yaml\nSUMMARY_MODEL=dot", "a.yaml": BASE, "b.yaml": "services: {}\n"}
    )
    project = load_project(tmp_path)
    assert (project.compose_files, project.services["app"].environment["LLM_MODEL"].text) == (
        ("a.yaml", "b.yaml"),
        "dot",
    )


REFUSED = {
    "an undeclared network": "services: {a: {image: i, networks: [n]}}",
    "an undeclared volume": "services: {a: {image: i, volumes: ['data:/d']}}",
    "neither image nor build": "services: {a: {environment: {A: 1}}}",
    "a dependency that no profile enables": "services: {a: {image: i, depends_on: [b]}, b: {image: j, profiles: [x]}}",
    "a key that is a number": "services: {a: {image: i, environment: {1: x}}}",
    "a list as a value": "services: {a: {image: i, environment: {A: [x]}}}",
    "an open bracket in a command": "services: {a: {image: i, command: 'x (y'}}",
    "no services at all": "services:",
    "a circle of extends": "services: {a: {image: i, extends: b}, b: {image: j, extends: a}}",
    "an empty host port": "services: {a: {image: i, ports: ['x:80']}}",
    "a host name to publish at": "services: {a: {image: i, ports: ['localhost:8080:80']}}",
    "a host name in brackets": "services: {a: {image: i, ports: ['[localhost]:8080:80']}}",
    "an address with a zone": "services: {a: {image: i, ports: ['[fe80::1%eth0]:8080:80']}}",
    "an address of three parts": "services: {a: {image: i, ports: ['127.0.1::80']}}",
    "an IPv6 address without brackets": "services: {a: {image: i, ports: ['::1:8080:80']}}",
    "a host name in the long form": "services: {a: {image: i, ports: [{target: 80, host_ip: localhost}]}}",
    "an address by a variable": "services: {a: {image: i, ports: ['${H:-localhost}:8080:80']}}",
    "a word for a boolean": "services: {a: {image: i, read_only: 'x'}}",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_compose_refuses_is_an_error_with_its_place(text: str, tmp_path: Path) -> None:
    """Nothing can be said about the values of such a project, but where it is broken."""
    with pytest.raises(ResolutionError) as raised:
        load_project(write(tmp_path, {"compose.yaml": text}))
    assert raised.value.place is not None
    assert raised.value.place.path == "compose.yaml"


def test_reset_of_one_name_fails_on_a_list_as_in_compose(tmp_path: Path) -> None:
    """Compose notes the path of the name, and a list has no such path; a map has."""
    over = "services: {a: {environment: {V: !reset null}}}"
    write(tmp_path, {"o.yaml": over, "l.yaml": "services: {a: {image: i, environment: [V=a]}}"})
    write(tmp_path, {"m.yaml": "services: {a: {image: i, environment: {V: a}}}"})
    listed, mapped = (load_project(tmp_path, files=[name, "o.yaml"]).services["a"] for name in ("l.yaml", "m.yaml"))
    assert (set(listed.environment), set(mapped.environment)) == ({"V"}, set())


@pytest.mark.parametrize(
    ("port", "address"),
    [
        ("127.0.0.1:8080:80", "127.0.0.1"),
        ("[::1]:8080:80", "::1"),
        ("[::]::80", "::"),
        ("[127.0.0.1]:8080:80", "127.0.0.1"),
        ("[]:8080:80", ""),
        (":8080:80", ""),
        ("::80", ""),
    ],
)
def test_a_port_is_published_at_an_address(port: str, address: str, tmp_path: Path) -> None:
    """An IPv6 address stands in brackets, and no address at all is every one."""
    project = load_project(write(tmp_path, {"compose.yaml": f"services: {{a: {{image: i, ports: ['{port}']}}}}"}))
    assert [one.host_ip for one in project.services["a"].ports] == [address]


def test_a_host_name_to_publish_at_is_refused_where_it_is_written(tmp_path: Path) -> None:
    """The place is the port's, and the message says what there is instead of an address."""
    text = "services:\n  a:\n    image: i\n    ports:\n      - localhost:8080:80\n"
    with pytest.raises(ResolutionError, match="publishes at `localhost`, should be an IP address") as raised:
        load_project(write(tmp_path, {"compose.yaml": text}))
    assert raised.value.place == Place("compose.yaml", 5, 9)
