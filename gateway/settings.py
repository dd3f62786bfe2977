"""Every limit and choice of a gateway, each with its unit and default, in one frozen object.

Order of work: `load` reads `gateway.toml`, lays the environment over it, then what the command line said; the last word
wins. An unknown name is an error, so that a misspelt limit does not go unnoticed. Only `gateway.app` and the command
line read settings; everyone else is handed the part that concerns them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import Misuse

FILE: Final = "gateway.toml"
ENVIRONMENT: Final[Mapping[str, tuple[str, ...]]] = {
    "BUREAUNET_DATABASE_URL": ("database",),
    "BUREAUNET_DATABASE_PASSWORD_FILE": ("database_password_file",),
    "BUREAUNET_BROKER_URL": ("broker",),
    "BUREAUNET_STATE": ("state",),
    "BUREAUNET_LISTEN_HOST": ("bureaus", "host"),
    "BUREAUNET_LISTEN_PORT": ("bureaus", "port"),
    "BUREAUNET_OPERATORS_HOST": ("operators", "host"),
    "BUREAUNET_OPERATORS_PORT": ("operators", "port"),
    "BUREAUNET_WORKERS": ("supervision", "workers"),
}
"""Environment variables and the settings that they are."""
MIB: Final = 1024 * 1024
Said: TypeAlias = Mapping[tuple[str, ...], str | int | None]
"""Path of a setting -> value, None where nothing was said."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Listener(_Frozen):
    """Where a listener is bound."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=0, ge=0, le=65535)
    """TCP port; 0 takes a free one."""


class BureausListener(Listener):
    """The bureaus' API: mutual TLS, and what one link may take of it."""

    connections: int = Field(default=2048, ge=1)
    """Open connections in all; one more is cut off."""
    connections_per_link: int = Field(default=64, ge=1)
    """Open connections of one certificate name; requests on one more are answered 429."""
    handshake_seconds: float = Field(default=10, gt=0)
    """Until a client has finished its TLS handshake."""
    idle_seconds: float = Field(default=60, gt=0)
    """A connection may be without one whole request header: before its first, or between two."""
    body_seconds: float = Field(default=60, gt=0)
    """Until a client has sent a request's body."""
    answer_seconds: float = Field(default=60, gt=0)
    """Until a client has taken an answer."""
    drain_seconds: float = Field(default=10, gt=0)
    """Requests in hand may take after the gateway was told to stop."""
    buffered_bytes: int = Field(default=256 * MIB, ge=16 * MIB)
    """Request bodies in memory at one time; a request above it is answered 503."""


class Quota(_Frozen):
    """What one bureau and its units may have admitted in a minute (admission step 12); where not given, as for all."""

    per_minute: int | None = Field(default=None, ge=0)
    """Messages."""
    bytes_per_minute: int | None = Field(default=None, ge=0)
    """Bytes of submissions; the first message of a minute always fits."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A bureau's quota, with what holds for all filled in."""

    per_minute: int
    bytes_per_minute: int


class Pipeline(_Frozen):
    """Admission, batches and delivery."""

    batch_items: int = Field(default=256, ge=1)
    """Submissions in one transaction."""
    batch_bytes: int = Field(default=4 * MIB, ge=1)
    """Bytes in one transaction; a larger submission is a batch alone."""
    batches_at_once: int = Field(default=2, ge=1, le=8)
    """Transactions of batches that one process has open; the second begins only when half of it waits."""
    queue_items: int = Field(default=4096, ge=1)
    """Submissions that wait for a batch; more are answered `overloaded`."""
    queue_items_per_sender: int = Field(default=1024, ge=1)
    """Submissions of one bureau that wait for a batch; only this bureau hears that more are too many (429)."""
    queue_bytes_per_sender: int = Field(default=16 * MIB, ge=1)
    """Bytes of one bureau that wait for a batch; one submission always may."""
    lease_seconds: int = Field(default=30, ge=1)
    """A copy to publish belongs to one process."""
    link_per_minute: int = Field(default=6000, ge=1)
    """Submissions of one link (admission step 1), in each process by itself: it guards the process."""
    bureau_per_minute: int = Field(default=3000, ge=1)
    """Admitted messages of one bureau (admission step 12), whichever processes it reaches: counted in the database."""
    bureau_bytes_per_minute: int = Field(default=1024 * MIB, ge=1)
    """Bytes of those; the first message of a minute always fits."""
    bureaus: dict[str, Quota] = {}
    """Quotas of single bureaus, by code: `[pipeline.bureaus.FR]`."""
    recorded_refusals_per_minute: int = Field(default=60, ge=1)
    """Refusals at steps 8 to 12 that one bureau gets recorded singly; more are summarised."""
    statements_per_minute: int = Field(default=60, ge=1)
    """Versions of its refusals that one bureau may publish; each is an entry of the ledger."""
    clock_skew_seconds: int = Field(default=120, ge=0)
    """A sender's clock may be ahead (admission step 9)."""
    max_lifetime_seconds: int = Field(default=40 * 24 * 3600, ge=60)
    """From iat to exp (admission step 9): the domain's longest wait is 40 days of provisional arrest."""
    inbox_poll_milliseconds: int = Field(default=100, ge=1)
    """Between two questions to the database for all who wait."""
    linger_milliseconds: int = Field(default=1, ge=0)
    """A batch waits so long to fill, where none is under way: while one is, the next fills by itself."""
    queue_bytes: int = Field(default=64 * MIB, ge=16 * MIB)
    """Bytes that wait for a batch; more are answered `overloaded`."""
    retry_after_seconds: float = Field(default=1, gt=0)
    """An overloaded gateway, or one without its database, asks others to wait so long."""
    trust_poll_milliseconds: int = Field(default=1000, ge=10)
    """Between looks for directory and operation versions that another process took."""
    prefetch: int = Field(default=16, ge=1)
    """Messages that a process holds of one queue of the broker: of one bureau, twice as many."""
    arrival_bytes: int = Field(default=256 * MIB, ge=16 * MIB)
    """Bytes that a process holds of all those queues: above, it reads nothing more from the broker for a while."""
    links_remembered: int = Field(default=4096, ge=1)
    """Links whose quota is kept in memory."""
    refusal_log_items: int = Field(default=1000, ge=0)
    """Refusals kept in memory for operators to look at."""
    publish_items: int = Field(default=200, ge=1)
    """Copies published to the broker at once, when they are published again."""
    publish_bytes: int = Field(default=64 * MIB, ge=1)
    """Sealed parts among them; one copy is always taken."""
    placing_items: int = Field(default=4096, ge=1)
    """Copies of new messages in hand to the broker; more are published when their lease ends."""
    placing_bytes: int = Field(default=64 * MIB, ge=1)
    """Sealed parts among them; one batch is always taken."""
    inbox_items: int = Field(default=10_000, ge=1)
    """Copies that wait in one HTTP inbox; more for it are kept until there is room, and hold up nobody else."""
    quarantine_items: int = Field(default=1000, ge=0)
    """Bodies set aside in quarantine; what comes above it is logged and counted, and not kept."""
    quarantine_items_per_link: int = Field(default=100, ge=0)
    """Of those, bodies that came over one link."""
    longest_retention_days: int = Field(default=5 * 365, ge=0)
    """Sealed parts are kept no longer, whatever their operation says."""
    inbox_bytes: int = Field(default=16 * MIB, ge=1)
    """Sealed parts in one answer to a poll; one item is always given."""

    def quota(self, bureau: str) -> Allowance:
        """What a bureau may have admitted in a minute."""
        own = self.bureaus.get(bureau)
        if own is None:
            return Allowance(self.bureau_per_minute, self.bureau_bytes_per_minute)
        return Allowance(
            self.bureau_per_minute if own.per_minute is None else own.per_minute,
            self.bureau_bytes_per_minute if own.bytes_per_minute is None else own.bytes_per_minute,
        )


class Chores(_Frozen):
    """What runs by itself, and how often."""

    integrate_milliseconds: int = Field(default=250, ge=10)
    checkpoint_milliseconds: int = Field(default=1000, ge=10)
    witness_milliseconds: int = Field(default=10_000, ge=10)
    """From one checkpoint that witnesses are asked to sign to the next, under traffic."""
    republish_milliseconds: int = Field(default=1000, ge=10)
    inbox_milliseconds: int = Field(default=1000, ge=10)
    """Between two looks at which inboxes are full: for so long one may take more than its limit."""
    expire_seconds: int = Field(default=60, ge=1)
    current_seconds: int = Field(default=3600, ge=1)
    """Between two `DirectoryCurrent` statements."""
    summary_seconds: int = Field(default=3600, ge=1)
    """Between two summaries of refusals."""
    lease_seconds: float = Field(default=5, gt=0)
    """A process that died keeps a chore from the others so long."""
    retention_seconds: int = Field(default=3600, ge=1)
    """Between two looks for sealed parts that are due to be erased, and for operations that are due for review."""
    retention_items: int = Field(default=500, ge=1)
    """Sealed parts erased in one transaction."""
    answers_milliseconds: int = Field(default=1000, ge=10)
    """Between two looks at the answer clocks: reminders and silence are so late at the most."""
    answers_items: int = Field(default=100, ge=1)
    """Clocks moved in one transaction."""
    attestation_days: int = Field(default=30, ge=1)
    """What the gateway attests of answers waits so long in an inbox."""
    integrate_items: int = Field(default=20_000, ge=1)
    """Leaves integrated in one step."""


Role: TypeAlias = Literal["viewer", "operator", "security-officer", "auditor"]
Algorithm: TypeAlias = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Of signatures that the issuer alone can make: none by a secret that we have too, and never `none`."""


class OpenId(_Frozen):
    """Signing in to the console at an organisation's OpenID Connect provider (pip install 'bureaunet[oidc]')."""

    issuer: str = ""
    """Its issuer URL, https (http on loopback alone); empty is none."""
    client: str = ""
    """The client id that the provider has for this gateway."""
    secret_file: str = ""
    """A file that its owner alone can read, with the client secret; empty is a public client."""
    authority_file: str = ""
    """PEM of the authority of the provider's certificate; empty is those that the system trusts."""
    label: str = "your organisation"
    """What the button says: Sign in with LABEL."""
    scopes: tuple[str, ...] = ("openid", "profile")
    """What is asked for."""
    name: str = "preferred_username"
    """Claim that names the account, when it is made; it is known by issuer and subject afterwards."""
    claim: str = "groups"
    """Claim that gives the role."""
    roles: dict[str, Role] = {}
    """Values of that claim and the role that each gives; who has none, or two roles by them, does not come in."""
    algorithms: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    """Of the ID token's signature."""
    timeout_seconds: float = Field(default=10, gt=0)
    """The provider may take so long for an answer."""
    keys_seconds: int = Field(default=600, ge=1)
    """What the provider says of itself, and its keys, are asked for again after so long."""


class Console(_Frozen):
    """The operators' console, on the operators' listener."""

    url: str = Field(default="", pattern=r"^(https?://[^/?#@\s]+)?$")
    """How browsers reach it, `https://HOST[:PORT]`; empty is the listener itself, by IP address or localhost."""
    proxies: int = Field(default=0, ge=0, le=8)
    """Proxies of ours before it that add to X-Forwarded-For: who asks is that many from its end."""

    idle_seconds: int = Field(default=1800, ge=60)
    """A session without use ends after so long."""
    session_seconds: int = Field(default=8 * 3600, ge=60)
    """A session ends after so long, whatever happens."""
    secure: bool = False
    """Browsers reach the listener through something that ends TLS: cookies are for TLS alone then."""
    watchers: int = Field(default=32, ge=1)
    """Pages that are kept live at one time."""
    export_items: int = Field(default=10_000, ge=1)
    """Rows of one exported list."""
    address_attempts: int = Field(default=30, ge=1)
    """Sign-ins that may fail from one network address (IPv6: one /64) in 15 minutes, whatever accounts they name."""
    openid: OpenId = OpenId()


class Management(_Frozen):
    """RabbitMQ's management API, for the console alone; the definitions give the broker this user to monitor with."""

    url: str = Field(default="", pattern=r"^(https?://[^/?#@\s]+/?)?$")
    """`http://HOST:15672` on loopback, or `https://` with a certificate of the network's authority; empty is none."""
    user: str = Field(default="monitor", pattern=r"^[a-z][a-z0-9-]{0,31}$")
    """Its name: no bureau's, whose names begin with capitals."""
    password_file: str = ""
    """A file whose first line is its password."""

    @property
    def password(self) -> str:
        """The password; empty where there is none.

        Raises:
            Misuse: the file cannot be read.
        """
        return _secret(self.password_file, "the broker's monitoring password") if self.password_file else ""


class Supervision(_Frozen):
    """Several processes behind one port (`serve --workers`), on PostgreSQL."""

    workers: int = Field(default=1, ge=1, le=64)
    """Gateway processes; each has the limits of this file for itself, bureaus' quotas are shared. 1 serves alone."""
    start_seconds: float = Field(default=60, gt=0)
    """Until a worker is ready; then it is ended and tried again."""
    stop_seconds: float = Field(default=30, gt=0)
    """A worker may drain so long; then it is ended."""
    first_pause_seconds: float = Field(default=0.5, gt=0)
    """Before a worker that died is started again; doubled each time that it dies soon."""
    longest_pause_seconds: float = Field(default=30, gt=0)
    """The pause grows no longer than this."""
    steady_seconds: float = Field(default=60, gt=0)
    """A worker that lived so long begins with the first pause again."""


class Logging(_Frozen):
    """The log on standard error."""

    level: str = Field(default="info", pattern="^(debug|info|warning|error)$")


class Settings(_Frozen):
    """All of it."""

    home: Path
    """The folder with keys, certificates and the network file."""
    database: str = Field(default="", repr=False)
    """SQLAlchemy's URL: `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://...`; empty is `ledger.db` in the home."""
    database_password_file: str = ""
    """A file whose first line is the database's password, put into the URL; empty is none."""
    broker: str = Field(default="", repr=False)
    """`amqps://HOST:PORT`, several separated by commas; empty is no broker."""
    state: str = ""
    """A folder for the high-water mark, so that the home can be read-only; empty is the home."""
    migrate: bool = True
    """Bring the database to this version at the start; otherwise an older one is refused."""
    exercise_clock: bool = False
    """Time stands still and goes forward when told to: exercise networks alone, one process."""
    bureaus: BureausListener = BureausListener()
    operators: Listener = Listener()
    pipeline: Pipeline = Pipeline()
    chores: Chores = Chores()
    console: Console = Console()
    management: Management = Management()
    supervision: Supervision = Supervision()
    logging: Logging = Logging()

    @property
    def state_folder(self) -> Path:
        """Where the high-water mark is."""
        return Path(self.state) if self.state else self.home

    @property
    def database_url(self) -> str:
        """The database, with the default and the password filled in.

        Raises:
            Misuse: the password's file cannot be read, or the URL names no user.
        """
        url = self.database or f"sqlite+aiosqlite:///{self.home.absolute() / 'ledger.db'}"
        return _with_password(url, self.database_password_file) if self.database_password_file else url


def load(home: Path, environment: Mapping[str, str], said: Said | None = None) -> Settings:
    """The settings of the gateway in `home`.

    Raises:
        Misuse: the file is not TOML, or a setting is unknown or out of its range.
    """
    tree = _read(home / FILE)
    spoken = {path: environment.get(name) for name, path in ENVIRONMENT.items()}
    for path, value in [*spoken.items(), *(said or {}).items()]:
        if value is not None:
            _put(tree, path, value)
    try:
        return Settings.model_validate({**tree, "home": home})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Misuse(f"setting {where}: {first['msg']}") from None


def _with_password(url: str, file: str) -> str:
    scheme, _, rest = url.partition("://")
    user, at, place = rest.partition("@")
    if not at or ":" in user:
        raise Misuse("with a password file, the database's URL names a user and no password")
    password = _secret(file, "the database's password")
    return f"{scheme}://{user}:{quote(password, safe='')}@{place}"


def _secret(file: str, what: str) -> str:
    try:
        return Path(file).read_text("utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse(f"cannot read {what} from {file}: {type(error).__name__}") from None


def _read(path: Path) -> dict[str, object]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misuse(f"{path.name} is not TOML: {error}") from None


def _put(tree: dict[str, object], path: tuple[str, ...], value: str | int) -> None:
    if len(path) == 1:
        tree[path[0]] = value
        return
    branch = tree.setdefault(path[0], {})
    if not isinstance(branch, dict):
        raise Misuse(f"setting {path[0]} is a table")
    _put(branch, path[1:], value)
