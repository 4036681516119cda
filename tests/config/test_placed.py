"""What a process of our own is given, so that it reaches neither this user's servers nor folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_newscreator.errors import StackError
from pytest_newscreator.stack.placement import ANY_ADDRESS, Placing
from pytest_newscreator.stack.plan import confined
from pytest_newscreator.stack.scripts import place_scripts, refuse_scripts


def placing(root: Path, own: str = "ollama") -> Placing:
    """Return where an Ollama and its client stand."""
    return Placing(own, root, (), {("ollama", 11434): 40001, ("app", 8001): 40002}, nowhere=40009)


@pytest.mark.parametrize("text", ["", ANY_ADDRESS, "0.0.0.0:11434", "http://localhost:11434", "[::]:11434", ":11434"])
def test_ollama_listens_where_it_is_placed(tmp_path: Path, text: str) -> None:
    """In every spelling of its own address, and where none is given."""
    assert placing(tmp_path).ollama_host(text).removeprefix("http://") == "127.0.0.1:40001"


def test_a_client_reaches_the_run_or_nobody(tmp_path: Path) -> None:
    """What is this container in a container would be the user's server here."""
    assert placing(tmp_path, "app").ollama_host("ollama:11434") == "127.0.0.1:40001"
    assert placing(tmp_path, "app").ollama_host("") == "127.0.0.1:40009"
    assert placing(tmp_path, "app").text("http://localhost:11434/api") == "http://127.0.0.1:40009/api"
    assert placing(tmp_path, "app").ollama_host("https://models.example") == "https://models.example"


def test_home_and_models_are_the_runs_own(tmp_path: Path) -> None:
    """The model store of this user is neither read nor written, whoever named it."""
    environment = {"HOME": "/home/somebody", "OLLAMA_MODELS": "/srv/../data/models"}
    listed = list(confined("ollama", environment, tmp_path))
    assert environment == {"HOME": f"{tmp_path}/home/somebody", "OLLAMA_MODELS": f"{tmp_path}/data/models"}
    assert [one.name for one in listed] == ["HOME", "OLLAMA_MODELS"]
    assert not list(confined("ollama", environment, tmp_path))


def test_a_script_is_translated_in_the_runs_own_copy(tmp_path: Path) -> None:
    """Each line that changes is listed; comments and what OLLAMA_HOST replaces stay."""
    script = tmp_path / "start.sh"
    script.write_text("#!/bin/sh\n# localhost:11434\nexport OLLAMA_HOST=0.0.0.0\ncurl http://localhost:11434/\n")
    listed = list(place_scripts("ollama", tmp_path, [], placing(tmp_path)))
    told = ["#!/bin/sh", "# localhost:11434", "export OLLAMA_HOST=127.0.0.1:40001", "curl http://127.0.0.1:40001/"]
    assert script.read_text().splitlines() == told
    assert [one.name for one in listed] == ["/start.sh:3", "/start.sh:4"]


@pytest.mark.parametrize("line", ["curl localhost:$PORT", "OLLAMA_HOST=0.0.0.0:$PORT ollama serve"])
def test_an_address_that_is_computed_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    """It could be that of the user's own server."""
    (tmp_path / "start.sh").write_text(f"#!/bin/sh\n{line}\n")
    with pytest.raises(StackError, match=r"/start\.sh:2: ollama computes"):
        list(place_scripts("ollama", tmp_path, [], placing(tmp_path)))


def test_a_script_that_runs_in_the_checkout_is_never_changed(tmp_path: Path) -> None:
    """It is refused where it names the address that is placed."""
    (tmp_path / "run.sh").write_text("curl localhost:11434\n")
    with pytest.raises(StackError, match=r"run\.sh:1: ollama is told"):
        refuse_scripts("ollama", tmp_path, ["sh", "run.sh"], placing(tmp_path / "run"))
