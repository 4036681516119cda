"""One door to four models."""

import os

import httpx
from fastapi import FastAPI

app = FastAPI()
ROOMS = {
    "chat": (os.environ["CHAT_URL"], os.getenv("DESK_CHAT", "chat-8k")),
    "memo": (os.environ["MEMO_URL"], os.getenv("DESK_MEMO", "memo-8k")),
    "long-memo": (os.environ["MEMO_URL"], os.getenv("DESK_LONG_MEMO", "memo-32k")),
    "tags": (os.environ["TAGS_URL"], os.getenv("DESK_TAGS", "tags-4k")),
    "code": (os.environ["CODE_URL"], os.getenv("DESK_CODE", "qwen2.5-coder:7b")),
}


@app.get("/")
def rooms() -> list[str]:
    return sorted(ROOMS)


@app.post("/{room}")
async def ask(room: str, prompt: str) -> str:
    url, model = ROOMS[room]
    async with httpx.AsyncClient(timeout=120) as client:
        reply = await client.post(f"{url}/api/generate", json={"model": model, "prompt": prompt, "stream": False})
    reply.raise_for_status()
    return reply.json()["response"]
