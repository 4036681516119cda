"""Level `deployed` on real containers: each way in which what runs is not what the files say, and who says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.checks.deployed.recreation import Drift, drifts
from pytest_newscreator.contract.load import load
from pytest_newscreator.observe import inside, records
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.container import Container
from pytest_newscreator.stack.model import Endpoint
from pytest_newscreator.verdicts import NotVerified

PROJECT = "newscreator-test-deployed"
CONTRACT = """\
version: 1
model: {base: "gemma3:4b"}
services:
  web: {kind: http, compose: web, port: 8000, health: /}
"""
COMPOSE = """\
name: {project}
services:
  web:
    build: web
    environment: ["GREETING=${GREETING:-hello}"]
    ports: ["127.0.0.1:0:8000"]
    volumes: ["./conf/app.ini:/etc/app.ini:ro"]
    stop_grace_period: 0s
    labels: ["team=news"]
"""
DOCKERFILE = """\
FROM python:3.11-slim
ENV MODE=plain
WORKDIR /srv
RUN echo built > /built
COPY start.sh page.html /srv/
COPY lib /srv/lib
CMD ["sh", "/srv/start.sh"]
"""
START = "# Serve the folder.\nexec python3 -m http.server 8000 --bind 0.0.0.0 --directory /srv\n"
ALL = "healthy or stable or origin or files or listening or environment"


@dataclass
class Live:
    """A small Compose project that its user started, and runs of the contract's checks beside it."""

    folder: Path
    project: str
    verdicts: list[dict[str, Any]] = field(default_factory=list)

    def write(self, path: str, text: str) -> None:
        """Write a file of the tree in place, as a program does that opens and writes it."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def lay_out(self) -> None:
        """Write the tree as it is before a test changes it; a replaced file is written through its inode again."""
        self.write("newscreator.yaml", CONTRACT)
        self.compose_file()
        self.write("web/Dockerfile", DOCKERFILE)
        self.write("web/start.sh", START)
        self.write("web/page.html", "one\ntwo\nthree\n")
        self.write("web/lib/greet.py", "WORD = 'hello'\n")
        self.write("conf/app.ini", "[app]\nsize = 1\n")

    def compose_file(self, more: str = "") -> None:
        """Write the Compose file, with more keys for its service."""
        self.write("compose.yaml", COMPOSE.replace("{project}", self.project) + more)

    def environment(self, **more: str) -> dict[str, str]:
        """Return this process's environment without what a run must not see."""
        hidden = ("NEWSCREATOR_REQUIRE", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")
        return {**{name: text for name, text in os.environ.items() if name not in hidden}, "CI": "1", **more}

    def compose(self, *arguments: str, folder: Path | None = None, **environment: str) -> None:
        """Run Docker Compose as the user would."""
        subprocess.run(["docker", "compose", *arguments], check=True, cwd=folder or self.folder,
                       env=self.environment(**environment), capture_output=True, text=True)  # fmt: skip

    def up(self, *arguments: str, **environment: str) -> None:
        """Build and start the project, and wait until it runs."""
        self.compose("up", "--detach", "--wait", "--build", "--timeout", "0", *arguments, **environment)

    def down(self) -> None:
        """Remove all that was started of it."""
        self.compose("down", "--volumes", "--rmi", "local", "--remove-orphans", "--timeout", "0")

    def container(self) -> Container:
        """Return what the engine says of the container now."""
        (found,) = engine.containers(self.project)
        return found

    def check(self, names: str = ALL) -> dict[str, str]:
        """Run the live checks; return the first line of what failed or is noted, by item."""
        out = self.folder.parent / "out"
        command = [sys.executable, "-m", "pytest", "newscreator.yaml", "-p", "no:cacheprovider", "-m", "infra",
                   "-k", names, "--newscreator-stack", "attach", "--newscreator-report", str(out)]  # fmt: skip
        shutil.rmtree(out, ignore_errors=True)
        done = subprocess.run(command, check=False, cwd=self.folder, env=self.environment(), capture_output=True,
                              text=True, timeout=300)  # fmt: skip
        report = out / "verdicts.json"
        self.verdicts = json.loads(report.read_text())["verdicts"] if report.exists() else []
        assert self.verdicts, done.stdout + done.stderr
        assert "Traceback" not in done.stdout
        return {v["id"].split("::")[1]: said(v) for v in self.verdicts if v["status"] == "failed"}

    def verdict(self, item: str) -> dict[str, Any]:
        """Return the verdict of one item of the last run."""
        (found,) = [v for v in self.verdicts if v["id"].endswith(f"::{item}")]
        return dict(found)


def said(verdict: dict[str, Any]) -> str:
    """Return a verdict's first line, with its place where it has one."""
    place = verdict["place"]
    at = f"{place['path']}:{place['line']}: " if place else ""
    return at + str(verdict["message"])


@pytest.fixture
def live(tmp_path: Path, by_compose: None) -> Iterator[Live]:  # noqa: ARG001 - skips
    """The files of the small project in a checkout of their own; whatever was started of them goes at the end."""
    found = Live(tmp_path / "checkout", f"{PROJECT}-own")
    found.lay_out()
    try:
        yield found
    finally:
        found.down()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Live]:
    """The project running, once for the tests that change its tree only."""
    if pytestconfig.getoption("newscreator_stack") not in ("compose", "auto"):
        raise NotVerified("this run's stack is no Compose", needs="docker", fix="--newscreator-stack compose")
    engine.require()
    found = Live(tmp_path_factory.mktemp("deployed") / "checkout", PROJECT)
    found.lay_out()
    try:
        found.up()
        yield found
    finally:
        found.down()


@pytest.fixture
def tree(started: Live) -> Iterator[Live]:
    """The tree of the running project, laid out again after a test that changes it."""
    yield started
    started.lay_out()


def test_a_sound_project_has_no_finding(tree: Live) -> None:
    """Started as its files say and built of this tree, every deployed check passes; caches made since are nobody's."""
    tree.write("web/lib/__pycache__/greet.cpython-311.pyc", "compiled")
    assert tree.check() == {}
    checks = {v["check"]: v["status"] for v in tree.verdicts if v["level"] == "deployed"}
    assert checks == dict.fromkeys(["healthy", "environment", "origin", "files", "listening", "stable"], "passed")


def test_the_second_container_of_a_service_is_held_too(live: Live) -> None:
    """A service scaled to two is not well while one of them has ended, whichever that is."""
    live.up("--scale", "web=2")
    live.compose("kill", "--signal", "KILL")
    first = min(one.name for one in engine.containers(live.project))
    subprocess.run(["docker", "start", first], check=True, capture_output=True)
    told = live.check("healthy")
    assert list(told) == ["healthy[web]"]
    assert f"{live.project}-web-2 is exited, exit code 137" in told["healthy[web]"].replace("_", "-")


MANY = """
    command: ["sh", "-c", "echo $$HOME; exec sh /srv/start.sh"]
    user: "1000:1000"
    working_dir: /srv/lib
    env_file: [app.env]
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    security_opt: ["no-new-privileges=true"]
    tmpfs: /tmp:size=1m
    shm_size: 128m
    init: true
    extra_hosts: ["other.example:10.0.0.9"]
    ulimits: {nofile: 1024}
    restart: on-failure:3
    stop_signal: SIGINT
    healthcheck: {test: "true", interval: 1500ms, timeout: 1m30s, retries: 2, start_period: 1s}
    configs: [{source: page, target: /etc/page.html}]
    secrets: [key]
    networks: {front: {aliases: [www]}}
    deploy: {resources: {limits: {cpus: "0.5", memory: 256M, pids: 64}, reservations: {memory: 64m}}}
    logging: {driver: json-file, options: {max-size: 1m}}
configs: {page: {file: ./web/page.html}}
secrets: {key: {file: ./conf/key}}
networks: {front: {}}
"""


def drifting(live: Live) -> list[Drift]:
    """Return the keys by which the running container differs from its files, without asking Compose."""
    repository = Repository(load(live.folder / "newscreator.yaml"), registry.readers())
    found = live.container()
    image = records.image(found.image)
    return list(drifts(repository.resolved["default"].services["web"], found.raw, image.config if image else None))


def test_a_project_with_many_keys_has_no_finding(live: Live) -> None:
    """Each in a spelling of its own, as the engine tells it otherwise; a config and a secret are compared too."""
    live.write("conf/key", "very secret\n")
    live.write("app.env", "SIZE=1\n")
    live.compose_file(MANY.replace("\n    command", "    command", 1))
    text = (live.folder / "compose.yaml").read_text()
    mounts = (
        "[./conf/app.ini:/etc/app.ini:ro, kept:/kept, {type: bind, source: ./conf, target: /conf, read_only: true}]"
    )
    text = text.replace('["./conf/app.ini:/etc/app.ini:ro"]', mounts).replace('"127.0.0.1:0:8000"', '"127.0.0.1::8000"')
    live.write("compose.yaml", text + "volumes: {kept: {}}\n")
    live.up()
    assert live.check() == {}
    passed = {v["id"].split("::")[1] for v in live.verdicts if v["status"] == "passed"}
    assert drifting(live) == [], "without Compose's own word too"
    assert {"files[web web/page.html]", "files[web conf/key]", "origin[web up]", "origin[web image]"} <= passed
    live.write("app.env", "SIZE=2\n")
    assert list(live.check()) == ["environment[web SIZE]"]


def test_a_crash_loop_without_a_health_check_is_not_stable(live: Live) -> None:
    """Docker says running, `up --wait` says healthy; the restarts are told once, by `stable`, with the exit code."""
    live.write("web/start.sh", "python3 -m http.server 8000 --bind 0.0.0.0 & sleep 1; echo giving up; exit 3\n")
    live.compose_file("    restart: always\n")
    live.up()
    deadline = time.monotonic() + 60
    while live.container().restart_count < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    found = live.check("healthy or stable")
    assert list(found) == ["stable[web]"]
    chain = live.verdict("stable[web]")["chain"]
    assert "restart" in found["stable[web]"]
    assert any("ended with exit code 3" in line for line in chain)
    assert any("giving up" in line for line in chain)


def test_a_child_that_the_kernel_killed_for_want_of_memory_is_found_behind_a_server_that_serves(live: Live) -> None:
    """The container runs on, restarts nothing and answers: only the kill says what happened."""
    eats = "python3 -c 'x = bytes([1]) * (300 << 20)'"
    live.write("web/start.sh", f"{eats}\n{START}")
    live.compose_file("    mem_limit: 80m\n")
    live.up()
    found = live.check("healthy or stable")
    assert list(found) == ["stable[web]"]
    assert "ran out of memory" in found["stable[web]"]
    assert "memory limit 80 MiB" in found["stable[web]"]


def test_a_start_script_edited_after_the_build_is_told_at_its_line(tree: Live) -> None:
    """The file that decides speaks, with its first differing line; the image is not blamed a second time."""
    tree.write("web/start.sh", START.replace("--bind 0.0.0.0", "--bind 0.0.0.0 --protocol HTTP/1.1"))
    found = tree.check()
    assert list(found) == ["files[web web/start.sh]"]
    assert found["files[web web/start.sh]"].startswith("web/start.sh:2: the container has exec python3")
    assert "built before" in " ".join(tree.verdict("files[web web/start.sh]")["chain"])


def test_any_other_file_edited_after_the_build_makes_the_image_stale(tree: Live) -> None:
    """A file that only the image carries is told by `origin`, at its line."""
    tree.write("web/lib/greet.py", "WORD = 'good evening'\n")
    found = tree.check()
    expected = "web/lib/greet.py:1: web runs a stale image: /srv/lib/greet.py is WORD = 'hello', the tree says WORD = "
    assert found == {"origin[web image]": expected + "'good evening'"}


def test_a_dockerfile_edited_after_the_build_makes_the_image_stale(tree: Live) -> None:
    """Each instruction is compared with what made the image: what a RUN says, and an ENV that is gone."""
    tree.write("web/Dockerfile", DOCKERFILE.replace("RUN echo built", "RUN echo rebuilt"))
    assert tree.check("origin") == {
        "origin[web image]": "web/Dockerfile:4: web runs a stale image: RUN is echo built > /built, the tree says "
        "echo rebuilt > /built"
    }
    tree.write("web/Dockerfile", DOCKERFILE.replace("ENV MODE=plain\n", ""))
    assert list(tree.check("origin")) == ["origin[web image]"]


def test_an_image_built_again_and_not_started_is_told(live: Live) -> None:
    """The tag names another image than the one that runs."""
    live.up()
    live.write("web/page.html", "four\n")
    live.compose("build")
    found = live.check()
    assert list(found) == ["origin[web image]"]
    assert "runs an image that newscreator-test-deployed-own-web named once" in found["origin[web image]"]


def test_a_file_changed_inside_the_container_is_told_as_such(live: Live) -> None:
    """Somebody's hand in the container is not a stale image."""
    live.up()
    subprocess.run(["docker", "exec", live.container().id, "sed", "-i", "s/Serve/Give/", "/srv/start.sh"], check=True)
    found = live.check()
    assert list(found) == ["files[web web/start.sh]"]
    assert "changed in the container" in " ".join(live.verdict("files[web web/start.sh]")["chain"])


def test_a_mounted_file_that_an_editor_replaced_is_still_the_old_one_inside(live: Live) -> None:
    """A bind mount holds on to the inode: the container reads what is no more in the tree."""
    live.up()
    (live.folder / "conf/new").write_text("[app]\nsize = 2\n")
    (live.folder / "conf/new").rename(live.folder / "conf/app.ini")
    found = live.check()
    expected = "conf/app.ini:2: the container has size = 1, the tree says size = 2 (web /etc/app.ini)"
    assert found == {"files[web conf/app.ini]": expected}


def test_a_mounted_file_written_in_place_is_the_trees(tree: Live) -> None:
    """The same inode with another text is no drift."""
    tree.write("conf/app.ini", "[app]\nsize = 2\n")
    assert tree.check("files") == {}


def test_a_key_that_the_files_say_otherwise_now_is_named(tree: Live) -> None:
    """Which service an `up` would create again, and by which key."""
    tree.compose_file("    read_only: true\n    mem_limit: 1g\n")
    found = tree.check()
    assert found == {"origin[web up]": "compose.yaml:10: web runs with read_only false, the files say true"}
    assert any("memory is 1073741824, runs with 0" in line for line in tree.verdict("origin[web up]")["chain"])


def test_what_docker_update_changed_is_found_though_compose_sees_no_change(live: Live) -> None:
    """Compose's own dry run would leave the container; the limit is another one all the same."""
    live.compose_file("    mem_limit: 1g\n    memswap_limit: 2g\n")
    live.up()
    command = ["docker", "update", "--memory", "512m", "--memory-swap", "2g", live.container().id]
    subprocess.run(command, check=True, capture_output=True)
    found = live.check()
    assert found == {"origin[web up]": "compose.yaml:10: web runs with memory 536870912, the files say 1073741824"}
    assert live.verdict("origin[web up]")["fix"] == "docker compose up -d --force-recreate web"


def test_a_variable_of_the_shell_is_told_by_environment_alone(live: Live) -> None:
    """An `up` would create the container again, for the variable that `environment` names."""
    live.up(GREETING="good evening")
    found = live.check()
    assert list(found) == ["environment[web GREETING]"]
    assert live.verdict("origin[web up]")["status"] == "not_verified"


def test_a_container_of_a_second_checkout_is_named_with_its_folder(live: Live) -> None:
    """`up` in another checkout of the project replaced the container: it is nobody's of this tree."""
    live.compose_file("  other:\n    image: python:3.11-slim\n    command: sleep 600\n")
    live.write("newscreator.yaml", CONTRACT + "  other: {kind: http, compose: other}\n")
    live.up()
    second = live.folder.parent / "second"
    shutil.copytree(live.folder, second, ignore=shutil.ignore_patterns("tmp", "out"))
    live.compose("up", "--detach", "--force-recreate", "web", folder=second)
    found = live.check("healthy and web or origin and web")
    assert list(found) == ["healthy[web]"]
    assert found["healthy[web]"].endswith(f"{live.project}-web-1 runs it from another checkout, {second}")


def test_a_start_with_a_file_that_no_invocation_names_is_told(live: Live) -> None:
    """An override of somebody's own is in no declared way of starting it."""
    mine = live.folder.parent / "mine.yaml"
    mine.write_text("services: {web: {init: true}}\n")
    live.compose("-f", "compose.yaml", "-f", str(mine), "up", "--detach", "--wait", "--build")
    found = live.check("origin")
    assert f"web was started with {mine}, as no declared invocation is" in found["origin[web checkout]"]


def test_files_are_compared_through_the_engine_where_the_process_cannot_be_looked_into(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the right to `/proc/PID/root` the engine's archives and `cat` say the same, old inodes included."""
    live.up()
    (live.folder / "conf/new").write_text("[app]\nsize = 2\n")
    (live.folder / "conf/new").rename(live.folder / "conf/app.ini")
    endpoint = Endpoint(service=None, how="container", container=live.container().id)  # type: ignore[arg-type]
    near = inside.inside(endpoint)
    monkeypatch.setattr(os, "access", lambda *_: False)
    far = inside.inside(endpoint)
    assert isinstance(far, inside.Asked)
    assert near is not None
    for path in ("/etc/app.ini", "/srv/start.sh", "/srv/none", "/etc/none"):
        assert far.read(path) == near.read(path)
    assert far.read("/etc/app.ini") == b"[app]\nsize = 1\n"
    far.prepare("/srv/lib")
    assert far.archives == {"/srv/lib": {"/srv/lib/greet.py": b"WORD = 'hello'\n"}}
    assert far.read("/srv/lib/greet.py") == near.read("/srv/lib/greet.py")


def test_what_a_start_script_sets_behind_the_environment_is_what_ollama_says_that_it_uses(
    stack_copy: Any,
    by_process: None,  # noqa: ARG001 - skips
) -> None:
    """The process was given the right values; the server's own log and its answers say what it made of others."""
    script = "news-creator/entrypoint-backend.sh"
    exports = "set -euo pipefail\nexport OLLAMA_NUM_PARALLEL=4 OLLAMA_ORIGINS='*'\n"
    stack_copy.edit(script, "set -euo pipefail\n", exports)
    names = "environment or effective or foreign or stable or listening or files"
    stack_copy.run("-m", "infra", "-k", names, "--newscreator-stack", "process", "--newscreator-standin")
    found = {v["id"].split("::")[1]: v["message"] for v in stack_copy.failed()}
    assert found == {
        "effective-config[backend OLLAMA_NUM_PARALLEL]": "backend uses OLLAMA_NUM_PARALLEL=4, it was given 1",
        "foreign-origin[backend]": "backend answers a page of http://evil.example with 200, should answer 403",
    }


def test_a_page_that_the_files_let_in_is_told_once(stack_copy: Any, by_process: None) -> None:  # noqa: ARG001 - skips
    """Where `origins` says it of the files, the live check steps back; the list is printed as it was given."""
    stack_copy.edit(
        "compose/ai.yaml",
        "    environment:\n      OLLAMA_BASE_MODEL:",
        "    environment:\n      OLLAMA_ORIGINS: '*'\n      OLLAMA_BASE_MODEL:",
    )
    stack_copy.run("-k", "origins or foreign or effective", "--newscreator-stack", "process", "--newscreator-standin")
    assert [v["id"].split("::")[1] for v in stack_copy.failed()] == ["origins[backend]"]
    by_id = {v["id"].split("::")[1]: v["status"] for v in stack_copy.verdicts}
    assert by_id["foreign-origin[backend]"] == "not_verified"
    assert by_id["effective-config[backend OLLAMA_ORIGINS]"] == "passed"
