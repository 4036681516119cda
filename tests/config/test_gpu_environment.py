"""The variables by which a server finds its card keep what the image set them to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.checks.source.card import GPU_ENVIRONMENT

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.places import Place
    from pytest_newscreator.verdicts import Finding

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
START = "news-creator/entrypoint-backend.sh"
DOCKERFILE = "news-creator/Dockerfile.backend"
ALIVE = "      OLLAMA_KEEP_ALIVE: ${OLLAMA_KEEP_ALIVE:-24h}\n"
DEVICES = (
    "        reservations:\n          devices:\n            - driver: nvidia\n"
    "              count: 1\n              capabilities: [gpu]\n"
)
BUILD = "    build:\n      context: ../news-creator\n      dockerfile: Dockerfile.backend\n"


def found(stack: Stack, name: str) -> Finding | None:
    """Return what is found of a variable of the backend; one that is no subject is fine."""
    findings = Findings((GPU_ENVIRONMENT,), stack.repository())
    item = f"gpu-environment[backend {name}]"
    return findings.judged(item).finding if item in findings.plan else None


def add(stack: Stack, name: str, text: str) -> Place:
    """Give the backend one more variable, and return the place of its value."""
    stack.edit(AI, ALIVE, f"{ALIVE}      {name}: {text}\n")
    return stack.behind(AI, f"      {name}: ")


def test_the_reference_stack_has_no_subject(stack: Stack) -> None:
    """What the base image sets is right by nature."""
    assert not Findings((GPU_ENVIRONMENT,), stack.repository()).plan


def test_a_search_path_that_drops_the_images_folders_is_told_at_its_literal(stack: Stack) -> None:
    """The driver is mounted into them."""
    add(stack, "LD_LIBRARY_PATH", "${EXTRA_LIBRARIES:-/opt/lib}")
    finding = found(stack, "LD_LIBRARY_PATH")
    assert finding is not None
    assert finding.place == stack.behind(AI, "${EXTRA_LIBRARIES:-")
    lost = "loses the image's own /usr/local/nvidia/lib and /usr/local/nvidia/lib64"
    assert finding.message.startswith(f"LD_LIBRARY_PATH of backend is '/opt/lib', which {lost}")
    assert finding.fix.endswith("/your/lib:/usr/local/nvidia/lib:/usr/local/nvidia/lib64")


def test_a_search_path_that_adds_a_folder_is_silent(stack: Stack) -> None:
    """Compose and the Dockerfile may both put one in front."""
    add(stack, "LD_LIBRARY_PATH", "/opt/lib:/usr/local/nvidia/lib:/usr/local/nvidia/lib64")
    assert found(stack, "LD_LIBRARY_PATH") is None


@pytest.mark.parametrize(("text", "is_lost"), [("/opt/lib", True), ("/opt/lib:$LD_LIBRARY_PATH", False)])
def test_the_dockerfile_is_held_to_its_own_base(stack: Stack, text: str, is_lost: bool) -> None:
    """ENV may replace what FROM brought."""
    stack.edit(DOCKERFILE, "USER ollama\n", f"ENV LD_LIBRARY_PATH={text}\nUSER ollama\n")
    finding = found(stack, "LD_LIBRARY_PATH")
    assert (finding is not None) is is_lost
    assert finding is None or finding.place == stack.behind(DOCKERFILE, "ENV LD_LIBRARY_PATH=")


def test_a_search_path_that_is_taken_away_is_told(stack: Stack) -> None:
    """A name without a value hides what the image sets."""
    stack.edit(AI, ALIVE, f"{ALIVE}      LD_LIBRARY_PATH:\n      CUDA_VISIBLE_DEVICES:\n")
    finding = found(stack, "LD_LIBRARY_PATH")
    assert finding is not None
    assert "is unset, which loses" in finding.message
    assert found(stack, "CUDA_VISIBLE_DEVICES") is None


@pytest.mark.parametrize("value", ['"-1"', '""', "none", "${CUDA_VISIBLE_DEVICES}"])
def test_a_list_of_devices_that_hides_the_card_is_told(stack: Stack, value: str) -> None:
    """An empty list is none."""
    place = add(stack, "CUDA_VISIBLE_DEVICES", value)
    finding = found(stack, "CUDA_VISIBLE_DEVICES")
    assert finding is not None
    assert finding.place is not None
    assert finding.place.line == place.line
    assert "hides every GPU" in finding.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUDA_VISIBLE_DEVICES", "'0'"),
        ("NVIDIA_VISIBLE_DEVICES", "none"),  # Docker sets it for the reservation
        ("HIP_VISIBLE_DEVICES", "'-1'"),
        ("ROCR_VISIBLE_DEVICES", "'-1'"),
        ("GPU_DEVICE_ORDINAL", "'-1'"),
        ("GGML_VK_VISIBLE_DEVICES", "'-1'"),
        ("NVIDIA_DRIVER_CAPABILITIES", "compute,utility"),
        ("OLLAMA_LLM_LIBRARY", "cuda_v12"),
        ("OLLAMA_VULKAN", "'0'"),
    ],
)
def test_what_says_nothing_for_this_card_is_silent(stack: Stack, name: str, value: str) -> None:
    """Another maker's variables, and a choice of devices that leaves one."""
    add(stack, name, value)
    assert found(stack, name) is None


@pytest.mark.parametrize(
    ("name", "value"), [("NVIDIA_DRIVER_CAPABILITIES", "utility"), ("OLLAMA_LLM_LIBRARY", "cpu_avx2")]
)
def test_what_keeps_the_server_to_the_cpu_is_told(stack: Stack, name: str, value: str) -> None:
    """The container starts and is healthy all the same."""
    place = add(stack, name, value)
    finding = found(stack, name)
    assert finding is not None
    assert finding.place == place


def test_capabilities_of_the_reservation_replace_those_of_the_environment(stack: Stack) -> None:
    """Docker sets the variable from them."""
    add(stack, "NVIDIA_DRIVER_CAPABILITIES", "utility")
    stack.edit(AI, "capabilities: [gpu]", "capabilities: [gpu, compute, utility]")
    assert found(stack, "NVIDIA_DRIVER_CAPABILITIES") is None


def test_a_runtime_without_a_reservation_is_held_to_the_visible_devices(stack: Stack) -> None:
    """Then the variable is what gives the card."""
    stack.edit(AI, DEVICES, "        reservations: {}\n")
    stack.edit(CPU, "devices: !reset []", "memory: 1G")
    stack.edit(AI, BUILD, f"    runtime: nvidia\n{BUILD}")
    place = add(stack, "NVIDIA_VISIBLE_DEVICES", "none")
    finding = found(stack, "NVIDIA_VISIBLE_DEVICES")
    assert finding is not None
    assert finding.place == place


def test_a_way_of_starting_without_a_card_may_hide_it(stack: Stack) -> None:
    """The Compose file for the CPU takes the reservation and the devices away."""
    stack.edit(CPU, "    deploy:\n", "    environment:\n      CUDA_VISIBLE_DEVICES: '-1'\n    deploy:\n")
    assert found(stack, "CUDA_VISIBLE_DEVICES") is None


def test_an_amd_card_is_held_to_its_own_variables(stack: Stack) -> None:
    """And to none of NVIDIA's."""
    stack.edit(AI, DEVICES, "        reservations: {}\n")
    stack.edit(CPU, "devices: !reset []", "memory: 1G")
    stack.edit(AI, BUILD, "    image: ollama/ollama:0.24.0-rocm\n    devices: [/dev/kfd, /dev/dri]\n")
    add(stack, "HIP_VISIBLE_DEVICES", "'-1'")
    stack.edit(AI, ALIVE, f"{ALIVE}      CUDA_VISIBLE_DEVICES: ''\n      LD_LIBRARY_PATH: /opt/lib\n")
    assert found(stack, "HIP_VISIBLE_DEVICES") is not None
    assert found(stack, "CUDA_VISIBLE_DEVICES") is None
    assert found(stack, "LD_LIBRARY_PATH") is None


def test_vulkan_devices_count_where_vulkan_is_used(stack: Stack) -> None:
    """A reservation that names no maker may be any card."""
    stack.edit(AI, "            - driver: nvidia\n              count: 1", "            - count: 1")
    add(stack, "GGML_VK_VISIBLE_DEVICES", "'-1'")
    assert found(stack, "GGML_VK_VISIBLE_DEVICES") is None
    stack.edit(AI, ALIVE, f"{ALIVE}      OLLAMA_VULKAN: '1'\n")
    assert found(stack, "GGML_VK_VISIBLE_DEVICES") is not None


def test_a_start_script_may_hide_the_card_too(stack: Stack) -> None:
    """Unless it does so in a branch, which asked for a reason."""
    stack.edit(START, "set -euo pipefail\n", "set -euo pipefail\nexport CUDA_VISIBLE_DEVICES=-1\n")
    finding = found(stack, "CUDA_VISIBLE_DEVICES")
    assert finding is not None
    assert finding.place == stack.behind(START, "export CUDA_VISIBLE_DEVICES=")
    line = "export CUDA_VISIBLE_DEVICES=-1\n"
    stack.edit(START, line, f"if ! command -v nvidia-smi; then {line.strip()}; fi\n")
    assert found(stack, "CUDA_VISIBLE_DEVICES") is None


def test_a_service_without_a_card_is_not_asked(stack: Stack) -> None:
    """It may hide one that it does not want."""
    stack.edit("newscreator.yaml", "gpu: rtx, ", "")
    add(stack, "CUDA_VISIBLE_DEVICES", "'-1'")
    assert found(stack, "CUDA_VISIBLE_DEVICES") is None
