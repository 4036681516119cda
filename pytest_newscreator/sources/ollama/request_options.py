"""The options of a request to Ollama that programs pass by name."""

from __future__ import annotations

REQUEST_OPTIONS = frozenset(
    [
        "model",
        "num_ctx",
        "num_batch",
        "num_gpu",
        "main_gpu",
        "num_thread",
        "num_keep",
        "num_predict",
        "seed",
        "top_k",
        "top_p",
        "min_p",
        "typical_p",
        "temperature",
        "repeat_penalty",
        "repeat_last_n",
        "presence_penalty",
        "frequency_penalty",
        "keep_alive",
    ]
)
"""Keyword arguments that are request options wherever they are passed (the scalar ones of Ollama's `api.Options`)."""
