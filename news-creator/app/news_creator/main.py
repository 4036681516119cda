"""The service as a program: `uvicorn news_creator.main:app`, or `python -m news_creator.main`."""

from __future__ import annotations

import sys

import uvicorn

from news_creator.api.app import create_app
from news_creator.config.config import ConfigError, Settings, load_settings
from news_creator.logs import configure_logging


def _settings_or_exit() -> Settings:
    try:
        return load_settings()
    except ConfigError as error:
        sys.exit(f"news-creator: the environment cannot be used\n{error}")


settings = _settings_or_exit()
configure_logging(settings.LOG_LEVEL)
app = create_app(settings)


def run() -> None:
    """Serve at SERVICE_HOST and SERVICE_PORT until stopped."""
    uvicorn.run(app, host=settings.SERVICE_HOST, port=settings.SERVICE_PORT, log_config=None)


if __name__ == "__main__":
    run()
