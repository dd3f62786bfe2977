"""A participant's one durable store: keys, messages in and out, receipts, the directory and operations it verified.

    schema.py    the tables
    identity.py  who we are, our keys, the network that we pinned, alarms
    sending.py   intents, sealed envelopes, their receipts and proofs
    receiving.py messages taken in, acknowledgements, quarantine
    trust.py     directory versions, operations, the last tree head

One SQLite file, one thread that owns it. A *job* is a function of a connection; jobs that wait are run together in one
transaction (each behind its own savepoint), so that many small writes share one flush to disk. When `run` returns, what
the job did is on disk. What is asked in one turn of the event loop goes to the thread at once, and the outcomes of one
transaction come back at once: each way costs more than most jobs. One process at a time has the file open: two would
run each other's handlers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Concatenate, Final, Generic, ParamSpec, Self, TypeVar

from bureaus.store.schema import prepare
from schemas.errors import BureaunetError, Misuse, Reason, Unavailable

FILE: Final = "bureau.db"
"""The store's name in a bureau's home."""
BATCH: Final = 64
"""Jobs in one transaction; with what was asked in the same turn as the last of them."""
_T = TypeVar("_T")
_P = ParamSpec("_P")


class _Job(Generic[_T]):
    """One function to run in the store's thread, and the future of whoever waits for it."""

    def __init__(self, work: Callable[[sqlite3.Connection], _T]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[_T] = self.loop.create_future()
        self._settle: Callable[[], None] = lambda: None

    def attempt(self, connection: sqlite3.Connection) -> None:
        """Run behind a savepoint and remember the outcome; nobody hears of it before the commit."""
        connection.execute("SAVEPOINT job")
        try:
            self._run(connection)
        except Exception as error:  # noqa: BLE001  # whatever the job raises belongs to whoever waits for it
            connection.execute("ROLLBACK TO job")
            self.fail(error)
        connection.execute("RELEASE job")

    def attempt_alone(self, connection: sqlite3.Connection) -> None:
        """As `attempt`, where nothing else is in the transaction: what fails takes all of it with it."""
        try:
            self._run(connection)
        except Exception as error:  # noqa: BLE001  # as above
            if connection.in_transaction:  # else SQLite undid it itself, for a disk that failed
                connection.execute("ROLLBACK")
            self.fail(error)
        else:
            connection.execute("COMMIT")

    def _run(self, connection: sqlite3.Connection) -> None:
        result = self.work(connection)
        self._settle = lambda: self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        """Make this the outcome."""
        told = error if isinstance(error, BureaunetError) or not isinstance(error, sqlite3.Error) else _failed(error)
        self._settle = lambda: self.future.set_exception(told)

    def tell(self) -> None:
        """In the event loop: hand the outcome over, unless nobody waits any more."""
        if not self.future.done():
            self._settle()


def _tell(jobs: Sequence[_Job[object]]) -> None:
    for job in jobs:
        job.tell()


def _failed(error: sqlite3.Error) -> Unavailable:
    return Unavailable(Reason.STORE, f"the bureau's store failed: {type(error).__name__}: {error}")


class Store:
    """The open store; use it as `async with Store.open(path) as store` or close it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._jobs: queue.SimpleQueue[list[_Job[object]] | None] = queue.SimpleQueue()
        self._asked: dict[asyncio.AbstractEventLoop, list[_Job[object]]] = {}
        """What was asked in this turn of each event loop."""
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"store {path.parent.name}", daemon=True)
        self._thread.start()

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the store at `path`, made with mode 0600 where there is none.

        Raises:
            Misuse: another process has it open, or it is of a later version. Unavailable: `store`, it cannot be read.
        """
        return cls(path, await asyncio.to_thread(_connect, path))

    async def run(self, work: Callable[Concatenate[sqlite3.Connection, _P], _T], *args: _P.args, **kw: _P.kwargs) -> _T:
        """Run `work(connection, ...)` in a transaction; when this returns its effects are on disk.

        Raises:
            Unavailable: `store`, the disk failed and nothing was written.
            Whatever `work` raises, with its effects undone.
        """
        if self._closed:
            raise Misuse("the store is closed")
        job = _Job(lambda connection: work(connection, *args, **kw))
        if job.loop not in self._asked:
            self._asked[job.loop] = []
            job.loop.call_soon(self._hand_over, job.loop)
        # The list takes jobs of every result; each job's own future keeps the type.
        self._asked[job.loop].append(job)  # type: ignore[arg-type]  # _Job is invariant, and nobody reads a result from it
        return await job.future

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        jobs = self._asked.pop(loop, None)
        if jobs:
            self._jobs.put(jobs)

    async def aclose(self) -> None:
        """Finish what was asked for, and close the file."""
        if not self._closed:
            self._closed = True
            for loop in list(self._asked):
                self._hand_over(loop)
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _work(self) -> None:
        with contextlib.closing(self._connection):
            ended = False
            while not ended:
                batch, ended = self._next_batch()
                self._commit(batch)

    def _next_batch(self) -> tuple[list[_Job[object]], bool]:
        """What waits, and whether it is the last."""
        jobs = self._jobs.get()
        batch: list[_Job[object]] = []
        while jobs is not None:
            batch += jobs
            if len(batch) >= BATCH or self._jobs.empty():
                return batch, False
            jobs = self._jobs.get()
        return batch, True

    def _commit(self, batch: list[_Job[object]]) -> None:
        if not batch:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            if len(batch) == 1:
                batch[0].attempt_alone(self._connection)
            else:
                for job in batch:
                    job.attempt(self._connection)
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for job in batch:
                job.fail(error)
        for loop in {job.loop for job in batch}:
            with contextlib.suppress(RuntimeError):  # its event loop has ended: nobody waits for the outcome
                loop.call_soon_threadsafe(_tell, [job for job in batch if job.loop is loop])


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        prepare(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise Misuse(f"{path} is in use by another process") from None
        raise _failed(error) from None
    except (sqlite3.Error, BureaunetError) as error:
        connection.close()
        raise (_failed(error) if isinstance(error, sqlite3.Error) else error) from None
    return connection
