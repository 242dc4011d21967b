"""What the sandbox writes for its operator; never anything a caller sent."""

import logging
import traceback

logger = logging.getLogger("payments.sandbox")


def log_crash(error: Exception) -> None:
    """Where it broke, without the message: that may repeat a caller's input."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("unhandled %s\n%s", type(error).__name__, frames)
