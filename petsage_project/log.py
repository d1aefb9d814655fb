"""Log records of failed requests."""

import json
import logging
from datetime import UTC, datetime

from django.http import HttpRequest


class JsonFormatter(logging.Formatter):
    """Formats Django's record of a failed request as a JSON line, with the keys of nginx's log."""

    def format(self, record: logging.LogRecord) -> str:
        # Django passes these as `extra`.
        request: HttpRequest = vars(record)["request"]
        status: int = vars(record)["status_code"]
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "client": request.META.get("REMOTE_ADDR"),
            "method": request.method,
            "host": request.META.get("HTTP_HOST"),
            "uri": request.get_full_path(),
            "status": status,
            "agent": request.META.get("HTTP_USER_AGENT"),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def without_traceback(record: logging.LogRecord) -> bool:
    """Drop the traceback; the message itself says what to do."""
    record.exc_info = record.exc_text = None
    return True
