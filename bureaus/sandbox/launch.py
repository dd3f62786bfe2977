"""Become another program, after arranging to die with the parent and, if asked, dropping root.

Run by path (`python -I -S launch.py PARENT DEATH_SIGNAL UID GID PROGRAM ARGUMENT...`; `-` for no UID and
GID), so it imports nothing of ours. The program keeps this process's id.

It is a program and not a `preexec_fn` because that runs Python between fork and exec, which may deadlock in a
process that has threads. Order: drop root first, since the kernel clears the death signal when the user
changes; then ask for the signal; then look whether the parent died before that.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
"""From Linux's <sys/prctl.h>. It acts on the death of the *thread* that started this process."""


def main(arguments: list[str]) -> None:
    """Take the steps in the module's docstring; never returns.

    Exits 125 if the parent is gone, 127 if there is no such program.
    """
    parent, death_signal, uid, gid, program, *rest = arguments
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
        os.umask(0o077)
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal)) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        sys.exit(125)
    try:
        os.execv(program, [program, *rest])  # noqa: S606  # no shell is wanted
    except OSError as error:
        sys.stderr.write(f"cannot run {program}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
