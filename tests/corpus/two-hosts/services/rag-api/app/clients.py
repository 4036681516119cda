"""The two hosts, each behind one function."""

import httpx

from app.settings import settings

# Questions shorter than this go to the rewriter as they are.
SHORT = 12
TINY_MODELS = {"gemma3:1b", "qwen2.5:7b-instruct-q2_K"}


async def rewrite(client: httpx.AsyncClient, question: str) -> str:
    if len(question) < SHORT:
        return question
    body = {"model": settings.rewrite_model, "prompt": f"Rewrite as a search query: {question}", "stream": False}
    answer = await client.post(f"{settings.embed_url}/api/generate", json=body)
    answer.raise_for_status()
    return answer.json()["response"].strip()


async def embed(client: httpx.AsyncClient, texts: list[str]) -> list[list[float]]:
    answer = await client.post(
        f"{settings.embed_url}/api/embed",
        json={"model": "bge-m3:567m", "input": texts, "options": {"num_ctx": 2048}},
    )
    answer.raise_for_status()
    return answer.json()["embeddings"]


async def answer(client: httpx.AsyncClient, question: str, passages: list[str]) -> str:
    """Ask the chat model; it was qwen2.5:7b when the prompt below was tuned."""
    prompt = "\n\n".join([*passages, question])
    reply = await client.post(
        f"{settings.chat_url}/api/generate",
        json={"model": "support-8k", "prompt": prompt, "stream": False, "options": {"num_ctx": 4096}},
        timeout=120,
    )
    reply.raise_for_status()
    return reply.json()["response"]
