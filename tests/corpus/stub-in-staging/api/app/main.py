"""Sorts tickets. With gemma3:4b the prompt had to be longer."""

import os

import httpx
from fastapi import FastAPI

app = FastAPI()
URL = os.environ["OLLAMA_URL"]
MODEL = os.getenv("LLM_MODEL", "gemma3:4b-it-qat")


@app.get("/health")
async def health() -> dict[str, bool]:
    async with httpx.AsyncClient(timeout=2) as client:
        tags = (await client.get(f"{URL}/api/tags")).raise_for_status().json()
    return {"ok": any(model["name"] == MODEL for model in tags["models"])}


@app.post("/triage")
async def triage(text: str) -> dict[str, str]:
    async with httpx.AsyncClient(timeout=60) as client:
        reply = await client.post(f"{URL}/api/generate", json={"model": MODEL, "prompt": text, "stream": False})
    return {"queue": reply.json()["response"]}
