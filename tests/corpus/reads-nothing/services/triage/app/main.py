"""Sort mail by label. The prompt was written for gemma3:4b and still fits."""

import logging

import httpx
from fastapi import FastAPI

from app.settings import settings

log = logging.getLogger(__name__)
app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/label")
async def label(text: str) -> dict[str, str]:
    body = {
        "model": settings.model,
        "prompt": f"One of {', '.join(settings.labels)}: {text}",
        "stream": False,
        "options": {"num_ctx": settings.num_ctx, "temperature": settings.temperature},
    }
    async with httpx.AsyncClient(base_url=settings.ollama_url, timeout=60) as client:
        reply = await client.post("/api/generate", json=body)
    if reply.status_code == 404:
        log.error("no model %s: hosts that still have gemma3:4b need a pull", settings.model)
    reply.raise_for_status()
    return {"label": reply.json()["response"].strip()}
