"""The log: one line an event on standard error, as text or as JSON.

Modules log through `logging.getLogger(__name__)`; machine-readable facts go into
`extra={"fields": {...}}` and become `key=value` in text and members in JSON.
"""

import json
import logging
import logging.config
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

Style = Literal["text", "json", "off"]
_PLAIN = re.compile(r"[\w./:<>+-]+", re.ASCII)


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO message key=value`, a trace in the lines below."""

    def format(self, record: logging.LogRecord) -> str:
        """One event; values that are not plain words are quoted."""
        fields = "".join(f" {name}={_quoted(value)}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {record.getMessage()}{fields}"
        trace = _trace(self, record)
        return f"{line}\n{trace}" if trace else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the fields, a trace if any."""

    def format(self, record: logging.LogRecord) -> str:
        """One event; values JSON does not know become their text."""
        event = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if trace := _trace(self, record):
            event["trace"] = trace
        return json.dumps(event, default=str)


def config(style: Style) -> dict[str, Any]:
    """What `logging.config.dictConfig` and gunicorn's `logconfig_dict` take.

    Libraries are heard from warnings upwards, this package from information upwards. gunicorn's
    access log stays off: requests are logged where their id and route are known.
    """
    handler = {"class": "logging.StreamHandler", "formatter": "line"}
    formatter = {"json": JsonFormatter, "text": TextFormatter, "off": TextFormatter}[style]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"log": {"class": "logging.NullHandler"} if style == "off" else handler},
        "root": {"level": "WARNING", "handlers": ["log"]},
        "loggers": {
            "cutout": {"level": "INFO", "propagate": True},
            "gunicorn.error": {"level": "WARNING", "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
        },
    }


def configure(style: Style) -> None:
    """Log in this style from now on, in the whole process."""
    logging.config.dictConfig(config(style))


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields: Mapping[str, object] = getattr(record, "fields", {})
    return fields


def _time(record: logging.LogRecord) -> str:
    """UTC, ISO 8601, to the millisecond."""
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""


def _quoted(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
