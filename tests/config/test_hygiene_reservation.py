"""A service with a GPU reserves one in a form that Docker takes, and memory and processes have a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.checks.hygiene.reservation import GPU_RESERVATION, LIMITS
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.verdicts import Finding

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
RESERVED = """        reservations:
          devices:
            - driver: nvidia
              count: 1
              capabilities: [gpu]
"""
LIMITED = "        limits:\n          memory: 12G\n          pids: 512\n"
ITEM = "gpu-reservation[backend]"


def reserved(stack: Stack, text: str) -> dict[str, Finding]:
    """Replace the backend's reservation by other keys of the service; the override file has nothing to take away."""
    stack.edit(AI, RESERVED, "")
    stack.write(CPU, "services: {}\n")
    stack.edit(AI, "  news-creator-backend:\n    build:", f"  news-creator-backend:\n{text}    build:")
    return stack.found(GPU_RESERVATION)


def devices(text: str) -> str:
    """Return one device request in the long form, below the limits that are there."""
    return RESERVED.partition("            -")[0] + f"            - {text}\n"


def test_no_reservation_in_any_invocation_is_found_at_the_service(stack: Stack) -> None:
    """An error with the baseline or without: the contract says that there is a GPU."""
    stack.edit("newscreator.yaml", "security: baseline", "#")
    ((item, finding),) = reserved(stack, "").items()
    assert item == ITEM
    place = stack.behind(AI, "services:\n  ")
    said = "backend has the GPU rtx in the contract and reserves none in any invocation"
    assert finding.headline == f"{place}: {said}"
    assert (finding.severity, finding.lacks) == ("error", "gpu")


def test_an_invocation_without_a_gpu_is_meant(stack: Stack) -> None:
    """The reference stack's own override for the CPU takes it away; so may a count of none."""
    assert stack.found(GPU_RESERVATION) == {}
    reset = "devices: !reset []"
    stack.edit(CPU, reset, "devices: !override [{driver: nvidia, count: 0, capabilities: [gpu]}]")
    assert stack.found(GPU_RESERVATION) == {}


def test_only_services_with_a_gpu_are_asked(stack: Stack) -> None:
    """The application has none."""
    items = [one.item for one in Findings((GPU_RESERVATION,), stack.repository()).all()]
    assert items == [ITEM]


@pytest.mark.parametrize(
    "text",
    [
        "gpus: all",
        "gpus: ${GPUS:-all}",
        "gpus: [{count: 1}]",
        "gpus: [{driver: nvidia, device_ids: ['0']}]",
        "runtime: nvidia",
        "devices: ['nvidia.com/gpu=all']",
        "devices: ['nvidia.com/gpu=0']",
        "devices: ['/dev/nvidia0:/dev/nvidia0']",
        "devices: [/dev/kfd, /dev/dri]",
        "devices: [{source: /dev/dri/renderD128, target: /dev/dri/renderD128}]",
    ],
)
def test_every_other_syntax_reserves_a_gpu(stack: Stack, text: str) -> None:
    """The short form, the old runtime, CDI, and devices by hand, another maker's too."""
    assert reserved(stack, f"    {text}\n") == {}


@pytest.mark.parametrize(
    "text",
    [
        "{capabilities: [gpu]}",
        "{driver: nvidia, count: all, capabilities: [gpu]}",
        "{driver: nvidia, device_ids: ['0'], capabilities: [gpu, compute, utility]}",
        "{driver: cdi, device_ids: [nvidia.com/gpu=all], capabilities: [gpu]}",
        "{driver: amd, count: 1, capabilities: [gpu]}",
        "{driver: '', capabilities: [GPU]}",
    ],
)
def test_every_form_of_a_device_request_is_right(stack: Stack, text: str) -> None:
    """All cards, some by id, by CDI; a driver that nobody misspelt."""
    stack.edit(AI, RESERVED, devices(text))
    assert stack.found(GPU_RESERVATION) == {}


@pytest.mark.parametrize("text", ["gpus: []", "runtime: runc", "devices: [/dev/snd]", "gpus: [{count: 0}]"])
def test_what_reserves_no_gpu_is_no_reservation(stack: Stack, text: str) -> None:
    """An empty list, another runtime, another device."""
    assert list(reserved(stack, f"    {text}\n")) == [ITEM]


@pytest.mark.parametrize("cards", ["none", "void", '""'])
def test_a_runtime_that_is_told_to_show_no_card_is_found_there(stack: Stack, cards: str) -> None:
    """The variable is the place."""
    setting = f"      NVIDIA_VISIBLE_DEVICES: {cards}\n      OLLAMA_KEEP_ALIVE:"
    stack.edit(AI, "      OLLAMA_KEEP_ALIVE:", setting)
    finding = reserved(stack, "    runtime: nvidia\n")[ITEM]
    assert finding.place == stack.behind(AI, "VISIBLE_DEVICES: " + ('"' if cards == '""' else ""))


@pytest.mark.parametrize(
    ("text", "before", "what"),
    [
        ("{driver: nvidia, count: 1}", "", "has no capabilities"),
        ("{driver: nvidia, capabilities: []}", "capabilities: ", "has no capabilities"),
        ("{driver: nvidia, capabilities: gpu}", "capabilities: ", "should be a list: [gpu]"),
        ("{driver: nvidia, capabilities: [utility]}", "capabilities: ", "should have gpu among them"),
        ("{driver: nvidia, capabilities: [gpu, utility]}", "capabilities: ", "should have compute among them"),
        ("{count: 1, device_ids: ['0'], capabilities: [gpu]}", "count: ", "has count beside device_ids"),
        ("{driver: nvida, capabilities: [gpu]}", "driver: ", "names the driver nvida, should be nvidia"),
        ("{driver: NVIDIA, capabilities: [gpu]}", "driver: ", "names the driver NVIDIA, should be nvidia"),
        ("{driver: nvidia-docker, capabilities: [gpu]}", "driver: ", "should be nvidia"),
    ],
)
def test_a_malformed_request_is_found_at_the_wrong_word(stack: Stack, text: str, before: str, what: str) -> None:
    """Docker or Compose refuses it, or gives no card."""
    stack.edit(AI, RESERVED, devices(text))
    finding = stack.found(GPU_RESERVATION)[ITEM]
    head = text.partition(before)[0] + before if before else ""
    assert finding.place == stack.behind(AI, f"devices:\n            - {head}")
    assert what in finding.message


def test_a_short_form_without_cuda_is_found(stack: Stack) -> None:
    """The parts of the driver that it names are all that the container gets."""
    finding = reserved(stack, "    gpus: [{capabilities: [utility]}]\n")[ITEM]
    assert finding.place == stack.behind(AI, "gpus: [{capabilities: ")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("deploy.reservations.devices", "    reservations:\n        devices:\n          - "),
        ("deploy.resources.devices", "    resources:\n        devices:\n          - "),
        ("deploy.devices", "    devices:\n        - "),
    ],
)
def test_a_reservation_at_a_wrong_level_is_found_where_it_stands(stack: Stack, path: str, text: str) -> None:
    """Whatever else reserves one."""
    request = "{driver: nvidia, count: 1, capabilities: [gpu]}\n"
    stack.edit(AI, LIMITED + RESERVED, "")
    stack.write(CPU, "services: {}\n")
    stack.edit(AI, "    deploy:\n      resources:\n\n", f"    deploy:\n  {text}{request}\n    gpus: all\n\n")
    finding = stack.found(GPU_RESERVATION)[ITEM]
    assert finding.place == stack.behind(AI, (f"    deploy:\n  {text}").removesuffix("- "))
    assert f"stands under {path}, which Compose does not know" in finding.message


def test_a_malformed_request_of_one_invocation_names_it(stack: Stack) -> None:
    """Although the others are right."""
    stack.edit(CPU, "devices: !reset []", "devices: !override [{driver: nvidia}]")
    finding = stack.found(GPU_RESERVATION)[ITEM]
    assert finding.place == stack.behind(CPU, "!override [")
    assert finding.message.endswith("(invocation cpu)")


def test_a_missing_limit_is_found_at_the_service(stack: Stack) -> None:
    """Memory and processes are two findings."""
    stack.edit(AI, LIMITED, "")
    place = stack.behind(AI, "services:\n  ")
    assert {item: (finding.headline, finding.lacks) for item, finding in stack.found(LIMITS).items()} == {
        "limits[backend memory]": (f"{place}: backend has no memory limit, should have one", "memory limit"),
        "limits[backend pids]": (f"{place}: backend has no pids limit, should have one", "pids limit"),
    }


@pytest.mark.parametrize(
    ("memory", "pids", "wrong"),
    [("0", "512", ["memory"]), ("12G", "-1", ["pids"]), ("12G", "0", ["pids"]), ("0g", "0", ["memory", "pids"])],
)
def test_a_limit_that_is_none_is_found_at_its_value(stack: Stack, memory: str, pids: str, wrong: list[str]) -> None:
    """As Docker reads it."""
    stack.edit(AI, LIMITED, LIMITED.replace("12G", memory).replace("512", pids))
    ends = {
        "memory": stack.behind(AI, f"          memory: {memory}\n").line - 1,
        "pids": stack.behind(AI, f"          pids: {pids}\n").line - 1,
    }
    columns = {"memory": len("          memory: ") + 1, "pids": len("          pids: ") + 1}
    assert {item: finding.place for item, finding in stack.found(LIMITS).items()} == {
        f"limits[backend {kind}]": Place(AI, ends[kind], columns[kind]) for kind in wrong
    }


def test_the_older_keys_are_limits_too(stack: Stack) -> None:
    """`mem_limit` and `pids_limit`, also by a variable's default."""
    stack.edit(AI, LIMITED, "")
    older = "    mem_limit: ${MEMORY:-12g}\n    pids_limit: 512\n    init: true\n    read_only: true\n    tmpfs:\n"
    stack.edit(AI, "    init: true\n    read_only: true\n    tmpfs:\n", older)
    assert stack.found(LIMITS) == {}


def test_a_limit_is_hardening(stack: Stack) -> None:
    """A note without the baseline."""
    stack.edit("newscreator.yaml", "security: baseline", "#")
    stack.edit(AI, LIMITED, "")
    assert {finding.severity for finding in stack.found(LIMITS).values()} == {"note"}


def test_a_limit_that_one_invocation_takes_away_names_it(stack: Stack) -> None:
    """The `!reset` is the place: the service itself has its limits. Each of them stays a finding of its own."""
    stack.edit(CPU, "      resources:\n", "      resources:\n        limits: !reset null\n")
    place = stack.behind(CPU, "limits: ")
    why = "should have one (taken away by this `!reset`) (invocation cpu)"
    headlines = [finding.headline for finding in stack.found(LIMITS).values()]
    assert headlines == [f"{place}: backend has no {kind} limit, {why}" for kind in ("memory", "pids")]


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        ("    deploy: !reset {}\n", "!reset"),
        ("    deploy: !override {replicas: 1}\n", "!override"),
        ("    deploy: {resources: !override {limits: {cpus: '2'}}}\n", "!override"),
    ],
)
def test_a_block_above_the_limit_that_is_taken_away_is_blamed(stack: Stack, line: str, tag: str) -> None:
    """Whatever is written in its place, it is there that the limit is lost."""
    stack.write(CPU, f"services:\n  news-creator-backend:\n{line}")
    finding = stack.found(LIMITS)["limits[backend memory]"]
    assert finding.place == stack.behind(CPU, line.partition("!")[0])
    assert f"(taken away by this `{tag}`)" in finding.message


def test_a_reset_of_what_had_no_limit_is_not_blamed(stack: Stack) -> None:
    """Nothing is lost there: the service has never had one."""
    stack.edit(AI, "          memory: 12G\n", "")
    stack.write(CPU, "services:\n  news-creator-backend:\n    deploy: !reset {}\n")
    assert stack.found(LIMITS)["limits[backend memory]"].place == stack.behind(AI, "services:\n  ")


def test_a_file_that_sets_the_limit_again_ends_a_reset(stack: Stack) -> None:
    """Only what is missing in the end counts."""
    stack.write(CPU, "services:\n  news-creator-backend:\n    deploy: !reset {}\n    mem_limit: 8G\n")
    assert list(stack.found(LIMITS)) == ["limits[backend pids]"]
