"""The lease of a run: whoever dies, what was started is ended once, and nothing of a later run with it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from pytest_newscreator.checks.served.alone import hold_alone
from pytest_newscreator.contract.model import Service
from pytest_newscreator.errors import StackError
from pytest_newscreator.stack import choose, process, shared, watchdog
from pytest_newscreator.stack.daemon import endpoint
from pytest_newscreator.stack.inputs import command_files, model_files, state
from pytest_newscreator.stack.model import Endpoint, Request, Stack
from pytest_newscreator.stack.plan import Plan
from pytest_newscreator.stack.run import LEASE, ORDERS, Run, claimed, sweep
from pytest_newscreator.verdicts import NotVerified

OPENS = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from pytest_newscreator.stack.run import Run
print("opening", flush=True)
run = Run.open("one")
print("opened", (run.folder / "lease").exists(), flush=True)
"""
LISTENS = """
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the runs of one test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"pytest-newscreator-{os.getuid()}"


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """A function that starts Python with a text in a session of its own; ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def starting(code: str, *arguments: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, start_new_session=True))
        return started[-1]

    yield starting
    for one in started:
        one.kill()
        one.communicate(timeout=20)


def said(one: subprocess.Popen[bytes]) -> str:
    """Return the next line that a process writes, within ten seconds."""
    assert one.stdout is not None
    assert select.select([one.stdout], [], [], 10)[0], "it waits for something"
    return one.stdout.readline().decode().strip()


def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition for up to ten seconds; return whether it came."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_the_lock_of_a_folder_that_was_removed_meanwhile_is_not_taken_for_a_run(
    tmp_path: Path, runs: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """Who waits for a clean-up of the run that it wants begins anew in a folder of its own."""
    Run.open("one").release()
    with claimed(runs / "one") as had:
        assert had
        waiting = start(OPENS, tmp_path)
        assert said(waiting) == "opening"
        time.sleep(0.3)
        assert waiting.poll() is None
        watchdog.remove(str(runs / "one"))
    assert said(waiting) == "opened True"


def test_a_clean_up_holds_up_no_other_run(tmp_path: Path, runs: Path, start: Callable[..., Any]) -> None:
    """While a dead run is cleaned up, another one opens."""
    (runs / "dead").mkdir(parents=True)
    (runs / "dead" / LEASE).touch()
    with claimed(runs / "dead") as had:
        assert had
        other = start(OPENS, tmp_path)
        assert [said(other), said(other)] == ["opening", "opened True"]


def test_a_run_in_use_is_not_swept_and_a_dead_one_is(runs: Path) -> None:
    """Only what nobody uses and nobody keeps is cleaned up."""
    used, kept = Run.open("used"), Run.open("kept")
    kept.keep()
    kept.release()
    Run.open("dead").release()
    assert sweep() == []
    assert sorted(path.name for path in runs.iterdir() if path.is_dir()) == ["kept", "used"]
    used.release()


def test_what_a_run_of_the_same_name_failed_to_remove_is_not_told_again(runs: Path) -> None:
    """The word of an earlier failure goes when the run is opened."""
    runs.mkdir()
    (runs / "one.failed").write_text("an old story")
    Run.open("one").release()
    assert not (runs / "one.failed").exists()


def test_a_run_whose_watchdog_was_killed_cleans_up_itself_and_says_so(tmp_path: Path) -> None:
    """The orders are carried out at the end of the run, not at the start of the next."""
    run, left = Run.open("one"), tmp_path / "left"
    left.mkdir()
    run.order("remove", left)
    run.watch()
    watching = int((run.folder / "watchdog").read_text(encoding="ascii").split()[0])
    os.kill(watching, signal.SIGKILL)
    assert "the watchdog of the stack was killed" in run.leave()
    assert not left.exists()
    assert not run.folder.exists()


def test_a_watchdog_at_work_says_nothing(tmp_path: Path) -> None:
    """What went as it should is not told."""
    run, left = Run.open("one"), tmp_path / "left"
    left.mkdir()
    run.order("remove", left)
    run.watch()
    assert not run.leave()
    assert not left.exists()


def test_the_watchdog_of_a_removed_run_leaves_the_next_one_alone(tmp_path: Path) -> None:
    """Orders of a later run of the same name are not carried out by the watchdog of the earlier."""
    first, stays = Run.open("one"), tmp_path / "stays"
    stays.mkdir()
    first.watch()
    watching = int((first.folder / "watchdog").read_text(encoding="ascii").split()[0])
    assert until(lambda: "flock" in Path(f"/proc/{watching}/wchan").read_text() or _sleeps(watching))
    watchdog.remove(str(first.folder))
    second = Run.open("one")
    second.order("remove", stays)
    child = cast("subprocess.Popen[bytes]", first._child)
    first._lease = cast("Any", first._lease).close()
    assert child.wait(timeout=10) == 0
    assert stays.exists()
    second.release()


def _sleeps(pid: int) -> bool:
    """Return whether a process has the run's lease open, and so waits for it."""
    return any(str(link.readlink()).endswith(f"/{LEASE}") for link in Path(f"/proc/{pid}/fd").iterdir())


def test_one_who_has_the_stack_alone_keeps_the_others_waiting() -> None:
    """A stack that is being changed is joined when that is over."""
    one, other = Run.open("one"), Run.open("one")
    with one.starting():
        assert one.take()
    assert not other.take()
    one.share()
    with other.starting():
        pass
    assert not one.take()
    one.share()
    other.release()
    assert one.take()
    one.release()


def test_a_check_that_changes_the_stack_is_not_verified_while_another_run_uses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two runs with --newscreator-keep share a stack; neither takes the other's models away."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    one, other = Run.open("one"), Run.open("one")
    stack = Stack("process", owned=True, invocation=None, endpoints={}, run=one)
    with other.starting(), pytest.raises(NotVerified, match="another run uses the stack"):
        hold_alone(stack)
    other.release()
    late = Run.open("one")
    with hold_alone(stack):
        assert not late.take()
    with late.starting():
        assert not one.take()
    late.release()
    one.release()


def test_a_start_that_was_killed_half_way_is_cleaned_up_before_the_next(tmp_path: Path) -> None:
    """What it left would be taken for a part of the new stack."""
    run, left = Run.open("kept-1"), tmp_path / "left"
    left.mkdir()
    run.order("remove", left)
    request = Request(cast("Any", None), None, run)

    def starts(_: Request) -> Stack:
        assert not left.exists()
        return Stack("process", owned=True, invocation=None, endpoints={})

    stack = shared.kept(request, lambda: "made of", starts, lambda _: True)
    assert stack.kept
    run.release()


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DOCKER_HOST": "tcp://far:1"}, ["-u", "DOCKER_CONTEXT", "DOCKER_HOST=tcp://far:1"]),
        ({"DOCKER_CONTEXT": "far"}, ["-u", "DOCKER_HOST", "DOCKER_CONTEXT=far"]),
        ({}, ["-u", "DOCKER_HOST", "DOCKER_CONTEXT=chosen"]),
        ({"DOCKER_CONFIG": "/nowhere"}, ["DOCKER_CONTEXT=default", "DOCKER_CONFIG=/nowhere"]),
    ],
)
def test_a_command_is_ordered_with_the_daemon_of_its_run(
    tmp_path: Path, environment: dict[str, str], words: list[str]
) -> None:
    """A clean-up from another environment must not ask another daemon, where it would find nothing to remove."""
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"currentContext": "chosen"}))
    given = endpoint({"HOME": str(tmp_path), **environment})
    assert given[0] == "env"
    assert set(words) <= set(given)


def test_an_order_to_run_a_command_says_which_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of the command follow those of the environment."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    run = Run.open("one")
    run.order("run", "docker", "compose", "down")
    (order,) = watchdog.read_orders(run.folder)
    assert order[:2] == ["run", "env"]
    assert order[-4:] == ["DOCKER_CONFIG=" + order[-4].partition("=")[2], "docker", "compose", "down"]
    assert "DOCKER_HOST=unix:///nowhere.sock" in order
    run.release()


def test_a_kept_stack_is_made_of_the_files_of_every_service(tmp_path: Path) -> None:
    """Services that the contract does not name are built and mounted too, and secrets are files."""
    for name in ("app/main.py", "app/skip.log", "more/x", "conf/a.conf", "secret", "elsewhere/big"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    root = tmp_path
    (root / "app/.dockerignore").write_text("*.log\n")
    build = {
        "context": str(root / "app"),
        "additional_contexts": {"more": str(root / "more"), "far": "docker-image://x"},
    }
    mount = {"type": "bind", "source": str(root / "conf")}
    model = {
        "services": {"db": {"build": build, "volumes": [mount, {"type": "volume", "source": "data"}]}},
        "secrets": {"s": {"file": str(root / "secret")}, "given": {"environment": "X"}},
    }
    found = {path.relative_to(root).as_posix() for path in model_files(model, root)}
    assert found == {"app/main.py", "app/.dockerignore", "more/x", "conf/a.conf", "secret"}


@pytest.mark.parametrize(
    "command",
    [["python", "app/main.py"], ["uvicorn", "app.main:app"], ["python", "-m", "app.main"], ["x", "--file=app/main.py"]],
    ids=" ".join,
)
def test_a_kept_process_is_made_of_its_scripts(tmp_path: Path, command: list[str]) -> None:
    """The script and what lies beside it: an edited one is another stack."""
    (tmp_path / "app").mkdir()
    for name in ("app/main.py", "app/beside.py", "other.py"):
        (tmp_path / name).touch()
    assert command_files(command, tmp_path) == {tmp_path / "app/main.py", tmp_path / "app/beside.py"}


def test_a_file_that_may_be_executed_is_another_one(tmp_path: Path) -> None:
    """The mode of a start script is what it is made of too; one that is not to be read is said to be so."""
    script = tmp_path / "start.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o644)
    before = state(script)
    script.chmod(0o755)
    assert state(script) != before
    assert state(tmp_path / "nowhere")[0] == "not to be read"


def test_a_process_is_not_started_where_somebody_else_listens(tmp_path: Path) -> None:
    """The user's own application would be verified instead; the failure names who holds the port."""
    run = Run.open("one")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        service = cast("Service", _Named("app"))
        plan = Plan(service, ("false",), {}, tmp_path, port, (), (), tmp_path / "log")
        with pytest.raises(StackError, match=rf"app cannot be started: port {port} is held by process {os.getpid()}"):
            process._start(plan, Request(cast("Any", None), None, run))
    assert not (tmp_path / "log").exists()
    run.release()


class _Named:
    """What a failed start says of a service: its key."""

    def __init__(self, key: str) -> None:
        """Take the key."""
        self.key = key


def test_only_the_process_that_was_started_answers_for_its_port(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    """A listener of somebody else, or none, is not the service."""
    ours, theirs = start(LISTENS), start(LISTENS)
    port, other = int(said(ours)), int(said(theirs))
    assert process.is_served_by(ours.pid, port)
    assert not process.is_served_by(ours.pid, other)
    theirs.kill()
    theirs.wait()
    assert not process.is_served_by(theirs.pid, other)


def test_a_kept_process_is_up_only_while_it_is_the_one_that_was_started(
    start: Callable[..., subprocess.Popen[bytes]],
) -> None:
    """Its number may be another's now, and its port too."""
    run, ours, theirs = Run.open("one"), start(LISTENS), start(LISTENS)
    port, other = int(said(ours)), int(said(theirs))
    run.order_kill(ours.pid)
    one = Endpoint(cast("Any", None), "process", f"http://127.0.0.1:{port}", pid=ours.pid)
    assert choose._is_same(one, run.folder)
    elsewhere = Endpoint(cast("Any", None), "process", f"http://127.0.0.1:{other}", pid=ours.pid)
    assert not choose._is_same(elsewhere, run.folder)
    orders = run.folder / ORDERS
    orders.write_text(json.dumps(["kill", str(ours.pid), "another boot 1"]) + "\n")
    assert not choose._is_same(one, run.folder)
    run.release()
