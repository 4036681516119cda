"""Write the digest: python digest.py [--model NAME] [--second-opinion NAME]."""

import argparse
import os
import pathlib
from dataclasses import dataclass

import httpx

from common.env import env, env_int


@dataclass
class Plan:
    model: str
    draft_model: str = "gemma3:4b"
    num_ctx: int = int(env("SUM_NUM_CTX") or 4096)
    num_predict: int = env_int("SUM_NUM_PREDICT", 256)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=os.environ.get("SUM_MODEL", "gemma3:4b"))
    parser.add_argument("--second-opinion", default="gemma3:4b", help="asked where the first one hesitates")
    return parser.parse_args()


def ask(plan: Plan, prompt: str) -> str:
    options = {"num_ctx": plan.num_ctx, "num_predict": plan.num_predict}
    body = {"model": plan.model, "prompt": prompt, "stream": False, "options": options}
    reply = httpx.post(f"{os.environ['SUM_OLLAMA_URL']}/api/generate", json=body, timeout=300)
    reply.raise_for_status()
    return reply.json()["response"]


if __name__ == "__main__":
    given = arguments()
    pathlib.Path("/tmp/ready").touch()
    print(ask(Plan(model=given.model), "Summarise the day."))
