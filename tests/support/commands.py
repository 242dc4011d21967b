"""The command line of a portal that runs inside the test; its exit code and what it said."""

from collections.abc import Mapping

import structlog
from click.testing import CliRunner

from portal.cli import main
from portal.settings import Settings


def run_command(settings: Settings, *command: str, typed: str = "", **more: str) -> tuple[int, str]:
    """Run ``portal`` with these arguments; what it raises unforeseen is a defect."""
    environment: Mapping[str, str] = {
        "PORTAL_VAR": str(settings.var),
        "PORTAL_DATABASE_URL": settings.database_url,
        **more,
    }
    before = structlog.get_config()
    done = CliRunner().invoke(main, list(command), input=typed, env=environment)
    structlog.configure(**before)  # a command writes the logs of its own process
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output
