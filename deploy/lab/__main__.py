"""``python -m holdfast.deploy.lab``: serve the lab of an estate file until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from ...workflows.planning import TemplateError
from ...workflows.planning.estate_file import EstateInvalid, parse_estate
from .server import Lab


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="holdfast lab", description=__doc__)
    parser.add_argument("--estate", type=Path, required=True, help="the estate file to seed from")
    parser.add_argument("--port", type=int, default=0, help="the lab's port; 0 takes any")
    parser.add_argument("--env-file", type=Path, required=True, help="where to write the env file")
    parser.add_argument("--latency-ms", type=float, default=0, help="added to every answer")
    parser.add_argument("--ready-after-ms", type=float, default=300, help="until pods are ready")
    parser.add_argument(
        "--replication-ms", type=float, default=300, help="until a record is at the standbys"
    )
    return parser.parse_args()


async def serve(lab: Lab, port: int, env_file: Path) -> None:
    """Serve a lab until SIGINT or SIGTERM; one line on stdout says when it answers.

    Raises:
        OSError: the port is taken, or the env file cannot be written.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await lab.start(port)
    try:
        lab.write_env_file(env_file)
        ready = {"ready": True, "url": lab.url, "sites": lab.site_urls, "env_file": str(env_file)}
        sys.stdout.write(f"{json.dumps(ready)}\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await lab.stop()


def main() -> int:
    """Run the lab from the command line; return the exit code, 2 for what was given wrong."""
    given = _arguments()
    try:
        estate = parse_estate(given.estate.read_bytes(), str(given.estate))
        lab = Lab(estate, given.latency_ms, given.ready_after_ms, given.replication_ms)
        asyncio.run(serve(lab, given.port, given.env_file))
    except (EstateInvalid, TemplateError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
