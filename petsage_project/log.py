import logging


def without_traceback(record: logging.LogRecord) -> bool:
    """Filter: keep the record's sentence, which says what to do, and drop the traceback."""
    record.exc_info = record.exc_text = None
    return True
