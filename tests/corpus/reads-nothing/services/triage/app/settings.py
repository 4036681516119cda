from pydantic_settings import SettingsConfigDict

from common.settings_base import LlmSettings


class TriageSettings(LlmSettings):
    model_config = SettingsConfigDict(env_prefix="TRIAGE_", extra="ignore")

    temperature: float = 0.7
    labels: tuple[str, ...] = ("bug", "billing", "praise")


settings = TriageSettings()
