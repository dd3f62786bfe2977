"""`authority`: the offline side, which says who belongs to the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.commands.shared import (
    emit,
    grouped,
    json_option,
    no_passphrase_option,
    now_seconds,
    passphrase_options,
    read_file,
)
from schemas.errors import Misuse
from schemas.identity import Address

if TYPE_CHECKING:
    from gateway.authority import Approved

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
PASSPHRASE = passphrase_options("BUREAUNET_AUTHORITY_PASSPHRASE_FILE")
HOME = click.option(
    "--home",
    required=True,
    envvar="BUREAUNET_AUTHORITY_HOME",
    show_envvar=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The authority's folder: keep it off every server.",
)


WITNESS = click.option("--witness", "witnesses", multiple=True, help="Who witnesses the ledger; may be repeated.")
DISHONEST = click.option("--dishonest", default=0, show_default=True, help="So many of the witnesses may be dishonest.")


@click.group()
def authority() -> None:
    """Say who belongs to the network: keys, certificates and versions of the directory.

    The authority works with files alone and needs no network. Keep its folder on a machine that has none.
    """


@authority.command("init")
@HOME
@click.option("--service", type=FILE, required=True, help="The gateway's service-request.cbor.")
@click.option("--name", required=True, help="The network's name.")
@click.option("--exercise", is_flag=True, help="All traffic of this network is an exercise.")
@click.option("--keys", default=1, show_default=True, help="How many keys the authority has.")
@click.option("--threshold", default=1, show_default=True, help="How many of them sign.")
@PASSPHRASE
@no_passphrase_option
@json_option
def authority_init(
    home: Path, service: Path, name: str, *, exercise: bool, keys: int, threshold: int, as_json: bool
) -> None:
    """Make a network: the authority's keys, the network file that everyone pins, and the gateway's certificate.

    \b
    Example:
      bureaunet-gateway authority init --home authority --service gw/service-request.cbor \\
          --name "Example network" --threshold 2 --keys 3
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import passphrase  # noqa: PLC0415  # as below
    from gateway.authority import Authority  # noqa: PLC0415  # keeps --help quick

    made = Authority.create(
        home,
        read_file(service),
        name,
        now_seconds(),
        exercise=exercise,
        keys=keys,
        threshold=threshold,
        secret=passphrase.new(f"the authority in {home}"),
    )
    emit(
        {"network": made.network.id.hex(), "file": str(home / "network.bn"), "ca": str(home / "ca.pem")},
        f"network file  {home / 'network.bn'}\nnetwork       {made.network.fingerprint}",
        as_json=as_json,
    )


@authority.command()
@HOME
@click.argument("requests", nargs=-1, required=True, type=FILE)
@click.option("--days", default=366, show_default=True, help="For how long keys and certificates hold.")
@click.option("--overlap-days", default=7.0, show_default=True, help="For how long a rotated key still holds.")
@WITNESS
@DISHONEST
@PASSPHRASE
@json_option
def approve(
    home: Path,
    requests: tuple[Path, ...],
    *,
    days: int,
    overlap_days: float,
    witnesses: tuple[str, ...],
    dishonest: int,
    as_json: bool,
) -> None:
    """List the bureaus of these requests in a new version of the directory, and issue their certificates.

    \b
    Example:
      bureaunet-gateway authority approve --home authority fr/request.cbor br/request.cbor
      bureaunet-gateway participant load --home gw authority/directory.cbor

    Read each printed fingerprint back to its bureau before the new version is loaded. With --witness the version also
    names who witnesses the ledger: see policy --help.
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.authority import Authority, Witnessing  # noqa: PLC0415  # keeps --help quick
    from gateway.enrolling import Terms, read_any_request  # noqa: PLC0415  # as above

    ours = Authority(home)
    named = Witnessing(tuple(map(Address.parse, witnesses)), dishonest) if witnesses else None
    made = ours.approve([read_file(path) for path in requests], now_seconds(), Terms(days, overlap_days), named)
    read = [read_any_request(read_file(path)) for path in requests]
    keys = [f"{request.address:<24} {grouped(request.signing.key_id)}" for request in read]
    show_made(made, keys, as_json=as_json)


def show_made(made: Approved, more: Sequence[str] = (), *, as_json: bool) -> None:
    """Print what a change made."""
    lines = [f"version {made.version}: {made.directory}", *(f"  {line}" for line in made.changes), *more]
    if not made.signed:
        lines.append("this is a draft: it needs signatures from elsewhere; see authority sign-part --help")
    row = {
        "version": made.version,
        "directory": str(made.directory),
        "signed": made.signed,
        "changes": [*made.changes],
        "certificates": [*map(str, made.certificates.values())],
    }
    emit(row, "\n".join(lines), as_json=as_json)


@authority.command("server-certificate")
@HOME
@click.argument("csr", type=FILE)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where the PEM goes.")
@click.option("--days", default=366, show_default=True, help="For how long it holds.")
@PASSPHRASE
def server_certificate(home: Path, csr: Path, out: Path, days: int) -> None:
    """Issue a certificate for a server beside the gateway, such as the broker.

    \b
    Example:
      openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout broker.key \\
          -subj /CN=broker -addext subjectAltName=DNS:broker.example.net -out broker.csr
      bureaunet-gateway authority server-certificate --home authority broker.csr --out broker.pem
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.authority import Authority  # noqa: PLC0415  # keeps --help quick

    if out.exists():
        raise Misuse(f"{out} is there already")
    out.write_bytes(Authority(home).server_certificate(read_file(csr), now_seconds(), days))
    click.echo(f"certificate  {out}")
