"""Level `source`: nothing that a service is given keeps its server from the card."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from pytest_newscreator.checks.facts.effective import Held, held
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.hygiene.subjects import Started, over_invocations, services, started, texts
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.compose.project import Node
from pytest_newscreator.resolve.docker.base_images import base_environment
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama.settings import LIBRARY_VARIABLES, gpu_trouble, reads_as
from pytest_newscreator.verdicts import Finding

Vendor = Literal["nvidia", "amd", ""]
_REQUESTS = ("deploy.resources.reservations.devices", "gpus")
_NVIDIA = re.compile(r"nvidia", re.IGNORECASE)
_AMD = re.compile(r"\bamd\b|/dev/kfd|\brocm\b", re.IGNORECASE)
_CARD = re.compile(r"nvidia|\bamd\b|/dev/(kfd|dri|dxg)|[\w.-]+/gpu\b", re.IGNORECASE)
_OF_AMD = frozenset({"HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"})
_OF_NVIDIA = frozenset(
    {"CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_VISIBLE_DEVICES"}
)
_DRIVER_PARTS = frozenset({"compute", "compat32", "graphics", "utility", "video", "display", "ngx"})


@frozen
class Asked:
    """A variable of a service that decides which devices its server finds."""

    service: Service
    name: str


def gpu_environment_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each variable by which the server finds its card, where the repository gives one to a service with one."""
    for service in services(repository):
        found: dict[str, Held] = {}
        for one in started(repository, service) if service.gpu else ():
            found = {**held(one), **found}
        for name in LIBRARY_VARIABLES:
            if name in found and (service.kind == "ollama" or not name.startswith("OLLAMA_")):
                yield Subject(f"{service.key} {name}", found[name].place, Asked(service, name))


def gpu_environment(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """The variables by which a server finds its card and the card's libraries keep what the image set them to.

    `LD_LIBRARY_PATH: /opt/lib` was added for a plugin and took away the folders where the driver is mounted:
    `nvidia-smi` still showed the card, and every answer came from the CPU. Put your folder in front of the image's
    own, and leave the choice of devices to the reservation.
    """
    newscreator_conclude("gpu-environment", newscreator_subject)


def judge_gpu_environment(subject: Subject, repository: Repository) -> Finding | None:
    """Return what hides the card under an invocation that gives the service one."""
    asked: Asked = subject.data
    on_card = [_has_card(one) for one in started(repository, asked.service)]

    def judge(one: Started) -> Finding | None:
        # One of several ways to start it without a card is meant so; without any reservation the host gives one.
        return _judged(one, asked.name) if _has_card(one) or not any(on_card) else None

    return over_invocations(asked.service, repository, judge)


def _judged(one: Started, name: str) -> Finding | None:
    """Judge one variable under one invocation."""
    given = held(one)
    own, image = given.get(name), base_environment(_image(one)).get(name)
    if own is None or not _matters(one, name, given) or (own.text is None and image is None):
        return None
    trouble = gpu_trouble(name, own.text or "", image)
    if trouble is None:
        return None
    what = f"is {own.text!r}" if own.text is not None else "is unset"
    return Finding(
        f"{name} of {one.service.key} {what}, which {trouble}",
        place=own.place,
        expected=image,
        observed=own.text,
        chain=own.chain,
        fix=f"put your folders before the image's own: /your/lib:{image}" if name == "LD_LIBRARY_PATH" else _FIX,
    )


_FIX = "take it away, and let the reservation of the service choose its devices"


def _matters(one: Started, name: str, given: Mapping[str, Held]) -> bool:
    """Return whether a variable has a say for the card that the service gets under this invocation."""
    vendor = _vendor(one)
    if name in _OF_AMD:
        return vendor == "amd"
    if name == "GGML_VK_VISIBLE_DEVICES":
        is_used = given.get("OLLAMA_VULKAN")
        return (
            not vendor and is_used is not None and reads_as("OLLAMA_VULKAN", is_used.text or "", None).value == "true"
        )
    if vendor == "amd":
        return name not in _OF_NVIDIA
    if name == "NVIDIA_VISIBLE_DEVICES":
        return not _requests(one) and not texts(one.compose.get("devices"))
    if name == "NVIDIA_DRIVER_CAPABILITIES":
        return not any(_DRIVER_PARTS & _capabilities(request) for request in _requests(one))
    return True


def _vendor(one: Started) -> Vendor:
    """Return whose card the words around a service speak of, "" where they do not say."""
    words = f"{_words(one)} {_image(one)}"
    is_nvidia, is_amd = _NVIDIA.search(words), _AMD.search(words)
    return "" if bool(is_nvidia) == bool(is_amd) else "nvidia" if is_nvidia else "amd"


def _image(one: Started) -> str:
    """Return the image that a service starts from."""
    image, pulled = one.given.image, one.compose.image
    return (image.base if image else pulled.text if pulled else None) or ""


def _words(one: Started) -> str:
    """Return what a service says of its devices, as one text."""
    nodes = (one.compose.get(path) for path in (*_REQUESTS, "devices", "runtime"))
    return " ".join(str(node.value) for node in nodes if node is not None)


def _has_card(one: Started) -> bool:
    """Return whether a service is given a card under one invocation, in whatever syntax."""
    return bool(_requests(one)) or _CARD.search(_words(one)) is not None


def _requests(one: Started) -> tuple[Node, ...]:
    """Return the device requests of a service: Docker itself sets what the container sees of the card for them."""
    return tuple(node for path in _REQUESTS for node in texts(one.compose.get(path)))


def _capabilities(request: Node) -> frozenset[str]:
    """Return the capabilities that a device request asks for."""
    return frozenset(str(node.value) for node in texts(request.children.get("capabilities")))


GPU_ENVIRONMENT = Check(
    "gpu-environment", "source", "config", gpu_environment, gpu_environment_subjects, judge_gpu_environment
)
