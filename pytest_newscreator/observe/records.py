"""What the engine keeps of a container: the image it was made of, its clock, its ends, its changes, its log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pytest_newscreator.frozen import frozen
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.container import Container


@frozen
class Image:
    """An image as the engine tells it; `history` is what made each layer, the newest first, as the builder wrote it."""

    id: str
    config: Mapping[str, Any]
    history: tuple[str, ...]


def image(reference: str) -> Image | None:
    """Return the image that an id or a tag names now; None where there is none. Asked once a run."""
    return engine.once(("image", reference), lambda: _image(reference))


def _image(reference: str) -> Image | None:
    """Ask for an image and how it was made."""
    from docker.errors import ImageNotFound

    try:
        raw = engine.client().api.inspect_image(reference)
    except ImageNotFound:
        return None
    made = engine.client().api.history(raw["Id"])
    return Image(raw["Id"], raw.get("Config") or {}, tuple(entry.get("CreatedBy") or "" for entry in made))


def now() -> datetime:
    """Return the time by the engine's own clock, to the second: times in an inspection are by that clock."""
    api = engine.client().api
    return parsedate_to_datetime(api.get(f"{api.base_url}/_ping").headers["Date"])


def deaths(identifier: str) -> tuple[str, ...]:
    """Return how a container's processes ended, as far as the engine remembers: it keeps its last 256 events."""
    until, api = int(now().timestamp()), engine.client().api
    wanted = json.dumps({"container": [identifier], "event": ["die", "oom"]})
    asked = {"since": until - 86_400, "until": until, "filters": wanted}
    answer = api.get(f"{api.base_url}/v{api.api_version}/events", params=asked)  # read whole, so nothing stays open
    told = [json.loads(line) for line in answer.text.splitlines() if line.strip()] if answer.ok else []
    return tuple(
        f"{datetime.fromtimestamp(event['time'], UTC):%Y-%m-%dT%H:%M:%SZ} "
        + (
            f"ended with exit code {code}"
            if (code := event["Actor"]["Attributes"].get("exitCode"))
            else "out of memory"
        )
        for event in told
    )


def is_changed(identifier: str, path: str) -> bool:
    """Return whether a container wrote to a path of its image since its creation; slow, as the engine compares all."""
    return any(entry["Path"] == path for entry in engine.client().api.diff(identifier) or ())


def log_since(container: Container) -> Iterator[bytes]:
    """Return what a container wrote since its last start, from the first line on, in pieces as they come."""
    started = datetime.fromisoformat(f"{container.started_at.removesuffix('Z').partition('.')[0]}+00:00")
    since = int(started.timestamp())
    stream: Iterator[bytes] = engine.client().api.logs(container.id, since=since, stream=True, follow=False)
    return stream
