"""The API: python -m api [--model NAME] [--num-ctx N]."""

import argparse
import os

import httpx
import uvicorn
from fastapi import FastAPI

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", default=os.getenv("LLM_MODEL", "gemma3:4b-it-qat"), help="not gemma3:4b any more")
parser.add_argument("--num-ctx", type=int, default=int(os.getenv("LLM_NUM_CTX", "8192")))
given = parser.parse_args()
app = FastAPI()


@app.get("/")
def index() -> dict[str, str]:
    return {"model": given.model}


@app.post("/clip")
async def clip(text: str) -> str:
    body = {"model": given.model, "prompt": text, "stream": False, "options": {"num_ctx": given.num_ctx}}
    async with httpx.AsyncClient(base_url=os.environ["LLM_URL"], timeout=60) as client:
        return (await client.post("/api/generate", json=body)).json()["response"]


uvicorn.run(app, host="0.0.0.0", port=8000)
