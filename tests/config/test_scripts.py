"""The scripts say what was verified, refuse what they do not know, and do not take a slow registry for none."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

PARTS = (
    "scripts",
    ".ci",
    "compose",
    "news-creator",
    "newscreator.yaml",
    "pyproject.toml",
    "constraints.txt",
    ".env.example",
)
NEEDED = (
    "bash", "basename", "cat", "chmod", "cp", "cut", "date", "dirname", "env", "find", "git", "grep", "head", "id",
    "mkdir", "mktemp", "mv", "rm", "sed", "seq", "sha256sum", "sh", "sleep", "tail", "tar", "tee", "timeout", "tr",
    "uname",
)  # fmt: skip
FEW = ("-k", "modelfile or healthy")
"""What picks a check of files and a live one: the scripts' own part is the same for all of them."""
OLD_REPORT = '{"verdicts": [{"level": "served", "status": "passed", "severity": "error"}]}'


@dataclass(frozen=True, slots=True)
class Checkout:
    """A copy of the repository's scripts and stack, with this Python as its environment and few programs on PATH."""

    folder: Path

    def stub(self, name: str, script: str) -> None:
        """Put a stub of an outer program on PATH."""
        program = self.folder / "bin" / name
        program.unlink(missing_ok=True)
        program.write_text(f"#!/usr/bin/env bash\n# A stub of {name}.\n{script}\n")
        program.chmod(0o755)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy, stderr among stdout."""
        environment = {
            "PATH": str(self.folder / "bin"),
            "HOME": str(self.folder),
            "NEWSCREATOR_CACHE": str(self.folder / "cache"),
            **variables,
        }
        return subprocess.run(
            command, check=False, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120,
        )  # fmt: skip

    def check(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run `check.sh`; return its exit code and its last line."""
        done = self.run("scripts/check.sh", "-p", "no:cacheprovider", *arguments, **variables)
        return done.returncode, done.stdout.splitlines()[-1]


@pytest.fixture
def checkout(tmp_path: Path, reference: Path) -> Checkout:
    """A checkout whose environment counts as made."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "tests", ".*_cache", ".env")
    for part in PARTS:
        source = reference / part
        shutil.copytree(source, folder / part, ignore=ignored) if source.is_dir() else shutil.copy2(
            source, folder / part
        )
    made_from = ("pyproject.toml", "constraints.txt", "news-creator/app/requirements.txt")
    stamp = hashlib.sha256(b"".join((folder / name).read_bytes() for name in made_from)).hexdigest()
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / ".made-from").write_text(f"{stamp}\n")
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{reference}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / "bin").mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        if found:
            (folder / "bin" / name).symlink_to(found)
    return Checkout(folder)


@pytest.mark.parametrize("script", ["check.sh", "test.sh"])
@pytest.mark.parametrize("stack", ["bogus", "attach", "http://127.0.0.1:1"])
def test_a_stack_that_is_not_known_is_refused_in_one_line(checkout: Checkout, script: str, stack: str) -> None:
    """Before anything is made or started, with the words that are known."""
    shutil.rmtree(checkout.folder / ".venv")
    done = checkout.run(f"scripts/{script}", STACK=stack)
    assert done.returncode == 2
    assert done.stdout == (
        f"live: STACK={stack} is none of compose, process and none; do: choose one, or leave it out\n"
    )


def test_a_run_that_selects_no_live_check_verifies_nothing_live(checkout: Checkout) -> None:
    """`-m config` is no live verification, and the report of an earlier run does not speak for this one."""
    checkout.stub("ollama", "exit 1")
    (checkout.folder / "report").mkdir()
    (checkout.folder / "report" / "verdicts.json").write_text(OLD_REPORT)
    assert checkout.check("-m", "config", *FEW, STACK="process") == (
        0,
        "live: NOT VERIFIED (this run made no live check), do leave out what deselects them",
    )


def test_the_report_of_an_earlier_run_does_not_speak_for_one_without(checkout: Checkout) -> None:
    """A run that writes no report has verified nothing."""
    checkout.stub("ollama", "exit 1")
    (checkout.folder / "report").mkdir()
    (checkout.folder / "report" / "verdicts.json").write_text(OLD_REPORT)
    code, last = checkout.check("--no-such-option", STACK="process")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert last == "live: FAILED (the run ended with exit code 4, see above)"


def test_a_stack_that_does_not_start_is_told_as_failed(checkout: Checkout) -> None:
    """An `ollama` that ends at once verifies nothing, whatever the config checks say."""
    checkout.stub("ollama", "exit 1")
    code, last = checkout.check(*FEW, STACK="process")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert last == "live: FAILED (the run ended with exit code 4, see above)"


def test_no_stack_wanted_is_said_with_the_way_out(checkout: Checkout) -> None:
    """`STACK=none` has a reason and an advice like every other."""
    assert checkout.check(*FEW, STACK="none") == (
        0,
        "live: NOT VERIFIED (STACK=none was asked for), do set STACK=compose or STACK=process, or leave it out",
    )


def test_a_process_stack_that_was_asked_for_and_cannot_be_had_fails(checkout: Checkout) -> None:
    """No `ollama` and no Go is exit code 4 with the reason, also without HOME; not a quiet success."""
    done = checkout.run("env", "-u", "HOME", "scripts/check.sh", STACK="process")
    assert done.returncode == 4
    assert done.stdout.splitlines()[-1] == (
        "live: FAILED (STACK=process cannot be had: go is not on PATH), "
        "do install Go 1.24 or newer, or put an ollama binary on PATH"
    )


@pytest.mark.parametrize(
    ("docker", "reason"),
    [
        ("exit 1", "no Docker daemon answers"),
        ('[ "$1" != compose ]', "the docker compose plugin is missing"),
        ('[ "$1" != buildx ]', "the docker buildx plugin is missing"),
        ('[ "$1" != image ] && [ "$1" != pull ]', "the image python:3.11-slim is neither here nor to be pulled"),
    ],
)
def test_a_compose_stack_that_was_asked_for_and_cannot_be_had_fails(
    checkout: Checkout, docker: str, reason: str
) -> None:
    """Exit code 4 with what is missing of Docker."""
    checkout.stub("docker", docker)
    code, last = checkout.check(STACK="compose")
    assert code == 4
    assert last.startswith(f"live: FAILED (STACK=compose cannot be had: {reason}), do ")


def test_what_is_missing_of_either_stack_is_said_of_a_stack_left_open(checkout: Checkout) -> None:
    """Without STACK both reasons and both ways out stand in one line, and the config checks still run."""
    checkout.stub("docker", "exit 1")
    code, last = checkout.check(*FEW)
    assert code == 0
    assert last == (
        "live: NOT VERIFIED (no Docker daemon answers, and go is not on PATH), do start Docker, with its compose and "
        "buildx plugins, or install Go 1.24 or newer, or put an ollama binary on PATH"
    )


def test_an_end_by_a_signal_ends_the_build_too(checkout: Checkout) -> None:
    """Neither the compilers nor the ticker outlive `build-ollama.sh`, and its work folder goes."""
    for name in ("g++", "apt-get"):
        checkout.stub(name, "exit 1")
    for header in ("usr/include/nlohmann/json.hpp", "usr/include/stb/stb_image.h", "miniaudio/miniaudio.h"):
        file = checkout.folder / "cache" / "headers" / header
        file.parent.mkdir(parents=True)
        file.touch()
    checkout.stub("go", '[ "$1" = install ] || exit 1; : >"$HOME/began"; sleep 60')
    (checkout.folder / "tmp").mkdir()
    environment = {
        "PATH": str(checkout.folder / "bin"), "HOME": str(checkout.folder), "TMPDIR": str(checkout.folder / "tmp"),
        "NEWSCREATOR_CACHE": str(checkout.folder / "cache"),
    }  # fmt: skip
    with subprocess.Popen(
        ["scripts/build-ollama.sh"], cwd=checkout.folder, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as run:  # fmt: skip
        _until_there(checkout.folder / "began")
        run.terminate()
    left = _alive_in(checkout.folder)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == {}
    assert run.returncode == 143
    assert list((checkout.folder / "tmp").iterdir()) == []


def _until_there(file: Path) -> None:
    """Wait up to 20 s for a file."""
    subprocess.run(
        ["timeout", "20", "bash", "-c", 'until [ -e "$1" ]; do sleep 0.05; done', "-", str(file)], check=True
    )


def _alive_in(folder: Path) -> dict[int, str]:
    """Return the processes whose HOME is a folder, pid to command, once they had a second to go; no zombies."""
    for _ in range(20):
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"HOME={folder}\0".encode() in entry.joinpath("environ").read_bytes():
                    found[int(entry.name)] = entry.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode()
        if not found:
            break
        time.sleep(0.05)
    return found


REGISTRY = """
echo "$*" >>"$HOME/docker.calls"
case "$1" in
    image) exit 1 ;;
    manifest) {manifest} ;;
    pull) {pull} ;;
    *) exit 0 ;;
esac
"""


def _machine(checkout: Checkout, manifest: str, pull: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run `machine.sh` on a machine that has everything but images; return it and what Docker was asked."""
    for name in ("g++", "make", "python3", "apt-get", "debootstrap"):
        checkout.stub(name, "exit 0")
    checkout.stub("go", "echo go version go1.24.0")
    checkout.stub("docker", REGISTRY.format(manifest=manifest, pull=pull))
    done = checkout.run(".ci/machine.sh")
    return done, (checkout.folder / "docker.calls").read_text().splitlines()


def test_an_image_that_its_registry_has_is_pulled_however_long_it_takes(checkout: Checkout) -> None:
    """The question is `manifest inspect`; the pull that follows gets a long limit, and no stand-in is made."""
    (checkout.folder / "bin" / "timeout").unlink()
    checkout.stub("timeout", 'echo "timeout $1 $3" >>"$HOME/docker.calls"; shift; exec "$@"')
    done, calls = _machine(checkout, manifest="exit 0", pull="exit 0")
    assert done.returncode == 0, done.stdout
    limits = [call for call in calls if call.startswith("timeout") and call.endswith("pull")]
    assert limits == ["timeout 1800 pull"] * 3
    assert not any(call.startswith(("build ", "import ")) for call in calls)


def test_a_broken_pull_of_an_image_that_its_registry_has_is_an_error(checkout: Checkout) -> None:
    """A stand-in under the official name would hide that the official image is to be had."""
    done, calls = _machine(checkout, manifest="exit 0", pull="exit 1")
    assert done.returncode == 1
    assert "debian:bookworm-slim is in its registry and was not pulled (above); do: run this again" in done.stdout
    assert not any(call.startswith(("build ", "import ")) for call in calls)


def test_without_a_go_that_can_build_ollama_the_machine_is_refused_clearly(checkout: Checkout) -> None:
    """Debian's own Go is not installed only to fail later."""
    checkout.stub("go", "echo go version go1.19.8")
    for name in ("g++", "make", "python3"):
        checkout.stub(name, "exit 0")
    checkout.stub("apt-get", "exit 1")
    done = checkout.run(".ci/machine.sh", "9.9.9")
    assert done.returncode == 1
    assert "there is no Go of 1.21 or newer, which the build of ollama 9.9.9 needs" in done.stdout


def test_a_step_of_the_main_job_that_fails_has_its_timing_too(checkout: Checkout) -> None:
    """The last lines are the timings, the failed step among them, and the exit code is that step's."""
    machine = checkout.folder / ".ci" / "machine.sh"
    machine.write_text("#!/usr/bin/env bash\nexit 7\n")
    done = checkout.run(".ci/run")
    assert done.returncode == 7
    heading, failed, total = done.stdout.splitlines()[-3:]
    assert heading == "=== timings"
    assert failed.split() == ["machine", failed.split()[1], "s", "FAILED,", "exit", "code", "7"]
    assert total.startswith("total ")


def test_an_ollama_that_cannot_be_built_ends_the_main_job(checkout: Checkout) -> None:
    """The step on it fails with the build's exit code instead of running with `.` on PATH."""
    for script, said in (("scripts/build-ollama.sh", "exit 3"), (".ci/machine.sh", "exit 0")):
        (checkout.folder / script).write_text(f"#!/usr/bin/env bash\n{said}\n")
    checkout.stub("make", 'echo "make $* PATH=$PATH"')
    done = checkout.run(".ci/run")
    assert done.returncode == 3
    assert "make check, process stack" in done.stdout.splitlines()[-2]
    assert "PATH=.:" not in done.stdout


def test_the_matrix_tells_each_version_s_own_result(checkout: Checkout) -> None:
    """One version that cannot be built fails the matrix, and the other's result stands beside it."""
    (checkout.folder / "scripts" / "build-ollama.sh").write_text(
        '#!/usr/bin/env bash\n[ "$1" != 9.9.9 ] || exit 3\nmkdir -p built\ncp bin/ollama built/\necho built/ollama\n'
    )
    (checkout.folder / "scripts" / "check.sh").write_text(
        '#!/usr/bin/env bash\necho "check: $STACK $(ollama --version)"\n'
    )
    checkout.stub("ollama", "echo client version is 0.24.0")
    done = checkout.run("scripts/matrix.sh", "0.24.0", "9.9.9")
    assert done.returncode == 1
    assert "matrix: the binary says it is 0.24.0" in done.stdout
    assert "check: process client version is 0.24.0" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["ollama 0.24.0     exit code 0", "ollama 9.9.9      exit code 3"]
