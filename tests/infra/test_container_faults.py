"""Faults of containers and of Docker itself: paused, out of memory, removed, a full disk, a daemon that goes away."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.contract.load import load
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.base_files import standin_files
from pytest_newscreator.verdicts import NotVerified


def sibling(name: str) -> Any:
    """Import a module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


faulty = sibling("faulty")
judged = faulty.judged

PROJECT = "newscreator-test-faults"
COMPOSE = ("docker", "compose", "-p", PROJECT, "-f", "compose/compose.yaml", "-f", "compose/cpu.yaml")
BACKEND = f"{PROJECT}-news-creator-backend-1"
PARTS = ("compose", "news-creator", "newscreator.yaml")


@pytest.fixture(scope="module")
def live_folder(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, reference: Path
) -> Iterator[Path]:
    """A user's own Compose stack of a copy of the reference stack, running, once for all faults."""
    kind = pytestconfig.getoption("newscreator_stack")
    if kind not in ("compose", "auto"):
        raise NotVerified(f"this run's stack is {kind}", needs="docker", fix="run with --newscreator-stack compose")
    engine.require()
    folder = tmp_path_factory.mktemp("live")
    models = folder / "models"
    models.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "tests", ".pytest_cache")
    for part in PARTS:
        source = reference / part
        shutil.copytree(source, folder / part, ignore=ignored) if source.is_dir() else shutil.copy2(source, folder)
    (folder / "pytest.ini").write_text("[pytest]\nnewscreator_pass_environment = CA_BUNDLE\n")
    bases = standin_files(load(folder / "newscreator.yaml"), models)
    pairs = " ".join(f"{name}=/model-files/{path.name}" for name, path in bases.items())
    lines = (f"MODEL_FILES_DIR={models}", f"OLLAMA_BASE_MODEL_FILES={pairs}", "NEWS_CREATOR_BACKEND_PORT=0",
             "NEWS_CREATOR_PORT=0")  # fmt: skip
    (folder / "compose" / ".env").write_text("\n".join(lines) + "\n")
    for one in (models, *models.parents[:4]):
        one.chmod(0o755)
    try:
        docker_(*COMPOSE[1:], "up", "--detach", "--build", "--wait", cwd=folder)
        yield folder
    finally:
        docker_(*COMPOSE[1:], "down", "--volumes", "--rmi", "local", cwd=folder)


def docker_(*arguments: str, cwd: Path | None = None) -> None:
    """Run Docker's client; what it is asked for must succeed."""
    subprocess.run(["docker", *arguments], check=True, cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def live(live_folder: Path, stack_copy: Any) -> Iterator[Any]:
    """The running stack as a copy to run the checks in; what a test wrote there is taken out again."""
    yield type(stack_copy)(live_folder)
    (live_folder / "conftest.py").unlink(missing_ok=True)


def at_item(copy: Any, name: str, what: str) -> None:
    """Let something happen right before an item of the copy's runs; its checks are impatient, to save time."""
    hook = faulty.AT_ITEM.format(name=name, what=what)
    (copy.folder / "conftest.py").write_text(faulty.IMPATIENT + hook)


def test_a_docker_daemon_that_goes_away_fails_once_and_is_not_waited_for(live: Any, tmp_path: Path) -> None:
    """The item that needs it next fails; what only Docker could tell is not judged; what answers by itself is."""
    mark, address = tmp_path / "cut", str(tmp_path / "d.sock")
    at_item(live, "healthy[app]", CUT.format(mark=str(mark)))
    with faulty.relay(address, SOCKET) as relay:
        cutter = threading.Thread(target=cut_when, args=(mark, relay), daemon=True)
        cutter.start()
        failed = judged(live, "-k", "healthy or stable or models", "--newscreator-stack", "attach",
                        DOCKER_HOST=f"unix://{address}")  # fmt: skip
    (message,) = failed.values()
    assert list(failed) == ["healthy[app]"]
    assert message.startswith("the Docker daemon stopped answering")
    status = {v["id"].partition("::")[2]: v["status"] for v in live.verdicts}
    assert status["stable[backend]"] == "not_verified"
    assert status["models[gemma3-4b-16k]"] == "passed"


def test_a_container_paused_after_it_was_found_healthy_is_a_failure(live: Any) -> None:
    """It keeps its port open and its health as it was; the message says that it is paused."""
    at_item(live, "models[news base]", f"subprocess.run(['docker', 'pause', {BACKEND!r}], check=True)")
    try:
        failed = judged(live, "-k", "healthy or models", "--newscreator-stack", "attach")
    finally:
        docker_("unpause", BACKEND)
    assert set(failed) == {"models[news base]", "models[gemma3-4b-16k]", "models[gemma3-4b-60k]"}
    assert all(message.startswith("backend (its container is paused") for message in failed.values())


def test_a_runner_killed_for_want_of_memory_is_told_so(live: Any) -> None:
    """Ollama itself speaks of resource limitations or an internal error; the kernel's counter knows which."""
    docker_("exec", BACKEND, "ollama", "stop", "gemma3-4b-16k")
    try:
        limited(64)
        failed = judged(live, "-k", "loaded and 16k", "--newscreator-stack", "attach")
    finally:
        docker_("update", "--memory", "12g", "--memory-swap", "12g", BACKEND)
    (message,) = failed.values()
    told = (
        "gemma3-4b-16k cannot be loaded by backend (the kernel killed a process of it for want of memory (memory limit"
    )
    assert message.startswith(told)


def limited(mib: int) -> None:
    """Limit the backend's memory, once what it had before is given back."""
    deadline = time.monotonic() + 30
    while True:
        try:
            docker_("update", "--memory", f"{mib}m", "--memory-swap", f"{mib}m", BACKEND)
        except subprocess.CalledProcessError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


SOCKET = "/var/run/docker.sock"
CUT = """import time; open({mark!r}, "w").close()
        while os.path.exists({mark!r}): time.sleep(0.01)"""


def cut_when(mark: Path, relay: Any) -> None:
    """Cut a relay as soon as a run asks for it."""
    deadline = time.monotonic() + faulty.BOUND_S
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    relay.cut()
    mark.unlink(missing_ok=True)


def test_a_full_disk_ends_the_start_with_its_cause(stack_copy: Any, by_compose: None) -> None:  # noqa: ARG001 - skips
    """A model volume without room for the models: the start says so, and nothing of it stays."""
    stack_copy.edit("compose/ai.yaml", "      - models:/var/lib/ollama\n", "")
    small = "      - /var/lib/ollama:uid=2000,gid=2000,mode=0700,size=1m\n    cap_drop"
    stack_copy.edit("compose/ai.yaml", "mode=0700\n    cap_drop", f"mode=0700\n{small}")
    done = stack_copy.run("-m", "infra", "-k", "healthy", "--newscreator-stack", "compose", "--newscreator-standin")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    assert "the disk is full" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not [folder for folder in stack_copy.run_folders() if folder.exists()]


def test_a_container_that_is_removed_meanwhile_is_a_failure(live: Any) -> None:
    """Last of all, since the stack is not the same afterwards."""
    at_item(live, "models[news base]", f"subprocess.run(['docker', 'rm', '--force', {BACKEND!r}], check=True)")
    failed = judged(live, "-k", "models", "--newscreator-stack", "attach")
    assert set(failed) == {"models[news base]", "models[gemma3-4b-16k]", "models[gemma3-4b-60k]"}
    assert all("was removed while it was verified" in message for message in failed.values())
