"""AS2 as pyas2lib does it: signed and encrypted, with a signed receipt. Runs in the environment of requirements.txt.

An exchange is what it is on our side: a query and its answer, each a message of its own with a signed receipt.

    as2_peer.py cpu FOLDER COUNT               both ends in this process: prints exchanges a second
    as2_peer.py answer FOLDER PORT PEER        answers over HTTP until standard input closes; says that it is ready
    as2_peer.py ask FOLDER PORT PEER COUNT     asks over HTTP, IN_FLIGHT at a time: prints exchanges a second

pyas2lib's oscrypto reads OpenSSL's version with a pattern that allows one digit a part, so it refuses 3.0.13 and later
of that line although it works with them. `_lenient_about_versions` widens that one pattern while oscrypto is imported;
nothing of what it computes is touched.

Both ends share one folder of keys and certificates (RSA 2048, SHA-256, AES-256-CBC), made when it is empty.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

IN_FLIGHT: Final = 16
PATIENCE: Final = 60
"""Seconds that an answer may take."""
CONTENT: Final = bytes(range(256)) * 6
_PASSWORD: Final = "synthetic"  # noqa: S105  # of a key that is thrown away: pyas2lib wants it encrypted
_ONE_DIGIT, _DIGITS = r"\d\.\d\.\d[a-z]*", r"\d+\.\d+\.\d+[a-z]*"


@contextmanager
def _lenient_about_versions() -> Iterator[None]:
    search = re.search

    def lenient(pattern: str | re.Pattern[str], string: str, flags: int = 0) -> re.Match[str] | None:
        return search(pattern.replace(_ONE_DIGIT, _DIGITS) if isinstance(pattern, str) else pattern, string, flags)

    re.search = lenient  # type: ignore[assignment]  # bytes are searched by nobody while it is imported
    try:
        yield
    finally:
        re.search = search


with _lenient_about_versions():
    from pyas2lib import as2

from aiohttp import ClientSession, TCPConnector, web  # noqa: E402  # pyas2lib has to come first
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from cryptography.x509.oid import NameOID  # noqa: E402


def keys(folder: Path, name: str) -> tuple[bytes, bytes]:
    """(PKCS#12 or PEM with the private key, certificate) of an end, made if need be."""
    private, public = folder / f"{name}.pem", folder / f"{name}.crt"
    if not private.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=30))
            .sign(key, hashes.SHA256())
        )
        chain = certificate.public_bytes(serialization.Encoding.PEM)
        locked = serialization.BestAvailableEncryption(_PASSWORD.encode())
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        private.write_bytes(secret + chain)
        public.write_bytes(chain)
    return private.read_bytes(), public.read_bytes()


def ends(folder: Path, ours: str, theirs: str) -> tuple[as2.Organization, as2.Partner]:
    """One end's view: itself, and the other."""
    secret, _ = keys(folder, ours)
    _, certificate = keys(folder, theirs)
    organization = as2.Organization(
        as2_name=ours, sign_key=secret, sign_key_pass=_PASSWORD, decrypt_key=secret, decrypt_key_pass=_PASSWORD
    )
    partner = as2.Partner(
        as2_name=theirs,
        verify_cert=certificate,
        encrypt_cert=certificate,
        validate_certs=False,
        sign=True,
        digest_alg="sha256",
        encrypt=True,
        enc_alg="aes_256_cbc",
        mdn_mode=as2.SYNCHRONOUS_MDN,
        mdn_digest_alg="sha256",
    )
    return organization, partner


class End:
    """One end: sends messages and checks their receipts, takes messages and signs receipts."""

    def __init__(self, folder: Path, ours: str, theirs: str) -> None:
        self._ours, self._theirs = ends(folder, ours, theirs)

    def build(self, content: bytes) -> as2.Message:
        """A message, signed and encrypted."""
        message = as2.Message(self._ours, self._theirs)
        message.build(content, filename="message.bin", content_type="application/octet-stream")
        return message

    def check(self, message: as2.Message, raw: bytes) -> None:
        """Check a receipt's signature and what it says."""
        status, problem = as2.Mdn().parse(raw, lambda *_: message)
        if status != "processed":
            raise RuntimeError(f"{status}: {problem}")

    def receive(self, raw: bytes) -> tuple[dict[str, str], bytes, bytes]:
        """Take a message: its signed receipt's headers and body, and what was in it."""
        message = as2.Message()
        status, (problem, trace), receipt = message.parse(raw, lambda _: self._ours, lambda _: self._theirs)
        if status != "processed":
            raise RuntimeError(f"{status}: {problem} {trace}")
        return receipt.headers, receipt.content, message.payload.get_payload(decode=True)


def joined(headers: dict[str, str], content: bytes) -> bytes:
    """Headers and body as one MIME entity."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n" + content


def unfolded(headers: dict[str, str]) -> dict[str, str]:
    """Headers as HTTP allows them."""
    return {name: value.replace("\n", " ") for name, value in headers.items()}


def cpu(folder: Path, count: int) -> float:
    """Exchanges a second with both ends in this process."""
    asker, answerer = End(folder, "asker", "answerer"), End(folder, "answerer", "asker")
    begun = time.perf_counter()
    for _ in range(count):
        for sender, receiver in ((asker, answerer), (answerer, asker)):
            message = sender.build(CONTENT)
            headers, content, _ = receiver.receive(joined(message.headers, message.content))
            sender.check(message, joined(headers, content))
    return count / (time.perf_counter() - begun)


class Linked:
    """An end on HTTP: takes messages on its own port, and sends to the other's."""

    def __init__(self, end: End, session: ClientSession, peer: int, taken: Callable[[bytes], None]) -> None:
        """`taken` is told the content of each message that came."""
        self._end, self._session, self._taken = end, session, taken
        self._url = f"http://127.0.0.1:{peer}/"

    async def listen(self, port: int) -> web.AppRunner:
        """Begin to take messages."""
        application = web.Application()
        application.router.add_post("/", self._post)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner

    async def _post(self, request: web.Request) -> web.Response:
        headers, receipt, content = self._end.receive(joined(dict(request.headers), await request.read()))
        self._taken(content)
        return web.Response(body=receipt, headers=unfolded(headers))

    async def send(self, content: bytes) -> None:
        """Send a message, and check its receipt."""
        message = self._end.build(content)
        async with self._session.post(self._url, data=message.content, headers=unfolded(message.headers)) as answer:
            self._end.check(message, joined(dict(answer.headers), await answer.read()))


async def answer(folder: Path, port: int, peer: int) -> None:
    """Answer every query until standard input closes."""
    answers = set[asyncio.Task[None]]()

    def taken(content: bytes) -> None:
        task = asyncio.ensure_future(linked.send(content))
        answers.add(task)
        task.add_done_callback(answers.discard)

    async with ClientSession(connector=TCPConnector(limit=IN_FLIGHT)) as session:
        linked = Linked(End(folder, "answerer", "asker"), session, peer, taken)
        runner = await linked.listen(port)
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await runner.cleanup()


async def ask(folder: Path, port: int, peer: int, count: int) -> float:
    """Exchanges a second over HTTP: each ends when its answer came and the query's receipt was checked."""
    waiting: dict[bytes, asyncio.Future[None]] = {}
    left = count

    async def one_after_another(linked: Linked) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            content = left.to_bytes(8) + CONTENT[8:]
            waiting[content] = asyncio.get_running_loop().create_future()
            await linked.send(content)
            await asyncio.wait_for(waiting[content], PATIENCE)
            del waiting[content]

    async with ClientSession(connector=TCPConnector(limit=IN_FLIGHT)) as session:
        linked = Linked(
            End(folder, "asker", "answerer"), session, peer, lambda content: waiting[content].set_result(None)
        )
        runner = await linked.listen(port)
        begun = time.perf_counter()
        await asyncio.gather(*(one_after_another(linked) for _ in range(IN_FLIGHT)))
        rate = count / (time.perf_counter() - begun)
        await runner.cleanup()
        return rate


def main() -> None:
    """The command line."""
    command, folder, *rest = sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]
    match command, rest:
        case "cpu", [count]:
            print(cpu(folder, int(count)))
        case "answer", [port, peer]:
            asyncio.run(answer(folder, int(port), int(peer)))
        case "ask", [port, peer, count]:
            print(asyncio.run(ask(folder, int(port), int(peer), int(count))))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
