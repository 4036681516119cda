"""The ENV that well-known base images bring; facts of their published Dockerfiles, by repository name."""

from __future__ import annotations

from collections.abc import Mapping

KNOWN: Mapping[str, Mapping[str, str]] = {
    "ollama/ollama": {
        "PATH": "/usr/local/nvidia/bin:/usr/local/cuda/bin:"
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LD_LIBRARY_PATH": "/usr/local/nvidia/lib:/usr/local/nvidia/lib64",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        "NVIDIA_VISIBLE_DEVICES": "all",
        "OLLAMA_HOST": "0.0.0.0:11434",
    },
}


def base_environment(reference: str) -> Mapping[str, str]:
    """Return the ENV of a base image given as `[registry/]name[:tag][@digest]`; empty where it is not known."""
    name = reference.partition("@")[0]
    head, _, last = name.rpartition("/")
    repository = f"{head}/{last.partition(':')[0]}" if head else last.partition(":")[0]
    return KNOWN.get(repository.removeprefix("docker.io/"), {})
