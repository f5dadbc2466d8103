"""Runs a program that dies with its parent, even when the parent is killed outright.

Used as a script: `child.py PARENT_PID PROGRAM ARGS…`. It asks the kernel (Linux) for SIGTERM at the
parent's death and then becomes the program. A script, because code between fork and exec in a
process with threads can deadlock. The kernel's "parent" is the *thread* that started the child:
start children from a thread that lives as long as they shall, such as the event loop's.
"""

import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` as a child that does not outlive this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)  # it died before the kernel was asked
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
