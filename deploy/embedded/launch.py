"""Becomes a command that is killed when the process that started it dies, however it dies.

Run as a file, by `child.py`: `launch.py PARENT_PID COMMAND …`. A hook between fork and exec would
do the same, but Python code must not run there in a process that has threads. Where the kernel has
no such signal (macOS), the command is ended by an orderly end of the stack alone.
"""

import os
import sys

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def main() -> None:
    """Arm the signal, make sure that the parent still lives, and become the command."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        # It may have died before the signal was armed.
        if os.getppid() != int(parent):
            sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
