"""Command lines that are run beside the loop."""

import asyncio
import subprocess

from support.shell import Shell


async def run_beside(
    shell: Shell, *arguments: str, **more: str
) -> "subprocess.CompletedProcess[str]":
    """Run one command line to its end while the loop goes on."""
    return await asyncio.to_thread(shell.run, *arguments, **more)
