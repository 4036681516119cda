"""What can keep an article from being summarised.

SummaryError
├── PromptTooLongError            the text does not fit the model's window
│   └── NotConvergingError        its partial summaries do not get short enough either
├── EmptySummaryError             the model answered without any text
└── BackendError                  the model could not be asked
    ├── ModelMissingError
    ├── BackendUnreachableError
    ├── BackendTimeoutError
    ├── BackendBusyError
    ├── OutOfMemoryError
    └── BackendFailedError        anything else that Ollama reports
"""

from __future__ import annotations

from typing import ClassVar


class SummaryError(Exception):
    """The root of every failure a caller is told about; its text never holds any of the article."""

    code: ClassVar[str] = "failed"


class PromptTooLongError(SummaryError):
    """The text does not fit the window of any model that may be asked."""

    code = "prompt_too_long"


class NotConvergingError(PromptTooLongError):
    """The joined partial summaries still do not fit after the last allowed round."""

    code = "not_converging"


class EmptySummaryError(SummaryError):
    """The model ended its answer without any visible text."""

    code = "empty_summary"


class BackendError(SummaryError):
    """The model could not be asked, or did not answer."""

    code = "backend_error"


class ModelMissingError(BackendError):
    """Ollama has no model of the name that was asked for."""

    code = "model_missing"


class BackendUnreachableError(BackendError):
    """Nothing answers at the configured address, or the connection broke."""

    code = "backend_unreachable"


class BackendTimeoutError(BackendError):
    """The answer was not complete within the time allowed."""

    code = "backend_timeout"


class BackendBusyError(BackendError):
    """Ollama's own queue is full."""

    code = "backend_busy"


class OutOfMemoryError(BackendError):
    """The model does not fit the memory of the host or the card."""

    code = "out_of_memory"


class BackendFailedError(BackendError):
    """Ollama reported something else; its own words are in the text."""

    code = "backend_failed"
