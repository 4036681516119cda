"""Whether this machine has an NVIDIA GPU."""

from __future__ import annotations

import functools
from pathlib import Path


@functools.lru_cache(maxsize=1)
def has_nvidia() -> bool:
    """Return whether the NVIDIA driver is loaded and has a device (its own proc entries, no library needed)."""
    return any(Path("/proc/driver/nvidia/gpus").glob("*/information")) or Path("/dev/nvidia0").exists()
