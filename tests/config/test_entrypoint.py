"""The backend's entrypoint refuses in its own words, and makes models in the server that it started only.

`ollama` is a stub here: a shell script that notes what it was asked and keeps the Modelfiles that it was given.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_newscreator.sources.ollama.modelfile import parse

SCRIPT = Path(__file__).parents[2] / "news-creator" / "entrypoint-backend.sh"
STUB = """#!/usr/bin/env bash
# A stub of ollama. `serve` stays until the entrypoint is ready and ends, and meanwhile `list` answers.
#   STUB_SILENT   `list` never answers
#   STUB_FOREIGN  `serve` ends at once, and from then on somebody else answers `list`
#   STUB_NO_BASE  no model is there
cd "$STUB_HOME"
echo "$*" >>calls
case "$1 ${STUB_SILENT:+silent}${STUB_FOREIGN:+foreign}" in
    "serve foreign") : >ended; exit 1 ;;
    "serve "*) [ -n "${STUB_SILENT:-}" ] || : >answers; until [ -e .news-creator-ready ]; do sleep 0.02; done ;;
    "list foreign") sleep 0.1; grep -q serve calls || exit 1; until [ -e ended ]; do sleep 0.02; done; sleep 0.3 ;;
    "list "*) [ -e answers ] ;;
    "show "*) [ -z "${STUB_NO_BASE:-}" ] ;;
    "create "*) cp "$4" "made.${2//[:\\/]/_}" ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Backend:
    """A folder with a stub `ollama`, in which the entrypoint can be run."""

    folder: Path

    def run(self, *, without: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the entrypoint to its end; the stub's server ends by itself."""
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "STUB_HOME": str(self.folder),
            "MODELFILE_DIR": str(self.folder),
            "NEWS_CREATOR_VARIANTS": "small",
            **variables,
        }
        environment.pop(without, None)
        return subprocess.run(
            ["bash", str(SCRIPT)], check=False, env=environment, cwd=self.folder,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def calls(self) -> list[str]:
        """Return what the stub was asked, in order."""
        told = self.folder / "calls"
        return told.read_text().splitlines() if told.exists() else []

    def imported(self, variables: str) -> str:
        """Return the file that the base is imported from under these `OLLAMA_BASE_MODEL_FILES`."""
        done = self.run(OLLAMA_BASE_MODEL="base:1", OLLAMA_BASE_MODEL_FILES=variables, STUB_NO_BASE="1")
        assert "importing base:1 from" in done.stderr, done.stderr
        return (self.folder / "made.base_1").read_text().splitlines()[0].removeprefix("FROM ")


def _backend(folder: Path) -> Backend:
    """Write the stub and a Modelfile."""
    (folder / "bin").mkdir()
    stub = folder / "bin" / "ollama"
    stub.write_text(STUB)
    stub.chmod(0o755)
    (folder / "Modelfile.small").write_text("FROM other\nPARAMETER num_ctx 512\n")
    return Backend(folder)


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    """A folder of a test's own."""
    return _backend(tmp_path)


def test_a_variant_is_made_of_the_selected_base(backend: Backend) -> None:
    """The stub can be satisfied: what follows fails for its own reason."""
    backend.run(OLLAMA_BASE_MODEL="base:1")
    assert (backend.folder / "made.small").read_text() == "FROM base:1\nPARAMETER num_ctx 512\n"


def test_a_server_that_answers_already_is_left_alone(backend: Backend) -> None:
    """Nothing is started and nothing is made where somebody else's Ollama answers at the address."""
    (backend.folder / "answers").touch()
    done = backend.run(OLLAMA_HOST="127.0.0.1:11500")
    assert done.returncode == 1
    assert "another Ollama answers at 127.0.0.1:11500" in done.stderr
    assert backend.calls() == ["list"]


def test_an_answer_of_another_server_does_not_count_once_ours_has_ended(backend: Backend) -> None:
    """A server that takes the address between the question and `serve` gets no models either."""
    done = backend.run(STUB_FOREIGN="1")
    assert done.returncode == 1
    assert "ollama serve ended before it answered" in done.stderr
    assert [call for call in backend.calls() if call.startswith(("create", "pull"))] == []


def test_a_silent_server_is_given_up_after_the_seconds_that_were_set(backend: Backend) -> None:
    """`NEWS_CREATOR_START_SECONDS` bounds the wait, and the message says it."""
    began = time.monotonic()
    done = backend.run(NEWS_CREATOR_START_SECONDS="1", STUB_SILENT="1", OLLAMA_HOST="127.0.0.1:11500")
    assert "ollama serve did not answer at 127.0.0.1:11500 within 1 s" in done.stderr
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("seconds", ["0", "1.5", "soon"])
def test_a_start_limit_that_is_no_number_of_seconds_is_refused(backend: Backend, seconds: str) -> None:
    """One line, before anything is started."""
    done = backend.run(NEWS_CREATOR_START_SECONDS=seconds)
    assert done.stderr == f'entrypoint: NEWS_CREATOR_START_SECONDS is "{seconds}"; write whole seconds\n'
    assert backend.calls() == []


@pytest.mark.parametrize("name", ["a|b", "a b", "-a", "a\nb", "$(x)"])
def test_a_base_that_is_no_name_is_refused_in_our_words(backend: Backend, name: str) -> None:
    """No tool's own message, and nothing is started."""
    done = backend.run(OLLAMA_BASE_MODEL=name)
    assert done.returncode == 1
    assert done.stderr == f'entrypoint: OLLAMA_BASE_MODEL is "{name}", which is no model\'s name; write NAME:TAG\n'
    assert backend.calls() == []


@pytest.mark.parametrize("name", ["base", "base:1", "ns/base:1-q4_K_M", "host.example:5000/ns/base:1"])
def test_every_form_of_a_name_is_taken(backend: Backend, name: str) -> None:
    """Hosts, ports, namespaces and tags belong to a name."""
    backend.run(OLLAMA_BASE_MODEL=name)
    assert (backend.folder / "made.small").read_text().startswith(f"FROM {name}\n")


def test_without_home_the_user_s_own_folder_is_home(backend: Backend) -> None:
    """No `unbound variable`: the refusal that follows is about something else."""
    done = backend.run(without="HOME", OLLAMA_MODELS=str(backend.folder), OLLAMA_BASE_MODEL="a|b")
    assert "unbound" not in done.stderr
    assert "OLLAMA_BASE_MODEL is" in done.stderr


@pytest.mark.parametrize(
    "pairs",
    [
        "base:1={file}",
        "other=/x base:1={file}",
        "other=/x,base:1={file},",
        "base:1={file}, other=/x",
        "other=/y\nbase:1={file}\nmore=/x\n",
    ],
)
@pytest.mark.parametrize("name", ["m.gguf", "my model.gguf", "a, b.gguf"])
def test_a_path_ends_where_another_pair_begins(backend: Backend, pairs: str, name: str) -> None:
    """Blanks and commas inside a path belong to it, whatever stands between the pairs."""
    file = backend.folder / name
    file.touch()
    assert backend.imported(pairs.format(file=file)) == str(file)


def test_a_relative_path_counts_from_the_working_directory(backend: Backend) -> None:
    """Ollama would take it from the Modelfile's folder, so it is made absolute."""
    (backend.folder / "m.gguf").touch()
    assert backend.imported("base:1=m.gguf") == str(backend.folder / "m.gguf")


def test_text_that_is_no_pair_is_named(backend: Backend) -> None:
    """A path without its name is told, not skipped."""
    done = backend.run(OLLAMA_BASE_MODEL="base:1", OLLAMA_BASE_MODEL_FILES="/m.gguf", STUB_NO_BASE="1")
    assert done.returncode == 1
    assert "OLLAMA_BASE_MODEL_FILES holds name=path pairs, and this is none: /m.gguf" in done.stderr


QUOTED = st.tuples(
    st.sampled_from(["SYSTEM ", "TEMPLATE ", "  system ", "PARAMETER stop ", "MESSAGE user "]),
    st.lists(st.sampled_from(["from x", "FROM y", "said", '"', "# no", "SYSTEM a", "PARAMETER top_k 3"]), max_size=4),
    st.sampled_from(['"""', '"']),
).map(lambda parts: f"{parts[0]}{parts[2]}" + "\n".join(parts[1]) + parts[2])
PLAIN = st.sampled_from(
    ["FROM other", "from  other", "  From other ", "# from here", "PARAMETER num_ctx 512", 'SYSTEM say "from', ""]
)  # fmt: skip


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.lists(st.one_of(QUOTED, PLAIN), max_size=6), min_size=10, max_size=10))
def test_only_the_command_from_is_replaced(tmp_path_factory: pytest.TempPathFactory, files: list[list[str]]) -> None:
    """By Ollama's own grammar every command but FROM is what it was, quoted text over several lines included."""
    sources = {f"v{number}": "\n".join(["FROM other", *lines, ""]) for number, lines in enumerate(files)}
    backend = _backend(tmp_path_factory.mktemp("rebase"))
    for name, source in sources.items():
        (backend.folder / f"Modelfile.{name}").write_text(source)
    backend.run(OLLAMA_BASE_MODEL="base:1", NEWS_CREATOR_VARIANTS=" ".join(sources))
    made = {name: (backend.folder / f"made.{name}").read_text() for name in sources}
    shutil.rmtree(backend.folder)
    for name, source in sources.items():
        expected = [(c.name, "base:1" if c.name == "model" else c.value) for c in parse(source).commands]
        assert [(c.name, c.value) for c in parse(made[name]).commands] == expected
