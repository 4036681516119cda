"""What every exchange with Ollama goes through: two fields its client cannot send, one bug it has.

The `ollama` client (0.6.3) builds chat requests without `truncate` and `shift`, which Ollama's API has. Left
out, a prompt beyond the window loses its beginning and an answer that runs full pushes the article out, both
with status 200. And it cuts streamed answers into lines by `str.splitlines`, which also splits at U+0085,
U+2028 and U+2029: a model that says one of them breaks its JSON in two.
"""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING

import httpx

from news_creator.domain.lines import one_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class UntruncatedTransport(httpx.AsyncBaseTransport):
    """A transport by which no chat request leaves without forbidding Ollama to shorten it."""

    def __init__(self, inner: httpx.AsyncBaseTransport | None = None) -> None:
        """Send through `inner`; proxies of the environment are not used, since the backend is our own."""
        self._inner = inner or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` with the two fields, and make the lines of its answer safe to split."""
        if request.url.path.endswith("/api/chat"):
            request = _forbid_shortening(request)
        response = await self._inner.handle_async_request(request)
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _EscapedLineBreaks(response.stream)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _EscapedLineBreaks(httpx.AsyncByteStream):
    """NDJSON in which the only line breaks are those between its lines."""

    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        async for chunk in self._inner:
            yield one_line(decoder.decode(chunk)).encode()
        yield decoder.decode(b"", final=True).encode()

    async def aclose(self) -> None:
        await self._inner.aclose()


def _forbid_shortening(request: httpx.Request) -> httpx.Request:
    body = {**json.loads(request.content), "truncate": False, "shift": False}
    headers = [(name, value) for name, value in request.headers.multi_items() if name.lower() != "content-length"]
    return httpx.Request(request.method, request.url, headers=headers, json=body, extensions=request.extensions)
