import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).parent.parent / "config/app.toml"
STORED = tomllib.loads(FILE.read_text()) if FILE.exists() else {}


@dataclass(frozen=True)
class Config:
    llm_url: str = field(default_factory=lambda: os.getenv("LLM_URL", "http://localhost:11434"))
    embed_url: str = field(default_factory=lambda: os.getenv("EMBED_URL", "http://gpu-box:11434"))
    llm_model: str = field(default_factory=lambda: os.getenv("LLM_MODEL", "gemma3:4b"))
    embed_model: str = field(default_factory=lambda: os.getenv("EMBED_MODEL", "bge-m3:567m"))
    num_ctx: int = field(default_factory=lambda: int(os.getenv("LLM_NUM_CTX", "4096")))
