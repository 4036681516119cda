import httpx
from fastapi import FastAPI

from app import clients

app = FastAPI()


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/ask")
async def ask(question: str) -> dict[str, str]:
    async with httpx.AsyncClient() as client:
        query = await clients.rewrite(client, question)
        await clients.embed(client, [query])
        return {"answer": await clients.answer(client, question, [])}
