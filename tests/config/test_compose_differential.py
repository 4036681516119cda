"""Random projects resolve to what `docker compose config` prints: the tool itself is the oracle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.resolve.compose.project import Project, load_project

DOCKER = shutil.which("docker")
# Shrinking would ask Docker Compose thousands of times; the failing project is printed instead.
PHASES = (Phase.explicit, Phase.generate)
# Docker looks for its plugins below HOME; nothing else of our own environment is handed on.
HOME = os.environ.get("HOME", ".")


def _has_compose() -> bool:
    if DOCKER is None:
        return False
    asked = subprocess.run([DOCKER, "compose", "version", "--short"], capture_output=True, text=True, check=False)
    return asked.returncode == 0 and asked.stdout.strip().startswith("2.")


pytestmark = pytest.mark.skipif(not _has_compose(), reason="docker compose 2 is not installed: it is the oracle here")


def oracle(root: Path, files: list[str], environment: dict[str, str]) -> dict[str, Any] | None:
    """Return what Docker Compose prints, None where it refuses."""
    assert DOCKER is not None
    flags = [part for name in files for part in ("-f", name)]
    explicit = {"PATH": str(Path(DOCKER).parent), "HOME": HOME, "PWD": str(root), **environment}
    command = [DOCKER, "compose", *flags, "config", "--format", "json"]
    done = subprocess.run(command, cwd=root, env=explicit, capture_output=True, text=True, check=False)
    return dict(json.loads(done.stdout)) if done.returncode == 0 else None


def ours(root: Path, files: list[str], environment: dict[str, str]) -> Project | None:
    """Return what we resolve, None where we refuse."""
    declared = {"PATH": str(Path(DOCKER or "").parent), "HOME": HOME, "PWD": str(root), **environment}
    try:
        return load_project(root, files=files, environment=declared)
    except ResolutionError:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {key.replace("$$", "$"): _plain(child) for key, child in value.items()}
    return [_plain(child) for child in value] if isinstance(value, list) else value


def printed(model: dict[str, Any] | None, root: Path) -> Any:
    """Cut Compose's output to what we compare."""
    if model is None:
        return None
    services = {name: _printed_service(_plain(service), root) for name, service in model["services"].items()}
    return {"name": model["name"], "services": services}


def _printed_service(service: dict[str, Any], root: Path) -> dict[str, Any]:
    build = service.get("build")
    ports = [
        (port.get("host_ip", ""), str(port.get("published", "")), port["target"], port.get("protocol", "tcp"))
        for port in service.get("ports", [])
    ]
    mounts = [
        (m["type"], _relative(m.get("source"), root, m["type"]), m["target"], m.get("read_only", False))
        for m in service.get("volumes", [])
    ]
    return {
        "image": service.get("image"),
        "environment": service.get("environment", {}),
        "command": service.get("command"),
        "entrypoint": service.get("entrypoint"),
        "ports": sorted(ports),
        "volumes": sorted(mounts, key=str),
        "build": build and (_relative(build["context"], root, "bind"), build.get("args", {}), build.get("target")),
    }


def _relative(path: str | None, root: Path, kind: str) -> str | None:
    return os.path.relpath(path, root) if path is not None and kind == "bind" else path


def resolved(project: Project | None, root: Path) -> Any:
    """Put our project into the same form."""
    if project is None:
        return None
    services = {}
    for name, s in project.services.items():
        build = s.build and (s.build.context, {key: arg.text for key, arg in s.build.args.items()}, s.build.target)
        mounts = [
            (m.type, _relative(_joined(m.source, root, m.type), root, m.type), m.target, m.read_only) for m in s.volumes
        ]
        services[name] = {
            "image": s.image.text if s.image else None,
            "environment": {key: value.text for key, value in s.environment.items()},
            "command": None if s.command is None else list(s.command),
            "entrypoint": None if s.entrypoint is None else list(s.entrypoint),
            "ports": sorted((port.host_ip, port.published, port.target, port.protocol) for port in s.ports),
            "volumes": sorted(mounts, key=str),
            "build": build,
        }
    return {"name": project.name, "services": services}


def _joined(path: str | None, root: Path, kind: str) -> str | None:
    return str(root / path) if path is not None and kind == "bind" else path


def agree(files: dict[str, str], environment: dict[str, str], compose: list[str] | None = None) -> None:
    """Assert that both make the same of a project, or both refuse it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "project"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text.encode())
        theirs = printed(oracle(root, compose or [], environment), root)
        mine = resolved(ours(root, compose or [], environment), root)
        assert mine == theirs, files


NAMES = st.sampled_from(["A", "B", "C", "MODEL", "EMPTY", "_x1"])
WORDS = st.text(alphabet="ab1.:/ '\"\\{}#,=%!", max_size=8)


def expansions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return expansions around texts."""
    operators = st.sampled_from([":-", "-", ":+", "+"])
    braced = st.tuples(NAMES, operators, inner).map(lambda parts: "${" + "".join(parts) + "}")
    return st.one_of(braced, NAMES.map("${{{}}}".format), NAMES.map("${}".format), st.just("$$"))


TEMPLATES = st.recursive(
    WORDS, lambda inner: st.lists(st.one_of(WORDS, expansions(inner)), max_size=3).map("".join), max_leaves=6
)
SCALARS = st.one_of(
    st.from_regex(r"[-+]?0?[0-9xbo_.]{1,6}(e[-+]?[0-9]{1,2})?", fullmatch=True),
    st.sampled_from(
        [
            "yes",
            "No",
            "on",
            "True",
            "FALSE",
            "null",
            "~",
            ".inf",
            "-.INF",
            ".nan",
            "12:30",
            "1e21",
            "1e-5",
            "0o17",
            "+1",
            "''",
        ]
    ),
)
ENVIRONMENT = {"A": "first", "EMPTY": "", "MODEL": "gemma3:4b"}


@settings(max_examples=8, deadline=None, derandomize=True, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(templates=st.lists(TEMPLATES, min_size=60, max_size=60), scalars=st.lists(SCALARS, min_size=60, max_size=60))
def test_values_agree_with_compose(templates: list[str], scalars: list[str]) -> None:
    """Interpolation and the rendering of YAML scalars, 120 values a run."""
    lines = [f"      T{i}: {json.dumps(text)}" for i, text in enumerate(templates)]
    plain = [f"      S{i}: {text}" for i, text in enumerate(scalars)]
    text = "\n".join(["services:", "  app:", "    image: i", "    environment:", *lines, *plain, ""])
    agree({"compose.yaml": text}, ENVIRONMENT)


ENTRIES = st.dictionaries(NAMES, st.one_of(st.none(), st.sampled_from(["", "v", "${A:-d}", "${C-e} x"])), max_size=4)


def _environment(entries: dict[str, str | None], *, listed: bool) -> Any:
    return [key if value is None else f"{key}={value}" for key, value in entries.items()] if listed else entries


@st.composite
def services(draw: st.DrawFn, *, full: bool) -> dict[str, Any]:
    """Return a service, or with `full` False what an override file says of it."""
    made: dict[str, Any] = {"image": "i:1"} if full else {}
    if draw(st.booleans()):
        made["environment"] = _environment(draw(ENTRIES), listed=draw(st.booleans()))
    if draw(st.booleans()):
        made["env_file"] = draw(
            st.sampled_from(["e.env", ["e.env"], ["f.env", "e.env"], [{"path": "no.env", "required": False}]])
        )
    if draw(st.booleans()):
        made["command"] = draw(st.sampled_from(["serve --x 'a b'", ["a", "${A}"], 'sh -c "x && y" && z', []]))
    if draw(st.booleans()):
        ports = [
            "80",
            "8080:80",
            "127.0.0.1:8080:80/udp",
            "9000-9001:90-91",
            "8000-8005:80",
            "[::1]:8081:81",
            {"target": 80, "published": "7000"},
        ]
        made["ports"] = draw(st.lists(st.sampled_from(ports), max_size=3, unique_by=str))
    if draw(st.booleans()):
        mounts = ["/anon", "./a:/a", "../b:/b:ro", "data:/d/", {"type": "bind", "source": "./c", "target": "/a"}]
        made["volumes"] = draw(st.lists(st.sampled_from(mounts), max_size=3, unique_by=str))
    if draw(st.booleans()):
        made["build"] = draw(
            st.sampled_from(["ctx", {"args": {"A": None, "Z": 1}}, {"context": "./x", "args": ["A=1", "C", "B"]}])
        )
    return made


@settings(max_examples=12, deadline=None, derandomize=True, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_projects_agree_with_compose(data: st.DataObject) -> None:
    """Two files, an include, an extension, dotenv and env_file: twelve services a run."""
    names = [f"s{i}" for i in range(6)]
    base = {name: data.draw(services(full=True)) for name in names}
    over = {name: data.draw(services(full=False)) for name in names}
    extended = {f"x{name}": {"extends": {"service": name}, **data.draw(services(full=False))} for name in names}
    included = {"inc": data.draw(services(full=True))}
    files = {
        "compose/a.yaml": yaml.safe_dump(
            {"include": ["../inc/c.yaml"], "services": {**base, **extended}, "volumes": {"data": {}}}, sort_keys=False
        ),
        "compose/b.yaml": yaml.safe_dump({"services": over}, sort_keys=False),
        "inc/c.yaml": yaml.safe_dump({"services": included, "volumes": {"data": {}}}, sort_keys=False),
        "compose/.env": "B=dot\nC='${A}'\n",
        "inc/.env": "_x1=inc\nB=inc\n",
    }
    for folder in ("compose", "inc"):
        files[f"{folder}/e.env"] = 'MODEL="$A-${_x1:-e}"\nNEW=e\nB\nEMPTY=$MODEL\n'
        files[f"{folder}/f.env"] = "NEW=f\nOLD=$NEW$B\n"
    agree(files, ENVIRONMENT, ["compose/a.yaml", "compose/b.yaml"])


LINES = st.one_of(
    st.tuples(
        st.sampled_from(["A", "B", "export C", "D.e", "E-1"]), st.sampled_from(["=", " = ", ": ", "=\t"]), TEMPLATES
    ).map("".join),
    st.tuples(NAMES, st.just("="), WORDS.map(lambda w: '"' + w.replace('"', '\\"') + '"')).map("".join),
    st.tuples(NAMES, st.just("="), WORDS.map(lambda w: "'" + w.replace("'", "") + "'")).map("".join),
    st.sampled_from(["A", "# c", "", "B=x # c", 'C="a\nb"', "D='x'#c", 'A="\\t\\0101\\$A\\q"']),
)


@settings(max_examples=25, deadline=None, derandomize=True, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(lines=st.lists(LINES, max_size=6), ending=st.sampled_from(["\n", "\r\n"]))
def test_env_files_agree_with_compose(lines: list[str], ending: str) -> None:
    """The dotenv dialect, read as an env_file; both refuse the same files."""
    text = "".join(line + ending for line in lines)
    agree({"compose.yaml": "services: {app: {image: i, env_file: e.env}}\n", "e.env": text}, ENVIRONMENT)


PORTS = [
    "localhost:8080:80",
    "[localhost]:8080:80",
    "name::80",
    "127.0.0.1:80",
    "127.1:80:80",
    "127.0.0.01:80:80",
    "::1:8080:80",
    "[::1]:8080:80",
    "[::1]:80",
    "[::]::80",
    "[]:80:80",
    ":8080:80",
    "[fe80::1%eth0]:80:80",
]


@pytest.mark.parametrize("port", PORTS)
def test_the_address_of_a_port_agrees_with_compose(port: str) -> None:
    """Compose publishes at addresses alone, and refuses a name."""
    agree({"compose.yaml": f"services: {{a: {{image: i, ports: ['{port}']}}}}"}, {})
