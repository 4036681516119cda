import os

BASE_URL = os.getenv("OLLAMA_BASE_URL", "http://ollama:11434")
MODEL = os.environ.get("LLM_MODEL") or "gemma3:4b-it-qat"
FALLBACK = os.environ.get("FALLBACK_MODEL", MODEL)


def options() -> dict[str, float]:
    return {
        "num_ctx": int(os.getenv("LLM_NUM_CTX", "8192")),
        "num_predict": int(os.getenv("LLM_NUM_PREDICT", "512")),
        "temperature": float(os.getenv("LLM_TEMPERATURE", "0.2")),
    }
