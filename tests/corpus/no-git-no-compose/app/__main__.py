"""Search and answer. Written for gemma3:4b, whose answers were longer."""

import logging

import httpx
import uvicorn
from fastapi import FastAPI

from app.config import Config

config = Config()
app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/answer")
async def answer(question: str) -> str:
    body = {"model": config.llm_model, "prompt": question, "stream": False, "options": {"num_ctx": config.num_ctx}}
    async with httpx.AsyncClient(timeout=60) as client:
        vector = await client.post(f"{config.embed_url}/api/embed", json={"model": config.embed_model, "input": question})
        vector.raise_for_status()
        reply = await client.post(f"{config.llm_url}/api/generate", json=body)
    if reply.status_code == 404:
        logging.error("%s is missing; gemma3:4b was removed in May", config.llm_model)
    return reply.json()["response"]


uvicorn.run(app, host="127.0.0.1", port=8000)
