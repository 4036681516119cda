"""A variant that is selected is created at the start, of a Modelfile that is in the container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Conclusions, Findings
from pytest_newscreator.checks.source.files import BUILD
from pytest_newscreator.checks.source.variants import VARIANT_CHAIN
from pytest_newscreator.places import Place
from pytest_newscreator.verdicts import NotVerified

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
BACKEND = "news-creator/Dockerfile.backend"
SCRIPT = "news-creator/entrypoint-backend.sh"
IGNORE = "news-creator/.dockerignore"
CONTRACT = "newscreator.yaml"
V16, V60 = "gemma3-4b-16k", "gemma3-4b-60k"
ITEM = "variant-chain[gemma3-4b-60k]"
ITEM_16 = "variant-chain[gemma3-4b-16k]"
LIST = "${NEWS_CREATOR_VARIANTS:-gemma3-4b-16k gemma3-4b-60k}"
COPY = "COPY Modelfile.gemma3-4b-16k Modelfile.gemma3-4b-60k /opt/news-creator/modelfiles/"
GIVEN = "      OLLAMA_BASE_MODEL: ${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}\n"
SERVICE = "    restart: unless-stopped\n    init: true\n    read_only: true\n    tmpfs:\n"
ENTRY = 'ENTRYPOINT ["/opt/news-creator/entrypoint-backend.sh"]\nCMD []\n'
SERVE = "#!/bin/sh\nollama serve &\nsleep 1\n"


def test_the_chain_of_the_reference_stack_holds(stack: Stack) -> None:
    """Both variants are asked about."""
    found = stack.judged(VARIANT_CHAIN)
    assert list(found) == [f"variant-chain[{V16}]", ITEM]
    assert all(one.finding is None and one.unverified is None for one in found.values())


def test_a_variant_that_the_list_lacks_is_found_at_the_list(stack: Stack) -> None:
    """The default of the variable that the loop runs over."""
    stack.edit(SCRIPT, LIST, "${NEWS_CREATOR_VARIANTS:-gemma3-4b-16k}")
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, stack.behind(SCRIPT, "${NEWS_CREATOR_VARIANTS:-"))]
    assert (
        stack.only(VARIANT_CHAIN)[1].message
        == f"app's MODEL_60K_NAME may be {V60}, which nothing creates (invocation default)"
    )


def test_a_list_that_compose_gives_is_what_counts(stack: Stack) -> None:
    """The script's own default is right, and has no say."""
    stack.edit(AI, GIVEN, f"{GIVEN}      NEWS_CREATOR_VARIANTS: {V16}\n")
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, stack.behind(AI, "NEWS_CREATOR_VARIANTS: "))]
    stack.edit(AI, f"NEWS_CREATOR_VARIANTS: {V16}\n", f"NEWS_CREATOR_VARIANTS: {V60} {V16}\n")
    assert not stack.wrong(VARIANT_CHAIN)


@pytest.mark.parametrize(
    ("script", "before"),
    [
        ("for v in gemma3-4b-16k; do ollama create $v -f /m/Modelfile.$v; done\n", "for v in "),
        ('V=(gemma3-4b-16k)\nfor v in "${V[@]}"; do ollama create $v -f /m/Modelfile.$v; done\n', "V=("),
        ("ollama create gemma3-4b-16k -f /m/Modelfile.gemma3-4b-16k\n", SERVE),
        ("make() { ollama create $1 -f /m/Modelfile.$1; }\nmake gemma3-4b-16k\n", "\nmake "),
    ],
)
def test_lists_have_many_forms(stack: Stack, script: str, before: str) -> None:
    """The other variant's name, or the call that creates it, is where this one should be."""
    stack.write(SCRIPT, SERVE + script)
    stack.write(BACKEND, stack.text(BACKEND).replace("/opt/news-creator/modelfiles/\n", "/m/\n"))
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, stack.behind(SCRIPT, before))]


def test_a_renamed_variant_is_found(stack: Stack) -> None:
    """The setting and the contract have the new name, the script the old one."""
    stack.write(CONTRACT, stack.text(CONTRACT).replace(f"{V60}:", "news-60k:").replace(f": {V60}", ": news-60k"))
    assert ("variant-chain[news-60k]", stack.behind(SCRIPT, "${NEWS_CREATOR_VARIANTS:-gemma3-4b-16k ")) in stack.wrong(
        VARIANT_CHAIN
    )
    assert len(stack.wrong(VARIANT_CHAIN)) == 1


def test_a_variant_that_nobody_selects_need_not_be_created(stack: Stack) -> None:
    """Its Modelfile is held by another check."""
    stack.edit(SCRIPT, LIST, "${NEWS_CREATOR_VARIANTS:-gemma3-4b-16k}")
    stack.edit(CONTRACT, "MODEL_60K_NAME: gemma3-4b-60k,\n", "\n")
    stack.edit(AI, " && ollama show gemma3-4b-60k >/dev/null", "")
    assert not stack.wrong(VARIANT_CHAIN)


def test_a_variant_that_only_the_health_check_asks_for_is_created_too(stack: Stack) -> None:
    """No setting selects it, and without it the container never becomes healthy."""
    stack.edit(SCRIPT, LIST, "${NEWS_CREATOR_VARIANTS:-gemma3-4b-16k}")
    stack.edit(CONTRACT, "MODEL_60K_NAME: gemma3-4b-60k,\n", "\n")
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, stack.behind(SCRIPT, "${NEWS_CREATOR_VARIANTS:-"))]
    asks = stack.behind(AI, "gemma3-4b-16k >/dev/null && ollama show ")
    assert stack.only(VARIANT_CHAIN)[1].message == f"{asks} asks for {V60}, which nothing creates (invocation default)"


def test_a_container_that_creates_nothing_is_found_at_the_service(stack: Stack) -> None:
    """A script that lies in the image, and that nothing starts, creates nothing."""
    stack.edit(BACKEND, ENTRY, "")
    assert stack.wrong(VARIANT_CHAIN) == [(item, Place(AI, 3, 3)) for item in (f"variant-chain[{V16}]", ITEM)]


@pytest.mark.parametrize(
    "service",
    [
        "entrypoint: [sh, -c, 'for v in gemma3-4b-16k gemma3-4b-60k; do ollama create $$v -f -; done']\n",
        "entrypoint: /make.sh\n    volumes: [./make.sh:/make.sh]\n",
    ],
)
def test_another_service_may_create_it(stack: Stack, service: str) -> None:
    """An init container is part of the project."""
    stack.edit(BACKEND, ENTRY, "")
    stack.write("compose/make.sh", "#!/bin/sh\nollama create gemma3-4b-16k -f -\nollama create gemma3-4b-60k -f -\n")
    stack.edit(AI, "services:\n", f"services:\n  init:\n    image: ollama/ollama:0.24.0\n    {service}")
    assert not stack.wrong(VARIANT_CHAIN)
    assert not stack.unverified(VARIANT_CHAIN)


def test_a_script_that_no_container_starts_is_not_verified(stack: Stack) -> None:
    """Somebody runs it by hand, or nobody does."""
    stack.edit(BACKEND, ENTRY, "")
    creates = "".join(f"docker compose exec x ollama create {name} -f -\n" for name in (V16, V60))
    stack.write("scripts/make.sh", f"#!/bin/sh\n{creates}")
    stack.edit(CONTRACT, '"scripts/**"', '"elsewhere/**"')
    assert not stack.wrong(VARIANT_CHAIN)
    assert (
        next(iter(stack.unverified(VARIANT_CHAIN).values()))
        == f"scripts/make.sh:2:23 creates {V16}, and no container starts that script"
    )


def test_a_program_that_asks_for_models_is_not_verified(stack: Stack) -> None:
    """Which ones it creates is not read here."""
    stack.edit(BACKEND, ENTRY, "")
    stack.write("news-creator/app/news_creator/make.py", 'import httpx\nhttpx.post(f"{URL}/api/create", json=BODY)\n')
    assert not stack.wrong(VARIANT_CHAIN)
    assert next(iter(stack.unverified(VARIANT_CHAIN).values())).startswith(
        f"news-creator/app/news_creator/make.py may create {V16}: "
    )


def test_a_request_of_a_script_is_not_verified(stack: Stack) -> None:
    """Its body is not read here."""
    stack.write(SCRIPT, f"{SERVE}curl localhost:11434/api/create -d @/m/body\n")
    assert not stack.wrong(VARIANT_CHAIN)
    assert len(stack.unverified(VARIANT_CHAIN)) == len((V16, V60))


@pytest.mark.parametrize("verb", ["cp gemma3:4b-it-qat", "pull"])
def test_a_variant_without_a_modelfile_may_be_copied_or_pulled(stack: Stack, verb: str) -> None:
    """It is there under its name all the same."""
    text = stack.text(CONTRACT)
    begin, end = text.index("      gemma3-4b-16k: {"), text.index('    stop: ["<end')
    stack.write(CONTRACT, f"{text[:begin]}      gemma3-4b-16k: {{}}\n      gemma3-4b-60k: {{}}\n{text[end:]}")
    stack.write(SCRIPT, f"{SERVE}for v in {V16} {V60}; do ollama {verb} $v; done\n")
    assert not stack.wrong(VARIANT_CHAIN)
    assert not stack.unverified(VARIANT_CHAIN)
    stack.edit(SCRIPT, f"in {V16} {V60}", f"in {V16}")
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, stack.behind(SCRIPT, "for v in "))]


def test_a_computed_name_is_not_verified(stack: Stack) -> None:
    """The place of the call is told."""
    stack.write(SCRIPT, f'{SERVE}for f in /m/*; do ollama create "$(basename "$f")" -f "$f"; done\n')
    assert not stack.wrong(VARIANT_CHAIN)
    assert (
        next(iter(stack.unverified(VARIANT_CHAIN).values()))
        == f"{SCRIPT}:4:19: which models are created is computed when it runs"
    )


def test_a_modelfile_that_is_not_copied_is_found_at_the_copy_of_the_others(stack: Stack) -> None:
    """The other variant's Modelfile stands where this one should."""
    stack.edit(BACKEND, COPY, "COPY Modelfile.gemma3-4b-16k /opt/news-creator/modelfiles/")
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, Place(BACKEND, 9, 6))]
    assert (
        stack.only(VARIANT_CHAIN)[1].message
        == f"{V60} is created of Modelfile.{V60}, which nothing brings into the container"
    )


def test_without_any_copy_the_last_from_is_the_place(stack: Stack) -> None:
    """Each variant lacks its own Modelfile."""
    stack.edit(BACKEND, f"{COPY}\n", "")
    assert [place for _, place in stack.wrong(VARIANT_CHAIN)] == [Place(BACKEND, 1, 1)] * 2


@pytest.mark.parametrize(
    "copy",
    [
        "COPY Modelfile.* /opt/news-creator/modelfiles/",
        "COPY . /opt/news-creator/modelfiles/",
        'COPY ["Modelfile.gemma3-4b-16k", "Modelfile.gemma3-4b-60k", "/opt/news-creator/modelfiles/"]',
        "COPY Modelfile.gemma3-4b-16k Modelfile.gemma3-4b-60k /made/\nRUN mkdir -p /opt/news-creator/modelfiles",
    ],
)
def test_a_copy_has_many_forms(stack: Stack, copy: str) -> None:
    """Wildcards and whole folders bring it as well; another folder is not the one it is read from."""
    stack.edit(BACKEND, COPY, copy)
    assert bool(stack.wrong(VARIANT_CHAIN)) is ("/made/" in copy)


@pytest.mark.parametrize(
    ("copy", "column", "why"),
    [
        (
            "COPY models/Modelfile.* /opt/news-creator/modelfiles/",
            6,
            "nothing in news-creator matches models/Modelfile.*",
        ),
        ("COPY modelfiles/ /opt/news-creator/modelfiles/", 6, "nothing in news-creator matches modelfiles/"),
    ],
)
def test_a_source_that_matches_nothing_is_found_at_its_word(stack: Stack, copy: str, column: int, why: str) -> None:
    """The COPY is there, and brings nothing: its own word is to blame, not the image it starts from."""
    stack.edit(BACKEND, COPY, copy)
    assert set(stack.wrong(VARIANT_CHAIN)) == {(item, Place(BACKEND, 9, column)) for item in (ITEM, ITEM_16)}
    assert all(why in finding.message for finding in stack.found(VARIANT_CHAIN).values())


def test_a_mounted_modelfile_is_there(stack: Stack) -> None:
    """What Compose mounts needs no COPY."""
    stack.edit(BACKEND, f"{COPY}\n", "")
    mount = "      - ../news-creator:/opt/news-creator/modelfiles:ro\n"
    stack.edit(AI, "      - models:/var/lib/ollama\n", f"      - models:/var/lib/ollama\n{mount}")
    assert not stack.wrong(VARIANT_CHAIN)


@pytest.mark.parametrize("line", ["Modelfile.*60k", "*\n!*16k\n!entrypoint-backend.sh\n!app"])
def test_an_ignored_modelfile_is_found_at_the_line_of_the_ignore_file(stack: Stack, line: str) -> None:
    """The line that decides, and `build` leaves it to this check."""
    stack.write(IGNORE, f"# first\n{line}\n")
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, Place(IGNORE, 2, 1))]
    findings = Findings((VARIANT_CHAIN, BUILD), stack.repository())
    conclude = Conclusions(findings, frozenset(findings.plan))
    _, subject = findings.plan[f"build[{BACKEND} Modelfile.{V60}]"]
    with pytest.raises(NotVerified, match="not judged twice"):
        conclude("build", subject)


def test_a_folder_that_the_script_does_not_read_is_found_at_the_variable(stack: Stack) -> None:
    """ENV names one folder, COPY fills another."""
    stack.edit(BACKEND, "ENV MODELFILE_DIR=/opt/news-creator/modelfiles", "ENV MODELFILE_DIR=/opt/models")
    place = stack.behind(BACKEND, "ENV MODELFILE_DIR=")
    assert {where for _, where in stack.wrong(VARIANT_CHAIN)} == {place}
    (finding, _) = stack.found(VARIANT_CHAIN).values()
    message = f"Modelfile.{V16} lies in /opt/news-creator/modelfiles, and is read from /opt/models"
    assert finding.message == message


def test_a_folder_written_into_the_script_is_found_at_the_copy(stack: Stack) -> None:
    """No variable can be blamed."""
    stack.edit(SCRIPT, 'MODELFILES="${MODELFILE_DIR:-$(cd "$(dirname "$0")" && pwd)}"', "MODELFILES=/models")
    stack.edit(BACKEND, "ENV MODELFILE_DIR=/opt/news-creator/modelfiles\n", "")
    where = stack.behind(BACKEND, "Modelfile.gemma3-4b-16k Modelfile.gemma3-4b-60k ")
    assert {place for _, place in stack.wrong(VARIANT_CHAIN)} == {where}


def test_a_variant_made_of_another_modelfile_is_found_at_its_creation(stack: Stack) -> None:
    """Created, and not as declared."""
    script = "ollama create gemma3-4b-16k -f /m/Modelfile.gemma3-4b-16k\n"
    script += "ollama create gemma3-4b-60k -f /m/Modelfile.gemma3-4b-16k\n"
    stack.write(SCRIPT, SERVE + script)
    stack.write(BACKEND, stack.text(BACKEND).replace("/opt/news-creator/modelfiles/\n", "/m/\n"))
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, Place(SCRIPT, 5, 1))]
    declared = f"news-creator/Modelfile.{V60}"
    assert (
        stack.only(VARIANT_CHAIN)[1].message
        == f"{V60} is made of news-creator/Modelfile.{V16}, the contract says {declared}"
    )


def test_a_modelfile_under_another_name_in_the_image_is_followed(stack: Stack) -> None:
    """COPY may rename it."""
    stack.write(SCRIPT, f"{SERVE}ollama create {V16} -f /m/small\nollama create {V60} -f /m/large\n")
    copies = f"COPY Modelfile.{V16} /m/small\nCOPY Modelfile.{V60} /m/large"
    stack.edit(BACKEND, COPY, copies)
    assert not stack.wrong(VARIANT_CHAIN)
    stack.edit(BACKEND, f"\nCOPY Modelfile.{V60} /m/large", "")
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, Place(BACKEND, 9, 6))]


def test_a_modelfile_that_does_not_exist_is_told_elsewhere(stack: Stack) -> None:
    """`modelfile` says so."""
    (stack.root / f"news-creator/Modelfile.{V60}").unlink()
    assert not stack.wrong(VARIANT_CHAIN)


@pytest.mark.parametrize(
    ("script", "before"),
    [
        ("ollama create gemma3-4b-16kx -f /m/Modelfile.gemma3-4b-16k\n", "ollama create "),
        ('for v in "gemma3-4b-16kx"; do ollama create "$v" -f /m/Modelfile.gemma3-4b-16k; done\n', 'for v in "'),
        ("make() { ollama create $1 -f /m/Modelfile.gemma3-4b-16k; }\nmake gemma3-4b-16kx\n", "\nmake "),
        (
            'V="${LIST:-gemma3-4b-16kx}"\nfor v in $V; do ollama create $v -f /m/Modelfile.gemma3-4b-16k; done\n',
            "LIST:-",
        ),
        ("sh -c 'ollama create gemma3-4b-16kx -f /m/Modelfile.gemma3-4b-16k'\n", "ollama create "),
        ("V=([a]=gemma3-4b-16kx)\nollama create ${V[a]} -f /m/Modelfile.gemma3-4b-16k\n", "[a]="),
    ],
)
def test_a_name_that_the_contract_does_not_know_is_found_at_its_own_word(
    stack: Stack, script: str, before: str
) -> None:
    """Neither the command nor the Compose service is wrong: the name is."""
    other = "ollama create gemma3-4b-60k -f /m/Modelfile.gemma3-4b-60k\n"
    stack.write(SCRIPT, SERVE + script + other.replace("ollama create", "ollama  create"))
    stack.write(BACKEND, stack.text(BACKEND).replace("/opt/news-creator/modelfiles/\n", "/m/\n"))
    assert stack.wrong(VARIANT_CHAIN) == [(f"variant-chain[{V16}]", stack.behind(SCRIPT, before))]
    assert stack.only(VARIANT_CHAIN)[1].message.startswith("creates gemma3-4b-16kx, which the contract does not know; ")
    stack.write(SCRIPT, stack.text(SCRIPT).replace("16kx", "16k"))
    assert not stack.wrong(VARIANT_CHAIN)


def test_a_list_of_compose_points_at_the_word_too(stack: Stack) -> None:
    """The second name of the list, wherever its text is written."""
    stack.edit(AI, GIVEN, f"{GIVEN}      NEWS_CREATOR_VARIANTS: ${{VARIANTS:-{V16} {V60}x}}\n")
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, stack.behind(AI, f"${{VARIANTS:-{V16} "))]


@pytest.mark.parametrize(
    ("hook", "before"),
    [
        ("[ollama, create, gemma3-4b-16kx, -f, /m/a]", "[ollama, create, "),
        ("ollama create gemma3-4b-16kx -f /m/a", "command: ollama create "),
        ("[sh, -c, 'sleep 1; ollama create \"gemma3-4b-16kx\" -f /m/a']", '1; ollama create "'),
    ],
)
def test_a_hook_points_at_the_word_too(stack: Stack, hook: str, before: str) -> None:
    """Its text stands in the Compose file."""
    stack.write(SCRIPT, f"{SERVE}ollama create {V60} -f -\n")
    stack.edit(AI, SERVICE, f"    post_start:\n      - command: {hook}\n{SERVICE}")
    assert stack.wrong(VARIANT_CHAIN) == [(f"variant-chain[{V16}]", stack.behind(AI, before))]


def test_a_helper_model_beside_the_list_is_not_blamed(stack: Stack) -> None:
    """What lacks a variant is the list; a model of another purpose has nothing to do with it."""
    stack.edit(SCRIPT, LIST, "${NEWS_CREATOR_VARIANTS:-gemma3-4b-16k}")
    stack.write(SCRIPT, f"{stack.text(SCRIPT)}\nollama create warm-up -f /m/warm\n")
    assert stack.wrong(VARIANT_CHAIN) == [(ITEM, stack.behind(SCRIPT, "${NEWS_CREATOR_VARIANTS:-"))]
