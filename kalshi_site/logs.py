"""How a log line looks: UTC, to the millisecond."""

import logging
import time


class UtcFormatter(logging.Formatter):
    """2026-05-11T14:15:00.123Z INFO trading.session: text"""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


class WithoutTraceback(logging.Filter):
    """Leaves the traceback out of a line whose message says it all."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True


class NotHealth(logging.Filter):
    """Lets everything through but Django's line for each /healthz that says no: who asks hears it anyway."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "/healthz" not in record.getMessage()
