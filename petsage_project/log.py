"""What the log has of a failure."""

import json
import logging
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """Format Django's record of a failed request as a line of JSON, in the words of nginx's log."""

    def format(self, record: logging.LogRecord) -> str:
        request, time = record.request, datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds"),
            "client": request.META.get("REMOTE_ADDR"),
            "method": request.method,
            "host": request.META.get("HTTP_HOST"),
            "uri": request.get_full_path(),
            "status": record.status_code,
            "agent": request.META.get("HTTP_USER_AGENT"),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def without_traceback(record: logging.LogRecord) -> bool:
    """Filter: keep the record's sentence, which says what to do, and drop the traceback."""
    record.exc_info = record.exc_text = None
    return True
