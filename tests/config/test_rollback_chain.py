"""The switch that selects the base brings the rollback base into every variant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.checks.source.rollback import ROLLBACK_CHAIN
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.checks.findings import Judged

AI = "compose/ai.yaml"
BACKEND = "news-creator/Dockerfile.backend"
SCRIPT = "news-creator/entrypoint-backend.sh"
CONTRACT = "newscreator.yaml"
ITEM = "rollback-chain[news]"
GIVEN = "OLLAMA_BASE_MODEL: ${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}"
LOOP = 'for variant in $VARIANTS; do make_variant "$variant"; done'
RUN = '    run ollama create "$1" -f "$modelfile" || die "$1 cannot be made of $BASE_MODEL"'
ENTRY = 'ENTRYPOINT ["/opt/news-creator/entrypoint-backend.sh"]\nCMD []\n'
TOP = '#!/bin/sh\nBASE="${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}"\nollama serve &\nollama pull "$BASE"\n'
SED = 'sed "s|^FROM .*|FROM $BASE|" /m/Modelfile.$v > /tmp/$v\n'
CREATE = "  ollama create $v -f /tmp/$v\ndone\n"
BOTH = "for v in gemma3-4b-16k gemma3-4b-60k; do\n"


def judged(stack: Stack) -> Judged:
    """Return what the check concludes of the model, whatever others say."""
    (one,) = Findings((ROLLBACK_CHAIN,), stack.repository()).all()
    return one


def wrong(stack: Stack) -> Place | None:
    """Return the place of the finding, if there is one."""
    finding = judged(stack).finding
    return finding.place if finding else None


def message(stack: Stack) -> str:
    """Return what the finding says."""
    finding = judged(stack).finding
    return finding.message if finding else ""


def script(stack: Stack, text: str) -> None:
    """Let the container start another script."""
    stack.write(SCRIPT, TOP + text)


def test_the_reference_stack_can_be_rolled_back(stack: Stack) -> None:
    """Through a function that writes FROM anew, at every start."""
    assert judged(stack).item == ITEM
    assert judged(stack).finding is None
    assert judged(stack).unverified is None


@pytest.mark.parametrize(
    ("entry", "before"),
    [
        ("OLLAMA_BASE_MODEL: gemma3:4b-it-qat", "OLLAMA_BASE_MODEL: "),
        ("OLLAMA_BASE_MODEL: ${BASE_OF_MODELS:-gemma3:4b-it-qat}", "${BASE_OF_MODELS:-"),
        ("OLLAMA_BASE_MODEL: 'gemma3:4b-it-qat'", "OLLAMA_BASE_MODEL: '"),
    ],
)
def test_a_switch_that_compose_does_not_hand_on_is_found_where_it_is_given(
    stack: Stack, entry: str, before: str
) -> None:
    """A literal, or the default of another variable, wins over the shell."""
    stack.edit(AI, GIVEN, entry)
    assert wrong(stack) == stack.behind(AI, before)
    says = "OLLAMA_BASE_MODEL of news-creator-backend stays gemma3:4b-it-qat when the shell sets gemma3:4b"
    assert message(stack) == f"{says} (invocation default)"


def test_a_switch_in_an_env_file_is_found_there(stack: Stack) -> None:
    """The shell has no say in it."""
    stack.edit(AI, f"      {GIVEN}\n", "")
    stack.edit(
        AI,
        "    environment:\n      OLLAMA_BASE_MODEL_FILES",
        "    env_file: [base.env]\n    environment:\n      OLLAMA_BASE_MODEL_FILES",
    )
    stack.write("compose/base.env", "OLLAMA_BASE_MODEL=gemma3:4b-it-qat\n")
    assert wrong(stack) == Place("compose/base.env", 1, 19)


def test_a_switch_that_nobody_gives_is_found_at_the_service(stack: Stack) -> None:
    """The script's default is all that is left."""
    stack.edit(AI, f"      {GIVEN}\n", "")
    assert wrong(stack) == Place(AI, 3, 3)
    assert message(stack).startswith("OLLAMA_BASE_MODEL of news-creator-backend is not given when the shell sets ")


def test_an_override_of_one_invocation_is_found_there(stack: Stack) -> None:
    """Only the CPU way of starting loses the switch."""
    cpu = "compose/cpu.yaml"
    more = "    environment:\n      OLLAMA_BASE_MODEL: gemma3:4b-it-qat\n"
    stack.edit(cpu, "  news-creator-backend:\n", f"  news-creator-backend:\n{more}")
    assert wrong(stack) == stack.behind(cpu, "OLLAMA_BASE_MODEL: ")
    assert message(stack).endswith("(invocation cpu)")


def test_the_switch_may_arrive_under_another_name(stack: Stack) -> None:
    """What counts is that the container is given its value, and reads it."""
    stack.edit(AI, GIVEN, "BASE_NAME: ${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}")
    stack.edit(SCRIPT, 'BASE_MODEL="${OLLAMA_BASE_MODEL:-', 'BASE_MODEL="${BASE_NAME:-')
    assert judged(stack).finding is None


def test_a_script_that_overwrites_the_switch_is_found_there(stack: Stack) -> None:
    """Whatever it is given, it goes back to the base."""
    stack.edit(SCRIPT, "set -euo pipefail\n", "set -euo pipefail\nOLLAMA_BASE_MODEL=gemma3:4b-it-qat\n")
    assert wrong(stack) == stack.behind(SCRIPT, "pipefail\nOLLAMA_BASE_MODEL=")


def test_a_script_that_never_reads_the_switch_is_found(stack: Stack) -> None:
    """The base is written into it."""
    text = stack.text(SCRIPT).replace("${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}", "gemma3:4b-it-qat")
    stack.write(SCRIPT, text)
    assert wrong(stack) == stack.behind(SCRIPT, 'BASE_MODEL="')
    assert judged(stack).finding.lacks == ""  # type: ignore[union-attr] # there is one


def test_a_script_without_a_base_of_its_own_is_found_as_a_whole(stack: Stack) -> None:
    """The base that is pulled has no way into what is created: the Modelfiles decide."""
    stack.write(SCRIPT, f"#!/bin/sh\nPULLED=gemma3:4b-it-qat\nollama pull $PULLED\n{KEEPING['straight']}")
    assert wrong(stack) == Place(SCRIPT)
    assert judged(stack).finding.lacks == "OLLAMA_BASE_MODEL"  # type: ignore[union-attr] # there is one


def test_the_modelfile_that_is_created_of_is_the_one_that_is_made_of_the_switch(stack: Stack) -> None:
    """The right one is still written, and nothing reads it."""
    created = '    run ollama create "$1" -f "$modelfile" || die "$1 cannot be made'
    stack.edit(SCRIPT, created, created.replace("$modelfile", "$source"))
    assert wrong(stack) == stack.behind(SCRIPT, '    rebase "$source" >"$modelfile"\n    run ')
    assert "keeps the FROM" in message(stack)


def test_a_modelfile_that_keeps_its_from_is_found_at_the_creation(stack: Stack) -> None:
    """The file is copied as it is; that the base is imported elsewhere with a FROM of its own does not help."""
    stack.edit(SCRIPT, '    rebase "$source" >"$modelfile"\n', '    cp "$source" "$modelfile"\n')
    before = stack.behind(SCRIPT, '    cp "$source" "$modelfile"\n    run ')
    assert wrong(stack) == before
    assert message(stack).endswith("keeps the FROM of its Modelfile: OLLAMA_BASE_MODEL is not put into it")


KEEPING = {
    "straight": f"{BOTH}  ollama create $v -f /m/Modelfile.$v\ndone\n",
    "copied": f"{BOTH}  cp /m/Modelfile.$v /tmp/$v\n  ollama create $v -f /tmp/$v\ndone\n",
    "one of two": (
        'sed "s|^FROM .*|FROM $BASE|" /m/a > /tmp/a\nollama create gemma3-4b-60k -f /tmp/a\n'
        "ollama create gemma3-4b-16k -f /m/Modelfile.gemma3-4b-16k\n"
    ),
    "a word in a message": f'{BOTH}  echo "making $v from $BASE"\n  ollama create $v -f /m/Modelfile.$v\ndone\n',
    "printed to another file": f"{BOTH}  {SED}  ollama create $v -f /m/Modelfile.$v\ndone\n",
    "rendered to another file": (
        f'render() {{ sed "s|^FROM .*|FROM $BASE|" "$1" > "$2"; }}\n{BOTH}  render /m/$v /tmp/$v\n'
        "  ollama create $v -f /m/$v\ndone\n"
    ),
    "another variable": f'{BOTH}  sed "s|^FROM .*|FROM $OTHER|" /m/$v > /tmp/$v\n  ollama create $v -f /tmp/$v\ndone\n',
}


@pytest.mark.parametrize("text", KEEPING.values(), ids=KEEPING)
def test_every_way_to_keep_a_from_is_found(stack: Stack, text: str) -> None:
    """The line is that of the creation that stays behind."""
    script(stack, text)
    lines = (TOP + text).splitlines()
    line = max(number for number, line in enumerate(lines, start=1) if "ollama create" in line)
    assert (place := wrong(stack))
    assert place.line == line
    assert "keeps the FROM" in message(stack)


REMAKING = {
    "sed to a file": f"{BOTH}  {SED}  ollama create $v -f /tmp/$v\ndone\n",
    "sed in place": (
        f'{BOTH}  cp /m/Modelfile.$v /tmp/$v\n  sed -i "s|^FROM .*|FROM $BASE|" "/tmp/$v"\n'
        "  ollama create $v -f /tmp/$v\ndone\n"
    ),
    "in place by a function": (
        f'rebase() {{ local file="$1"; sed -i "s|^FROM .*|FROM $BASE|" "$file"; }}\n{BOTH}  cp /m/$v /tmp/$v\n'
        "  rebase /tmp/$v\n  ollama create $v -f /tmp/$v\ndone\n"
    ),
    "moved back": (
        f'{BOTH}  sed "s|^FROM .*|FROM $BASE|" /tmp/$v > /tmp/new && mv /tmp/new /tmp/$v\n'
        "  ollama create $v -f /tmp/$v\ndone\n"
    ),
    "a file that only running can tell": (
        f'render() {{ sed "s|^FROM .*|FROM $BASE|" "$1" > "$2"; }}\n{BOTH}  file="$(mktemp)"\n'
        '  render /m/$v "$file"\n  ollama create $v -f "$file"\ndone\n'
    ),
    "pipe": f'{BOTH}  sed "s|^FROM .*|FROM $BASE|" /m/$v | ollama create $v -f -\ndone\n',
    "here-document": f"{BOTH}  ollama create $v -f - <<EOF\nFROM $BASE\nPARAMETER num_ctx 1\nEOF\ndone\n",
    "here-document to a file": f"{BOTH}  cat > /tmp/m <<EOF\nFROM ${{BASE}}\nEOF\n  ollama create $v -f /tmp/m\ndone\n",
    "group": f'{BOTH}  {{ echo "FROM $BASE"; grep -v ^FROM /m/$v; }} > /tmp/$v\n  ollama create $v -f /tmp/$v\ndone\n',
    "process substitution": f'{BOTH}  ollama create $v -f <(printf "FROM %s\\n" "$BASE")\ndone\n',
    "awk": f'{BOTH}  awk -v base="$BASE" \'/^FROM/ {{print "FROM " base; next}}\n {{print}}\' $v > /tmp/$v\n{CREATE}',
    "envsubst": f"{BOTH}  envsubst < /m/$v > /tmp/$v\n  ollama create $v -f /tmp/$v\ndone\n",
    "function with arguments": (
        'render() { sed "s|^FROM .*|FROM $1|" "/m/$2" > "$3"; }\n'
        'make() { render "$BASE" "$1" "/tmp/$1"; ollama create "$1" -f "/tmp/$1"; }\n'
        "make gemma3-4b-16k\nmake gemma3-4b-60k\n"
    ),
    "function that creates": (
        f'create() {{ ollama create "$1" -f "$2"; }}\n{BOTH}  {SED}  create "$v" "/tmp/$v"\ndone\n'
    ),
    "written first, created later": f"{BOTH}  {SED}done\n{BOTH}  ollama create $v -f /tmp/$v\ndone\n",
    "line by line": (
        f'{BOTH}  while read -r line; do\n    case "$line" in FROM*) line="FROM $BASE" ;; esac\n    echo "$line"\n'
        "  done < /m/$v > /tmp/$v\n  ollama create $v -f /tmp/$v\ndone\n"
    ),
    "through another variable": f'{BOTH}  line="FROM $BASE"\n  echo "$line" > /tmp/$v\n{CREATE}',
    "made again where it exists": f"{BOTH}  {SED}  ollama show $v && ollama rm $v\n{CREATE}",
    "created in both branches": (
        f"{BOTH}  {SED}  if ollama show $v; then\n    ollama create $v -f /tmp/$v\n"
        "  else\n    ollama create $v -f /tmp/$v\n  fi\ndone\n"
    ),
    "asks for the base": (
        f'if ollama show "$BASE" >/dev/null; then echo there; else ollama pull "$BASE" || exit 1; fi\n'
        f"{BOTH}  {SED}  ollama create $v -f /tmp/$v\ndone\n"
    ),
    "chosen by a case": (
        'case "$BASE" in *qat) from=gemma3:4b-it-qat ;; *) from=gemma3:4b ;; esac\n'
        f'{BOTH}  echo "FROM $from" > /tmp/$v\n{CREATE}'
    ),
    "chosen by an if": (
        f'{BOTH}  if [ "$BASE" = gemma3:4b ]; then ollama create $v -f /m/old.$v\n'
        "  else ollama create $v -f /m/new.$v; fi\ndone\n"
    ),
    "chosen by its folder": f'{BOTH}  ollama create $v -f "/m/$BASE/$v"\ndone\n',
    "waits for the server": f"until ollama list; do sleep 1; done\n{BOTH}  {SED}  ollama create $v -f /tmp/$v\ndone\n",
    "asks whether it has this base": (
        f'{BOTH}  {SED}  ollama show --modelfile $v | grep -q "FROM $BASE" || ollama create $v -f /tmp/$v\ndone\n'
    ),
}


@pytest.mark.parametrize("text", REMAKING.values(), ids=REMAKING)
def test_every_way_to_put_the_base_into_a_modelfile_is_silent(stack: Stack, text: str) -> None:
    """However it is written."""
    script(stack, text)
    assert message(stack) == ""
    assert judged(stack).unverified is None


SKIPPING = {
    "or": f"{BOTH}  {SED}  ollama show $v >/dev/null 2>&1 || ollama create $v -f /tmp/$v\ndone\n",
    "if not": f"{BOTH}  {SED}  if ! ollama list | grep -q $v; then\n    ollama create $v -f /tmp/$v\n  fi\ndone\n",
    "else": f"{BOTH}  {SED}  if ollama show $v; then :; else ollama create $v -f /tmp/$v; fi\ndone\n",
    "continue": f"{BOTH}  ollama show $v >/dev/null && continue\n  {SED}  ollama create $v -f /tmp/$v\ndone\n",
    "early return": (
        f"make() {{\n  v=$1\n  if ollama show $v; then return; fi\n  {SED}  ollama create $v -f /tmp/$v\n}}\n"
        "make gemma3-4b-16k\nmake gemma3-4b-60k\n"
    ),
    "function that asks": (
        f'has() {{ ollama list | grep -q "$1"; }}\n{BOTH}  {SED}  has $v || ollama create $v -f /tmp/$v\ndone\n'
    ),
    "call that is passed over": (
        f"make() {{\n  v=$1\n  {SED}  ollama create $v -f /tmp/$v\n}}\n{BOTH}  ollama show $v || make $v\ndone\n"
    ),
    "a list in a variable": (
        f'have="$(ollama list)"\n{BOTH}  {SED}  echo "$have" | grep -q $v || ollama create $v -f /tmp/$v\ndone\n'
    ),
}


@pytest.mark.parametrize("text", SKIPPING.values(), ids=SKIPPING)
def test_a_variant_that_is_passed_over_where_it_exists_is_found(stack: Stack, text: str) -> None:
    """It keeps the base it was made of, through every rollback."""
    script(stack, text)
    lines = (TOP + text).splitlines()
    line = next(number for number, line in enumerate(lines, start=1) if "ollama create" in line)
    assert message(stack).endswith(
        "is created only where it does not exist: an existing one keeps the base it was made of"
    )
    place = wrong(stack)
    assert place
    assert place.line == line
    assert lines[line - 1][place.column - 1 :].startswith("ollama create")


def test_a_guard_around_the_reference_script_is_found(stack: Stack) -> None:
    """The loop asks before it makes."""
    stack.edit(
        SCRIPT, LOOP, 'for variant in $VARIANTS; do ollama show "$variant" >/dev/null || make_variant "$variant"; done'
    )
    assert wrong(stack) == stack.behind(SCRIPT, '    rebase "$source" >"$modelfile"\n    run ')


def test_a_model_without_variants_needs_no_script(stack: Stack) -> None:
    """Only that the container is given the switch."""
    stack.edit(BACKEND, ENTRY, "")
    text = stack.text(CONTRACT)
    begin, end = text.index("    variants:\n"), text.index('    stop: ["<end')
    text = text[:begin] + text[end:]
    stack.write(
        CONTRACT, text.replace("gemma3-4b-16k", "gemma3:4b-it-qat").replace("gemma3-4b-60k", "gemma3:4b-it-qat")
    )
    assert judged(stack).finding is None
    assert judged(stack).unverified is None
    stack.edit(AI, GIVEN, "OLLAMA_BASE_MODEL: gemma3:4b-it-qat")
    assert wrong(stack) == stack.behind(AI, "      OLLAMA_BASE_MODEL: ")


def test_a_program_that_is_no_script_is_not_verified(stack: Stack) -> None:
    """Whether it makes the variants anew is not read here."""
    stack.edit(BACKEND, ENTRY, 'ENTRYPOINT ["/app/server"]\n')
    assert judged(stack).finding is None
    unverified = judged(stack).unverified
    assert unverified
    assert unverified.reason.endswith("/app/server is no script of the repository")


@pytest.mark.parametrize(
    "text",
    [
        f"{BOTH}  python3 /m/render.py $v\n  ollama create $v -f /tmp/$v\ndone\n",
        'curl localhost:11434/api/create -d \'{"model": "gemma3-4b-16k", "from": "x"}\'\n',
    ],
)
def test_what_another_program_makes_is_not_verified(stack: Stack, text: str) -> None:
    """It may read the switch, or be told of it."""
    script(stack, text)
    assert message(stack) == ""
    assert judged(stack).unverified


def test_a_switch_that_is_built_into_the_image_is_not_verified(stack: Stack) -> None:
    """A rollback has to build it again."""
    stack.edit(AI, f"      {GIVEN}\n", "")
    stack.edit(
        AI,
        "      dockerfile: Dockerfile.backend\n",
        f"      dockerfile: Dockerfile.backend\n      args:\n        {GIVEN}\n",
    )
    assert judged(stack).finding is None
    assert judged(stack).unverified


def test_an_init_container_is_held_to_the_switch(stack: Stack) -> None:
    """It is the one that makes the variants."""
    stack.edit(BACKEND, ENTRY, "")
    create = 'for v in gemma3-4b-16k gemma3-4b-60k; do ollama create $$v -f - <<< \\"FROM $$OLLAMA_BASE_MODEL\\"; done'
    init = f'  init:\n    image: ollama/ollama:0.24.0\n    entrypoint: [bash, -c, "{create}"]\n'
    stack.edit(AI, "services:\n", f"services:\n{init}")
    assert message(stack).startswith("OLLAMA_BASE_MODEL of init is not given ")
    stack.edit(AI, "  init:\n", "  init:\n    environment: [OLLAMA_BASE_MODEL]\n")
    assert message(stack) == ""
