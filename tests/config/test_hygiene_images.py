"""Images are named by what stays, and one server has one version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.facts.image_names import parse_reference
from pytest_newscreator.checks.hygiene.images import FLOATING_TAG, IMAGE_SKEW

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
BACKEND = "news-creator/Dockerfile.backend"
FROM = "FROM ollama/ollama:0.24.0"
BUILD = "    build:\n      context: ../news-creator\n      dockerfile: Dockerfile.backend\n"
DIGEST = "sha256:" + "0" * 64


def override(stack: Stack, text: str) -> None:
    """Give the backend something in a file that only the invocation `cpu` loads."""
    stack.edit(CPU, "  news-creator-backend:\n", f"  news-creator-backend:\n{text}")


@pytest.mark.parametrize(
    "text",
    [
        "ollama/ollama",
        "ollama/ollama:latest",
        "ollama/ollama:LATEST",
        "ollama/ollama:rocm",
        "python:latest-slim",
        "node:lts-alpine",
        "app:main",
        "app:nightly",
        "localhost:5000/app",
        "registry.example:5000/team/app:edge",
        "app:cuda-latest",
        "app:stable_slim",
    ],
)
def test_a_moving_name_floats(text: str) -> None:
    """No tag, or a word that a registry moves, whatever flavour stands beside it; a port is no tag."""
    assert parse_reference(text).is_floating


@pytest.mark.parametrize(
    "text",
    [
        "ollama/ollama:0.24.0",
        "ollama/ollama:0.24.0-rocm",
        "python:3.11-slim",
        "debian:bookworm-slim",
        "debian:stable-20240101",
        "app:main-1f3c5a7",
        "app:v2",
        "app:1.2.3-beta",
        "localhost:5000/app:7",
        f"app@{DIGEST}",
        f"app:latest@{DIGEST}",
        "app:mainframe",
    ],
)
def test_a_name_with_a_version_or_digest_stays(text: str) -> None:
    """A version, a date, a commit, a release's code name or a digest; a word that only begins like one is none."""
    assert not parse_reference(text).is_floating


@pytest.mark.parametrize("tag", ["", ":latest", ":rocm"])
def test_a_floating_base_is_found_at_its_reference(stack: Stack, tag: str) -> None:
    """In the FROM of any Dockerfile that counts."""
    stack.edit(BACKEND, FROM, f"FROM ollama/ollama{tag}")
    item, finding = stack.only(FLOATING_TAG)
    assert item == f"floating-tag[{BACKEND} ollama/ollama]"
    moving = tag.removeprefix(":") or "latest"
    said = f"ollama/ollama{tag} is whatever {moving} means that day, should name a version or digest"
    assert finding.headline == f"{stack.behind(BACKEND, 'FROM ')}: {said}"
    assert finding.severity == "error"


def test_a_floating_base_is_a_note_without_the_baseline(stack: Stack) -> None:
    """Hardening is what the contract asks for, or a hint."""
    stack.edit("newscreator.yaml", "security: baseline", "#")
    stack.edit(BACKEND, FROM, "FROM ollama/ollama")
    assert stack.only(FLOATING_TAG)[1].severity == "note"


def test_a_dockerfile_that_nothing_builds_counts(stack: Stack) -> None:
    """Somebody will build it; its id has no line number, and a second FROM of one image is the second."""
    stack.write("deploy/tools.Dockerfile", "FROM alpine AS one\nFROM alpine\n")
    assert sorted(stack.found(FLOATING_TAG)) == [
        "floating-tag[deploy/tools.Dockerfile alpine #2]",
        "floating-tag[deploy/tools.Dockerfile alpine]",
    ]


def test_stages_and_scratch_are_no_images(stack: Stack) -> None:
    """In any case of letters."""
    stack.write("deploy/Dockerfile", "FROM alpine:3.20 AS Base\nFROM base AS next\nFROM scratch\nFROM next\n")
    assert stack.found(FLOATING_TAG) == {}


def test_the_default_of_an_argument_is_evaluated(stack: Stack) -> None:
    """Where it is right as well as where it is wrong."""
    stack.edit(BACKEND, FROM, "ARG OLLAMA_VERSION=0.24.0\nFROM ollama/ollama:${OLLAMA_VERSION}")
    assert stack.found(FLOATING_TAG) == {}
    stack.edit(BACKEND, "OLLAMA_VERSION=0.24.0", "OLLAMA_VERSION=latest")
    _, finding = stack.only(FLOATING_TAG)
    assert finding.place == stack.behind(BACKEND, "FROM ")
    assert finding.observed == "ollama/ollama:latest"


def test_an_argument_of_the_build_is_blamed_where_it_is_given(stack: Stack) -> None:
    """The Dockerfile's own default is right, Compose gives another."""
    stack.edit(BACKEND, FROM, "ARG OLLAMA_VERSION=0.24.0\nFROM ollama/ollama:${OLLAMA_VERSION}")
    given = "      args: {OLLAMA_VERSION: latest}\n"
    stack.edit(AI, "      dockerfile: Dockerfile.backend\n", f"      dockerfile: Dockerfile.backend\n{given}")
    _, finding = stack.only(FLOATING_TAG)
    assert finding.place == stack.behind(AI, "OLLAMA_VERSION: ")


def test_an_argument_that_only_a_build_gives_is_known_by_the_build(stack: Stack) -> None:
    """Without Compose's value nobody knows the image, which is no finding and no pass."""
    stack.edit(BACKEND, FROM, "ARG OLLAMA_VERSION\nFROM ollama/ollama:${OLLAMA_VERSION}")
    (reason,) = stack.unverified(FLOATING_TAG).values()
    assert reason.startswith(f"{BACKEND}:2:6: which image ")
    given = "      args: {OLLAMA_VERSION: 0.24.0}\n"
    stack.edit(AI, "      dockerfile: Dockerfile.backend\n", f"      dockerfile: Dockerfile.backend\n{given}")
    assert stack.unverified(FLOATING_TAG) == {}
    assert stack.found(FLOATING_TAG) == {}


def test_an_image_of_compose_is_found_in_any_service(stack: Stack) -> None:
    """Outside the contract, and behind a profile that nothing enables."""
    added = "  proxy: {image: caddy}\n  tools: {image: curlimages/curl:latest, profiles: [tools]}\n\nvolumes:\n"
    stack.edit(AI, "\nvolumes:\n", added)
    assert {item: finding.place for item, finding in stack.found(FLOATING_TAG).items()} == {
        f"floating-tag[{AI} proxy]": stack.behind(AI, "proxy: {image: "),
        f"floating-tag[{AI} tools]": stack.behind(AI, "tools: {image: "),
    }


def test_a_default_of_an_image_is_evaluated_with_its_chain(stack: Stack) -> None:
    """The reference is the place, the default it comes from is in the chain."""
    stack.edit(AI, BUILD, "    image: ollama/ollama:${OLLAMA_VERSION:-latest}\n")
    _, finding = stack.only(FLOATING_TAG)
    assert finding.place == stack.behind(AI, "image: ")
    assert any(str(stack.behind(AI, "${OLLAMA_VERSION:-")) in hop for hop in finding.chain)


def test_a_dockerfile_inside_a_compose_file_counts(stack: Stack) -> None:
    """It has stages and images like any other; the block is the place."""
    inline = "      dockerfile_inline: |\n        FROM {} AS one\n        FROM one\n        FROM scratch\n"
    stack.edit(AI, "      dockerfile: Dockerfile.backend\n", inline.format("ollama/ollama"))
    item, finding = stack.only(FLOATING_TAG)
    assert item == f"floating-tag[{AI} news-creator-backend build]"
    assert finding.place == stack.behind(AI, "dockerfile_inline: ")
    stack.edit(AI, "FROM ollama/ollama AS", "FROM ollama/ollama:0.24.0 AS")
    assert stack.found(FLOATING_TAG) == {}


def test_an_image_that_only_the_host_names_is_not_verified(stack: Stack) -> None:
    """A variable without a default."""
    stack.edit(AI, BUILD, "    image: ollama/ollama:${OLLAMA_VERSION}\n")
    assert stack.found(FLOATING_TAG) == {}
    assert list(stack.unverified(FLOATING_TAG)) == [f"floating-tag[{AI} news-creator-backend]"]


def test_an_image_that_is_built_here_is_no_registrys(stack: Stack) -> None:
    """Its own name, the same in another service, as the base of another build, and a context given by name."""
    stack.edit(AI, BUILD, f"    image: backend\n{BUILD}      additional_contexts: {{common: ../common}}\n")
    stack.edit(AI, "\nvolumes:\n", "  worker: {image: 'backend:latest'}\n\nvolumes:\n")
    stack.write("deploy/Dockerfile", "FROM backend\nFROM common\n")
    assert stack.found(FLOATING_TAG) == {}


@pytest.mark.parametrize(("policy", "is_found"), [("never", False), ("build", False), ("always", True)])
def test_an_image_that_is_never_pulled_does_not_move(stack: Stack, policy: str, *, is_found: bool) -> None:
    """Nobody but this host makes it."""
    stack.edit(AI, "\nvolumes:\n", f"  tools: {{image: tools, pull_policy: {policy}}}\n\nvolumes:\n")
    assert bool(stack.found(FLOATING_TAG)) is is_found


def test_an_image_that_one_invocation_replaces_is_judged_there(stack: Stack) -> None:
    """The override's own reference is the place."""
    override(stack, "    build: !reset null\n    image: ollama/ollama\n")
    item, finding = stack.only(FLOATING_TAG)
    assert item == f"floating-tag[{CPU} news-creator-backend]"
    assert finding.place == stack.behind(CPU, "image: ")


def test_another_version_of_the_server_is_found_where_it_is_named(stack: Stack) -> None:
    """In a stage of a Dockerfile of the stack's own."""
    stack.write("news-creator/Dockerfile.models", "FROM docker.io/ollama/ollama:0.14.3\n")
    item, finding = stack.only(IMAGE_SKEW)
    assert item == "image-skew[ollama/ollama]"
    said = "ollama/ollama is 0.14.3 here, backend runs 0.24.0"
    assert finding.headline == f"{stack.behind('news-creator/Dockerfile.models', 'FROM ')}: {said}"
    assert finding.severity == "error"


def test_another_version_in_compose_is_found(stack: Stack) -> None:
    """Of a service outside the contract, and of an override of the service itself."""
    stack.edit(AI, "\nvolumes:\n", "  puller: {image: 'ollama/ollama:0.23.0'}\n\nvolumes:\n")
    override(stack, "    build: !reset null\n    image: ollama/ollama:0.22.0\n")
    _, finding = stack.only(IMAGE_SKEW)
    assert finding.place == stack.behind(AI, "image: '")
    assert finding.chain == (
        f"{stack.behind(BACKEND, 'FROM ')}: ollama/ollama:0.24.0, which backend runs",
        f"{stack.behind(CPU, 'image: ')}: ollama/ollama:0.22.0",
    )


def test_one_version_in_two_flavours_is_one_version(stack: Stack) -> None:
    """With another library for another card, with `v`, by default registry, by digest alone."""
    names = ["ollama/ollama:0.24.0-rocm", "docker.io/ollama/ollama:v0.24.0", f"ollama/ollama@{DIGEST}"]
    for index, name in enumerate(names):
        stack.write(f"news-creator/Dockerfile.{index}", f"FROM {name}\n")
    assert stack.found(IMAGE_SKEW) == {}


def test_other_images_and_other_folders_have_versions_of_their_own(stack: Stack) -> None:
    """Another repository's version, and a Dockerfile of no service of the contract."""
    stack.write("news-creator/Dockerfile.tools", "FROM team/ollama:0.14.3\n")
    stack.write("elsewhere/Dockerfile", "FROM ollama/ollama:0.14.3\n")
    assert stack.found(IMAGE_SKEW) == {}


def test_a_server_without_an_image_of_its_own_to_compare_is_no_subject(stack: Stack) -> None:
    """Named once, there is nothing to ask."""
    assert list(IMAGE_SKEW.subjects(stack.repository())) == []
