"""A summary as server-sent events.

Pieces come as `data: {"delta": …}`, the last event as `data: {"done": true, …}` with the fields of the whole
answer; a failure after the first piece as `event: error`. While chunks are read, comment lines (`: chunk 3
of 12`, which every reader of events passes over) keep the connection alive.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING

import structlog

from news_creator.api.schema import FailureResponse
from news_creator.domain.errors import SummaryError
from news_creator.domain.events import Delta, Event, Progress, Summary
from news_creator.domain.lines import one_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

log = structlog.get_logger(__name__)

MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def frames(
    first: Event, rest: AsyncGenerator[Event, None], metadata: Callable[[Summary], dict[str, object]]
) -> AsyncIterator[str]:
    """Yield `first` and the `rest` of what happens as frames; `metadata` makes the fields of the last one."""
    async with aclosing(rest):
        try:
            yield frame(first, metadata)
            async for event in rest:
                yield frame(event, metadata)
        except SummaryError as error:
            log.exception("stream_failed", error=error.code)
            failure = FailureResponse(error=error.code, detail=str(error))
            yield f"event: error\n{_data(failure.model_dump())}"


def frame(event: Event, metadata: Callable[[Summary], dict[str, object]]) -> str:
    """Return one event as the text that is sent."""
    match event:
        case Progress(done, total):
            return f": chunk {done} of {total}\n\n"
        case Delta(text):
            return _data({"delta": text})
        case Summary():
            return _data({"done": True, **metadata(event)})


def _data(fields: dict[str, object]) -> str:
    return f"data: {one_line(json.dumps(fields, ensure_ascii=False))}\n\n"
