"""What this service is told by its environment."""

import os
from dataclasses import dataclass, field


def _env(name: str, default: str) -> str:
    value = os.environ.get(name, "").strip()
    return value or default


@dataclass(frozen=True)
class Settings:
    chat_url: str = field(default_factory=lambda: _env("CHAT_URL", "http://localhost:11434"))
    embed_url: str = field(default_factory=lambda: _env("EMBED_URL", "http://localhost:11435"))
    chat_model: str = field(default_factory=lambda: _env("CHAT_MODEL", "support-8k"))
    embed_model: str = field(default_factory=lambda: _env("EMBED_MODEL", "nomic-embed-text:v1.5"))
    rewrite_model: str = field(default_factory=lambda: _env("REWRITE_MODEL", "gemma3:1b"))


settings = Settings()
