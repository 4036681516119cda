"""What every client of the desk's model is told."""

from pydantic import Field
from pydantic_settings import BaseSettings


class LlmSettings(BaseSettings):
    """Subclasses set the prefix: TRIAGE_ and, once it has moved, SUM_."""

    ollama_url: str = "http://ollama:11434"
    model: str = "gemma3:4b"
    num_ctx: int = Field(default=8192, gt=0)
    temperature: float = 0.2
