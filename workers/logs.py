"""What a process says on stderr: warnings in one line each, tracebacks only of surprises.

An activity that fails has a typed reason, and the retry or the rollback that follows is in the
run's history; so its failure is one line here. With `debug`, everything is said in full.
"""

import logging
import sys

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

_FAILURE_MARK = "__temporal_error_identifier"


class OneLine(logging.Formatter):
    """Formats the failure of an activity without its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text; one of an activity's failure is one line."""
        if record.exc_info and getattr(record, _FAILURE_MARK, "") == "ActivityFailure":
            error = record.exc_info[1]
            kind = getattr(error, "type", None) or type(error).__name__
            record = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None})
            record.msg, record.args = f"{record.getMessage()}: {kind}: {error}", ()
        return super().format(record)


class NoAbandonedQueries(logging.Filter):
    """Drops what the core says of a query whose asker went away: nobody misses the answer."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is worth a line."""
        return not record.getMessage().startswith("Query not found when attempting to respond")


def log_to_stderr(*, debug: bool = False, quiet: bool = False) -> None:
    """Send Python's and the Temporal core's logs to stderr; call it before the first connection.

    Left alone, the core prints to stdout. With `quiet`, as for a command that itself says what it
    waits for, only errors are told.
    """
    handler = logging.StreamHandler(sys.stderr)
    layout = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    if debug:
        handler.setFormatter(logging.Formatter(layout))
    else:
        handler.setFormatter(OneLine(layout))
        handler.addFilter(NoAbandonedQueries())
    level = logging.INFO if debug else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(level=level, handlers=[handler])
    core = "INFO" if debug else "ERROR" if quiet else "WARN"
    forwarding = LogForwardingConfig(
        logging.getLogger("temporal"), append_target_to_name=False, prepend_target_on_message=False
    )
    logs = LoggingConfig(TelemetryFilter(core_level=core, other_level="ERROR"), forwarding)
    runtime = Runtime(telemetry=TelemetryConfig(logging=logs))
    Runtime.set_default(runtime, error_if_already_set=False)
