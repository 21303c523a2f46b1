"""How events look in the log: as text, as JSON, not at all."""

import json
import logging
import subprocess
import sys

import pytest

from cutout import logs
from cutout.settings import ROOT


def event(message="request", **fields) -> logging.LogRecord:
    record = logging.LogRecord("cutout.http", logging.INFO, "file", 1, message, (), None)
    record.created = 1_700_000_000.5
    record.fields = fields
    return record


def test_text_is_time_level_message_and_fields():
    line = logs.TextFormatter().format(event(id="a1", ms=2.5, route="/results/<name>"))
    assert line == "2023-11-14T22:13:20.500Z INFO request id=a1 ms=2.5 route=/results/<name>"


@pytest.mark.parametrize("value", ["a b", 'say "x"', "two\nlines", "x=1", ""])
def test_text_quotes_what_could_be_taken_for_another_field_or_line(value):
    line = logs.TextFormatter().format(event(field=value))
    assert line.endswith(f"request field={json.dumps(value)}")
    assert "\n" not in line


def test_json_is_one_object_a_line():
    line = logs.JsonFormatter().format(event("ready: %d", seconds=1.5, route="a\nb"))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.500Z",
        "level": "INFO",
        "logger": "cutout.http",
        "message": "ready: %d",
        "seconds": 1.5,
        "route": "a\nb",
    }


def test_a_trace_is_below_the_line_in_text_and_inside_it_in_json():
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        record = event()
        record.exc_info = sys.exc_info()
    first, *trace = logs.TextFormatter().format(record).splitlines()
    assert first.endswith("INFO request")
    assert trace[-1] == "ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in json.loads(logs.JsonFormatter().format(record))["trace"]


@pytest.mark.parametrize("style, lines", [("text", 2), ("json", 2), ("off", 0)])
def test_our_information_and_others_warnings_are_heard(style, lines):
    """In a process of its own: the log belongs to the whole process."""
    script = (
        f"import logging; from cutout import logs; logs.configure({style!r})\n"
        "logging.getLogger('cutout.http').info('ours')\n"
        "logging.getLogger('library').info('not heard')\n"
        "logging.getLogger('gunicorn.error').warning('theirs')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert len(run.stderr.splitlines()) == lines
    assert run.stdout == ""
