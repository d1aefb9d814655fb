"""What the log says of a request that failed."""

import json
import logging
from datetime import UTC, datetime

from django.http import HttpRequest


class JsonFormatter(logging.Formatter):
    """A line of JSON for what Django logs of a failed request, with the names of nginx's log."""

    def format(self, record: logging.LogRecord) -> str:
        # Django's `extra`.
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
    """Filter: keep the record's sentence, which says what to do, and drop the traceback."""
    record.exc_info = record.exc_text = None
    return True
