"""A build that cannot work is one finding; what is built for services outside the contract is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
DOCKERFILE = "news-creator/Dockerfile.backend"
MODELFILE = "news-creator/Modelfile.gemma3-4b-16k"
TAGGER = {
    "tagger/Dockerfile": "FROM python:3\nENV LLM_NUM_CTX=2048 OLLAMA_BASE_MODEL=gemma3:4b\n",
    "tagger/main.py": 'import os\nMODEL = os.getenv("LLM_MODEL", "gemma3:4b")\nOTHER = "gemma3:4b"\n',
    "tagger/entry.sh": "#!/bin/sh\nollama pull gemma3:4b\n",
    "tagger/.env.example": "LLM_NUM_CTX=2048\n",
    "tagger/Modelfile.tags": "FROM gemma3:4b\n",
}
SERVICE = "services:\n  tagger:\n    build: ../tagger\n"


def tagger(stack: Stack, service: str = SERVICE) -> None:
    """Add a service that the contract does not know, with sources of its own."""
    stack.edit(CPU, "services:\n", service)
    for path, text in TAGGER.items():
        stack.write(path, text)


@pytest.mark.parametrize("old", ["FROM", "\nENV HOME"], ids=["first line", "later line"])
def test_a_misspelt_instruction_is_one_finding_at_its_line(stack: Stack, old: str) -> None:
    """All that the image would have given steps back."""
    text = stack.text(DOCKERFILE)
    where = text.index(old) + old.count("\n")
    stack.write(DOCKERFILE, text[:where] + "FORM x\n" + text[where:])
    (broken,) = stack.broken()
    assert broken.item == "resolved[default backend build]"
    line = text[:where].count("\n") + 1
    message = "build of backend: FORM is no instruction of a Dockerfile"
    assert broken.headline == f"{DOCKERFILE}:{line}:1: {message}"


def test_a_dockerfile_of_one_wrong_line_is_one_finding(stack: Stack) -> None:
    """That it has no FROM either is the same fault."""
    stack.write(DOCKERFILE, "FORM x\n")
    (broken,) = stack.broken()
    assert broken.headline == f"{DOCKERFILE}:1:1: build of backend: FORM is no instruction of a Dockerfile"


def test_the_application_may_have_the_broken_dockerfile(stack: Stack) -> None:
    """The service whose options are compared is no exception, and the collection goes on."""
    stack.write("news-creator/Dockerfile", "FORM x\n")
    assert [judgement.item for judgement in stack.broken()] == ["resolved[default app build]"]


def test_a_missing_dockerfile_is_one_finding_at_the_build(stack: Stack) -> None:
    """Compose would stop there, under every invocation."""
    (stack.root / DOCKERFILE).unlink()
    (broken,) = stack.broken()
    assert broken.item == "resolved[default backend build]"
    assert broken.headline.endswith(f"build of backend: the Dockerfile {DOCKERFILE} does not exist")
    assert broken.headline.startswith(f"{AI}:")


def test_a_missing_build_context_is_one_finding_at_the_build(stack: Stack) -> None:
    """A moved folder is told as such, not as the files in it."""
    text = stack.text(AI)
    stack.write(AI, text.replace("../news-creator\n", "../gone\n", 1))
    (broken,) = [one for one in stack.broken() if one.item.startswith("resolved")]
    assert broken.headline.endswith(": the context gone does not exist")


def test_a_build_context_outside_the_repository_is_not_judged(stack: Stack) -> None:
    """Whether the checkout beside this one is there is not for this repository to say."""
    text = stack.text(AI)
    stack.write(AI, text.replace("../news-creator\n", "../../elsewhere\n", 1))
    assert not [one for one in stack.broken() if "build" in one.item]


def test_a_modelfile_without_from_is_one_finding(stack: Stack) -> None:
    """FROM's own item says so."""
    stack.edit(MODELFILE, "FROM gemma3:4b-it-qat\n", "")
    (broken,) = stack.broken()
    assert broken.headline == f"{MODELFILE}: FROM is not set, the contract says gemma3:4b-it-qat"


@pytest.mark.parametrize(
    ("old", "new"), [("FROM gemma3", "FORM gemma3"), ("PARAMETER num_ctx", "PARAMETR num_ctx"), ("num_ctx", "num_ctxx")]
)
def test_a_misspelt_line_of_a_modelfile_is_one_finding(stack: Stack, old: str, new: str) -> None:
    """What the line would have stated is not said to be missing as well."""
    stack.edit(MODELFILE, old, new)
    assert [judgement.item for judgement in stack.broken()] == ["modelfile[gemma3-4b-16k grammar]"]


def test_a_service_outside_the_contract_is_silent_with_all_its_sources(stack: Stack) -> None:
    """It may run other models with other settings, on another host."""
    tagger(stack)
    assert [(one.item, one.status) for one in stack.judge() if one.status != "passed"] == [
        ("resolved[host]", "not_verified")
    ]


def test_sources_that_the_contract_reaches_too_still_count(stack: Stack) -> None:
    """A folder inside the context of a service of the contract is in that image as well."""
    stack.edit(CPU, "services:\n", "services:\n  tagger:\n    build: ../news-creator\n")
    stack.write("news-creator/main.py", TAGGER["tagger/main.py"])
    assert "default[news-creator/main.py LLM_MODEL]" in [judgement.item for judgement in stack.broken()]


def test_a_service_built_from_the_whole_repository_silences_nothing(stack: Stack) -> None:
    """`build: ..` does not make the scripts beside the stack another service's."""
    tagger(stack, "services:\n  tagger:\n    build: ..\n")
    stack.write("deploy/pull.sh", "#!/bin/sh\nollama pull gemma3:4b\n")
    assert "default[deploy/pull.sh literal gemma3:4b]" in [judgement.item for judgement in stack.broken()]
