"""What a failed start is known to mean: a line that Docker, a shell or Ollama wrote, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from pytest_newscreator.frozen import frozen
from pytest_newscreator.stack.holders import holder


@frozen
class Cause:
    """What is behind a failure, in words of its own, and what to do."""

    what: str
    fix: str


def _taken(match: re.Match[str]) -> Cause:
    """Say who holds a port."""
    port = int(match["port"])
    who = holder(port)
    return Cause(f"port {port} is taken{f' by {who}' if who else ''}", "end it, or give the service another port")


def _image(match: re.Match[str]) -> Cause:
    """Say which image is not there."""
    name = match["image"]
    return Cause(f"the image {name} is neither here nor to be pulled", f"docker pull {name}, or correct its name")


def _copied(match: re.Match[str]) -> Cause:
    """Say which file the build does not find."""
    return Cause(f"the build does not find {match['file']}", "add the file, or correct COPY or .dockerignore")


def _mounted(match: re.Match[str]) -> Cause:
    """Say which file is mounted and not there."""
    return Cause(f"{match['file']} is mounted and does not exist", "add it, or take the mount out")


def _program(match: re.Match[str]) -> Cause:
    """Say which program is not in the image."""
    return Cause(f"the image has no program {match['program']}", "correct the command, or install it in the Dockerfile")


def _plain(what: str, fix: str) -> Callable[[re.Match[str]], Cause]:
    """Return a cause that says the same whatever matched."""
    return lambda _: Cause(what, fix)


KNOWN: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Cause]], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), cause)
    for pattern, cause in (
        (r"listen \w+ \S*?:(?P<port>\d+): bind: address already in use", _taken),
        (r"bind for \S*?:(?P<port>\d+) failed: port is already allocated", _taken),
        (r"address already in use\D{0,40}?:(?P<port>\d+)", _taken),
        (r"\[errno 98\] .*bind on address \('[^']*', (?P<port>\d+)\)", _taken),
        (r"pull access denied for (?P<image>[^\s,]+)", _image),
        (r"manifest for (?P<image>\S+) not found", _image),
        (r"no such image: (?P<image>\S+)", _image),
        (r"unable to get image '(?P<image>[^']+)'(?!.*daemon)", _image),
        (r"(?P<image>[\w./:@-]+): failed to resolve source metadata", _image),
        (r"failed to (?:compute|calculate) (?:cache key|checksum).*\"(?P<file>/[^\"]+)\": not found", _copied),
        (r"failed to (?:compute|calculate) (?:cache key|checksum).*\"(?P<file>/[^\"]+)\" not found", _copied),
        (r"bind source path does not exist: (?P<file>\S+)", _mounted),
        (r"env file (?P<file>\S+) not found", _mounted),
        (r"exec: \"(?P<program>[^\"]+)\": (?:executable file not found|stat .*no such file)", _program),
        (r"exec (?P<program>\S+?):? (?:failed: )?no such file or directory", _program),
        (r"exec (?P<program>\S+): exec format error", _program),
        (r"no space left on device", _plain("the disk is full", "docker system df shows what takes the room")),
        (
            r"cannot connect to the docker daemon|error during connect",
            _plain("the Docker daemon went away", "start Docker, then run again"),
        ),
        (
            r"permission denied while trying to connect to the docker",
            _plain("this user may not use Docker", "add it to the group docker, or run as one that may"),
        ),
    )
)


def recognised(lines: Iterable[str]) -> Cause | None:
    """Return what the last telling line of a failed start means; None where it is not known."""
    for line in reversed(list(lines)):
        for pattern, cause in KNOWN:
            match = pattern.search(line)
            if match:
                return cause(match)
    return None
