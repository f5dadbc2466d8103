"""The SystemCallFilter= lines of a unit, as systemd understands them, and a program under them.

Used as a script: `confined.py CALL,CALL,… PROGRAM ARGS…` lets the kernel kill the program at the
first system call of another name, as it does under systemd, and then becomes the program. Only the
standard library, and the library that systemd itself makes its filters with.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

_LIBRARY = "libseccomp.so.2"
#: libseccomp's SCMP_ACT_KILL_PROCESS and SCMP_ACT_ALLOW.
_KILL, _ALLOW = 0x80000000, 0x7FFF0000
#: What systemd never takes from a unit that has a list of what it may: it could not even start.
_ALWAYS = ("@default", "execve")


def missing() -> str | None:
    """What this machine lacks to filter system calls; None = nothing."""
    if sys.platform != "linux" or shutil.which("systemd-analyze") is None:
        return "systemd-analyze is not here, which knows the groups: apt-get install systemd"
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        return f"{_LIBRARY} is not here: apt-get install libseccomp2"
    return None


@functools.cache
def _group(name: str) -> frozenset[str]:
    """The calls of a group (`@chown`) and of those in it; what is no group is a call."""
    if not name.startswith("@"):
        return frozenset((name,))
    said = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.strip() for line in said.splitlines()[1:]]
    return frozenset().union(*(_group(one) for one in lines if one and not one.startswith("#")))


def allowed(lines: Sequence[str]) -> frozenset[str]:
    """The calls that `SystemCallFilter=` lines leave, the first of which is a list of what may be:
    `~` takes away, whatever came before it, and a later line may give back."""
    assert lines
    assert not lines[0].startswith("~"), lines
    left: frozenset[str] = frozenset().union(*map(_group, _ALWAYS))
    for line in lines:
        named = frozenset[str]().union(*map(_group, line.removeprefix("~").split()))
        left = left - named if line.startswith("~") else left | named
    return left


def confined(calls: frozenset[str], command: Sequence[str]) -> list[str]:
    """The command line that runs `command` with those calls alone."""
    return [sys.executable, "-I", "-S", __file__, ",".join(sorted(calls)), *command]


def _confine(calls: Sequence[str]) -> None:
    library = ctypes.CDLL(_LIBRARY, use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    made = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_KILL)))
    for call in calls:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:  # below: not of this kind of machine
            status = library.seccomp_rule_add(made, ctypes.c_uint32(_ALLOW), number, 0)
            assert status == 0, (call, status)
    status = library.seccomp_load(made)
    assert status == 0, status


def main() -> None:
    calls, command = sys.argv[1].split(","), sys.argv[2:]
    _confine(calls)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
