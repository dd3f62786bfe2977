"""A private RabbitMQ on loopback, of the installed package's own programs: TLS 1.3, certificates as identity.

Order: make a private folder, start an Erlang port mapper and the node, wait until the TLS port accepts; on
leaving, stop both and remove the folder. `stop`, `kill` and `restart` keep port and data. The caller gives
the definitions file (users, rights, exchanges, queues) and the server's certificate; `ctl` runs rabbitmqctl
against this node.

Rules: everything listens on 127.0.0.1; nothing is read from or written to the machine's own RabbitMQ. The
node opens its port only after it has read the definitions; what it then holds is compared with them
(`definitions` says why). The port mapper is our own child and not the daemon that Erlang would start, which
would outlive us. It runs as the user we are, root or not.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import ssl
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import JsonValue

from bureaus.sandbox.definitions import missing, read_definitions
from bureaus.sandbox.pki import TlsFiles
from bureaus.sandbox.process import LOOPBACK, Process, accepts, free_port, is_free, run
from bureaus.sandbox.reach import private_folder
from schemas.errors import Misuse, Reason, Unavailable
from schemas.wire import HEARTBEAT

PROGRAMS = Path("/usr/lib/rabbitmq/bin")
"""Where the package keeps its programs. The wrappers on the PATH insist on the machine's own data and user."""
INSTALL = "apt-get install --no-install-recommends rabbitmq-server"
NODE = "sandbox@localhost"
START_SECONDS = 60.0
PROBE_SECONDS = 2.0
ATTEMPTS = 3
"""Starts tried: the port between Erlang nodes may be taken between choosing and using it."""
SETTLING_SECONDS = 5.0
"""A node killed within about a second of declaring a quorum queue loses it and all that was confirmed."""

_CONFIGURATION = """\
listeners.tcp = none
listeners.ssl.1 = {address}:{port}
ssl_options.cacertfile = {tls.authority}
ssl_options.certfile = {tls.certificate}
ssl_options.keyfile = {tls.key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_options.versions.1 = tlsv1.3
auth_mechanisms.1 = EXTERNAL
ssl_cert_login_from = common_name
max_message_size = 16777216
net_ticktime = 10
log.file = false
log.console = true
log.console.level = info
log.console.use_colors = off
"""
_LOADED = "load_definitions = {definitions}\n"


class Broker:
    """A RabbitMQ node of our own: `async with Broker(definitions, tls) as broker`."""

    def __init__(self, definitions: Path, tls: TlsFiles, *, programs: Path = PROGRAMS, node: str = NODE) -> None:
        self.port = free_port()
        """The AMQP port, TLS only."""
        self.started_in: float | None = None
        """Seconds that the last start took, until the node took connections."""
        self._definitions = definitions.resolve()
        self._tls = TlsFiles(tls.authority.resolve(), tls.certificate.resolve(), tls.key.resolve())
        self._programs = programs
        self.node = node
        """The node's name."""
        self._folder: Path | None = None
        self._mapper: Process | None = None
        self._node: Process | None = None
        self._provisioned_at = 0.0
        self._mapper_port = self._distribution_port = 0

    async def __aenter__(self) -> Self:
        """Start the node. Raises Misuse if the package is missing, Unavailable if the node fails."""
        if not (self._programs / "rabbitmq-server").exists():
            msg = f"a private broker needs RabbitMQ's package; as root: {INSTALL}"
            raise Misuse(msg)
        self._folder = private_folder("mq", None)
        try:
            self._write_files(self._folder)
            await self.start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the node and the port mapper, and remove the folder."""
        await self._close()

    @property
    def url(self) -> str:
        """The AMQP URL for a client that shows a certificate; give the TLS context beside it."""
        return f"amqps://{LOOPBACK}:{self.port}/?auth=EXTERNAL&heartbeat={HEARTBEAT}"

    @property
    def process(self) -> Process:
        """The node's process: log, id, and `send` to freeze it. Raises Misuse before the first start."""
        if self._node is None:
            raise Misuse("the broker was not started")
        return self._node

    async def start(self) -> None:
        """Start the node on its data and wait until it takes connections. Raises Unavailable."""
        began = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._start_once(self._private())
            except Unavailable:
                if attempt == ATTEMPTS or self._node is None or self._node.running:
                    raise
            else:
                break
        await self._must_hold(self._definitions)
        self.started_in = time.monotonic() - began
        self._provisioned_at = time.monotonic()

    async def stop(self) -> None:
        """Stop the node in good order."""
        await self.process.stop(grace=30.0)

    async def kill(self) -> None:
        """End the node as a crash would, with SIGKILL. See `settle`."""
        await self.process.kill()

    async def restart(self) -> None:
        """Stop the node if it runs, and start it on the same data and port."""
        if self.process.running:
            await self.stop()
        await self.start()

    async def settle(self) -> None:
        """Wait until queues declared by the last start or import survive a kill (SETTLING_SECONDS after it)."""
        await asyncio.sleep(max(0.0, self._provisioned_at + SETTLING_SECONDS - time.monotonic()))

    @property
    def environment(self) -> dict[str, str]:
        """What a `rabbitmqctl` of somebody else's needs to reach this node. Raises Misuse before the start."""
        return self._environment(self._private())

    async def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` against this node and give its output. Raises Unavailable if it fails."""
        return await run(
            [self._programs / "rabbitmqctl", "--quiet", *arguments],
            environment=self._environment(self._private()),
        )

    async def queues(self, *columns: str) -> list[dict[str, JsonValue]]:
        """Give every queue as rabbitmqctl lists it; without columns, `name` and `messages`.

        Counts of messages lag by some seconds on quorum queues.
        """
        listed = await self.ctl("list_queues", "--formatter", "json", *(columns or ("name", "messages")))
        rows: list[dict[str, JsonValue]] = json.loads(listed)
        return rows

    async def import_definitions(self, path: Path) -> None:
        """Add users, rights, exchanges and queues to the running node; what it has already stays.

        Raises Misuse if the node then lacks any of them, Unavailable if it refuses the file.
        """
        await self.ctl("import_definitions", str(path))
        await self._must_hold(path)
        self._provisioned_at = time.monotonic()

    async def _start_once(self, folder: Path) -> None:
        await self._start_mapper(folder)
        self._claim_port()
        self._distribution_port = free_port()
        (folder / "rabbitmq.conf").write_text(self._configuration() + self._more_configuration(), "utf-8")
        self._node = Process(
            "RabbitMQ",
            [self._programs / "rabbitmq-server"],
            log=folder / "node.log",
            environment=self._environment(folder),
        )
        self._node.start()
        await self._node.ready(self._answers, within=START_SECONDS)

    def _configuration(self) -> str:
        return _CONFIGURATION.format(address=LOOPBACK, port=self.port, tls=self._tls)

    def _more_configuration(self) -> str:
        return _LOADED.format(definitions=self._definitions)

    def _claim_port(self) -> None:
        """Look before the start: RabbitMQ calls itself started even if another program has its port."""
        if is_free(self.port):
            return
        if self.started_in is not None:  # clients of an earlier start hold the URL with its port
            msg = f"another program has taken the broker's port {self.port}"
            raise Unavailable(Reason.UNREACHABLE, msg)
        self.port = free_port()

    async def _must_hold(self, path: Path) -> None:
        lost = missing(read_definitions(path), await self.ctl("export_definitions", "-"))
        if lost:
            msg = f"the broker left out of {path}, perhaps for want of a field: {', '.join(lost)}"
            raise Misuse(msg)

    async def _answers(self) -> bool:
        """Say whether a server with our authority's certificate answers: not just anybody on that port."""
        context = ssl.create_default_context(cafile=self._tls.authority)
        context.check_hostname = False  # its names are the caller's choice; the authority is what tells it apart
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                _, writer = await asyncio.open_connection(LOOPBACK, self.port, ssl=context)
        except (OSError, TimeoutError):
            return False
        writer.transport.abort()
        return True

    async def _start_mapper(self, folder: Path) -> None:
        if self._mapper is not None and self._mapper.running:
            return
        port = self._mapper_port = free_port()
        self._mapper = epmd(port, folder / "epmd.log")
        self._mapper.start()
        await self._mapper.ready(lambda: accepts(port), within=10.0)

    def _write_files(self, folder: Path) -> None:
        cookie = folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(20), "ascii")
        cookie.chmod(0o400)
        (folder / "enabled_plugins").write_text("[rabbitmq_auth_mechanism_ssl].\n", "ascii")

    def _environment(self, folder: Path) -> dict[str, str]:
        loopback_only = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            "HOME": str(folder),
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "no-environment-file"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(folder / "no-more-configuration"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "no-advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_PID_FILE": str(folder / "node.pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_ALLOW_INPUT": "1",  # no shell between us and the node: the child's id is the node's
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-noinput +B i {loopback_only}",
            "RABBITMQ_CTL_ERL_ARGS": loopback_only,
            "RABBITMQ_CTL_DIST_PORT_MIN": str(port := free_port()),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(port),
        }

    def _private(self) -> Path:
        if self._folder is None:
            raise Misuse("enter the broker before starting it")
        return self._folder

    async def _close(self) -> None:
        if self._node is not None and self._node.running:
            await self.stop()
        if self._mapper is not None and self._mapper.running:
            await self._mapper.stop(by=signal.SIGTERM)
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder = None


def epmd(port: int, log: Path) -> Process:
    """An Erlang port mapper on loopback, not started. Raises Misuse without the program."""
    program = shutil.which("epmd")
    if program is None:
        msg = f"a private broker needs Erlang's epmd, which its package brings; as root: {INSTALL}"
        raise Misuse(msg)
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
    return Process("epmd", [program, "-port", str(port), "-address", LOOPBACK], log=log, environment=environment)
