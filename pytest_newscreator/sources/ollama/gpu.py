"""Variables of the libraries below Ollama that decide whether it sees a GPU."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

LIBRARY_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "GGML_VK_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "HIP_VISIBLE_DEVICES",
    "HSA_OVERRIDE_GFX_VERSION",
    "LD_LIBRARY_PATH",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_VISIBLE_DEVICES",
    "OLLAMA_LIBRARY_PATH",
    "OLLAMA_LLM_LIBRARY",
    "OLLAMA_VULKAN",
    "ROCR_VISIBLE_DEVICES",
)
"""The variables that can keep the server from its GPU, or lead it to one."""

# The folders of GPU libraries that releases from 0.14.3 on bring in lib/ollama.
_LIBRARY = re.compile(r"cuda_v[0-9]+|cuda_jetpack[0-9]+|rocm(?:_v[0-9_]+)?|vulkan|mlx_.*")


def gpu_trouble(name: str, text: str, image_env: str | None) -> str | None:
    """Return why a variable's text keeps the server from its GPU, None where it does not.

    `image_env` is what the image's own ENV says for the same variable. The container toolkit sets
    NVIDIA_VISIBLE_DEVICES itself where the service reserves a device, so its text counts only without a reservation;
    a lost LD_LIBRARY_PATH matters only where the driver is mounted there. PATH never does: on Linux the server looks
    for no library along it.
    """
    if name == "LD_LIBRARY_PATH":
        return _lost(text, image_env)
    rule = _RULES.get(name)
    return rule(text) if rule else None


def _lost(text: str, image_env: str | None) -> str | None:
    """Name the folders of the image that a replaced search path no longer has."""
    kept = {folder.rstrip("/") for folder in text.split(":")}
    lost = [folder for folder in (image_env or "").split(":") if folder and folder.rstrip("/") not in kept]
    if not lost:
        return None
    return f"loses the image's own {' and '.join(lost)}: a driver that is mounted there is not found"


def _cuda(text: str) -> str | None:
    """CUDA stops at the first device that it does not know, and shows none of a list with a repetition."""
    devices = [device.strip() for device in text.split(",")]
    if not devices[0]:
        return "hides every GPU: an empty list of devices is none"
    if not re.match(r"\+?[0-9]|GPU-|MIG-", devices[0]):
        return f"hides every GPU: {devices[0]!r} is neither a number nor a UUID of a device, and ends the list"
    numbers = [device for device in devices if device.isdigit()]
    return "hides every GPU: it names one device twice" if len(set(numbers)) < len(numbers) else None


def _negative(text: str) -> str | None:
    """AMD's libraries show no device of a list that begins with a negative number."""
    return "hides every AMD GPU: no device has a negative number" if text.strip().startswith("-") else None


def _vulkan(text: str) -> str | None:
    """Vulkan's devices are whole numbers; a text without one names none."""
    return None if re.match(r"\s*,*\s*\+?[0-9]", text) else "hides every Vulkan device: it names none by its number"


def _visible(text: str) -> str | None:
    """Without devices the container has no GPU."""
    if text in {"", "void", "none"}:
        return "gives the container no GPU, unless the service reserves a device"
    return None


def _capabilities(text: str) -> str | None:
    """CUDA's library is mounted for the capability `compute` alone; an empty text is `compute,utility`."""
    given = {part.strip() for part in text.split(",") if part.strip()}
    if not given or given & {"all", "compute"}:
        return None
    return "lacks compute: the container gets no CUDA library, and the server keeps to the CPU"


def _library(text: str) -> str | None:
    """The server tries the one folder of that name."""
    name = text.strip().strip("\"'")
    if not name or _LIBRARY.fullmatch(name):
        return None
    if name.startswith("cpu"):
        return "keeps the server to the CPU"
    return f"keeps the server to the CPU: no folder of GPU libraries is named {name} (cuda_v12, cuda_v13, vulkan ...)"


_RULES: Mapping[str, Callable[[str], str | None]] = {
    "CUDA_VISIBLE_DEVICES": _cuda,
    "GGML_VK_VISIBLE_DEVICES": _vulkan,
    "GPU_DEVICE_ORDINAL": _negative,
    "HIP_VISIBLE_DEVICES": _negative,
    "NVIDIA_DRIVER_CAPABILITIES": _capabilities,
    "NVIDIA_VISIBLE_DEVICES": _visible,
    "OLLAMA_LLM_LIBRARY": _library,
    "ROCR_VISIBLE_DEVICES": _negative,
}
