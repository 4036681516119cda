import os

import httpx
from fastapi import FastAPI

URL = os.environ["OLLAMA_URL"]
MODEL = os.getenv("KB_MODEL", "kb-8k")
NUM_CTX = int(os.getenv("KB_NUM_CTX", "4096"))
ABOUT = "Passages before June were chosen by gemma3:4b."

app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok", "about": ABOUT}


@app.post("/ask")
async def ask(question: str) -> str:
    body = {"model": MODEL, "prompt": question, "stream": False, "options": {"num_ctx": NUM_CTX}}
    async with httpx.AsyncClient(base_url=URL, timeout=120) as client:
        reply = await client.post("/api/generate", json=body)
    reply.raise_for_status()
    return reply.json()["response"]
