"""`bureaunet enrol`: make a bureau's keys and request, and take what the authority gives in return."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypedDict, Unpack

import click

from bureaus import enrolment, passphrase
from bureaus.commands.shared import emit, home_option, json_option, no_passphrase_option, read_file, run
from bureaus.token import Place
from schemas.directory import Link, ParticipantKind
from schemas.errors import Misuse
from schemas.identity import Address

_FILE = click.Path(path_type=Path, dir_okay=False)


class Options(TypedDict):
    """What the command line said."""

    kind: str
    name: str
    link: str
    units: tuple[str, ...]
    network: Path | None
    certificate: Path | None
    ca: Path | None
    gateway: str | None
    broker: str
    token: str | None
    token_module: str | None


@click.command(short_help="Make a bureau's keys and request; take what the authority gives.")
@click.argument("code", required=False)
@home_option
@click.option(
    "--kind",
    type=click.Choice([str(kind) for kind in ParticipantKind]),
    default=str(ParticipantKind.NATIONAL_BUREAU),
    show_default=True,
    help="What the participant is.",
)
@click.option("--name", default="", help="Its name, for people.")
@click.option(
    "--link",
    type=click.Choice([str(link) for link in Link]),
    default=str(Link.HTTP),
    show_default=True,
    help="How envelopes travel to it.",
)
@click.option("--unit", "units", multiple=True, help="A unit that shares its keys and inbox; may be repeated.")
@click.option("--complete", is_flag=True, help="Take what the authority gave: the second half.")
@click.option("--network", type=_FILE, help="With --complete: the network file to pin.")
@click.option("--certificate", type=_FILE, help="With --complete: the link's certificate (PEM).")
@click.option("--ca", type=_FILE, help="With --complete: the authority's certificate (PEM).")
@click.option("--gateway", help="With --complete: the gateway's URL, https://HOST:PORT.")
@click.option("--broker", default="", help="With --complete: the broker's URL, amqps://HOST:PORT; for link amqp.")
@click.option("--token", help="Make the signing key in the PKCS#11 token of this label; the passphrase is its PIN.")
@click.option("--token-module", help="Path of the token's PKCS#11 module, such as libsofthsm2.so.")
@no_passphrase_option
@json_option
@click.pass_context
def enrol(
    ctx: click.Context, code: str | None, home: Path, *, complete: bool, as_json: bool, **options: Unpack[Options]
) -> None:
    """Enrol the bureau CODE (FR, UNMIK, KE/border-namanga) in its folder.

    First half: private keys are made in the folder, encrypted under a passphrase, and never leave it; what goes to the
    authority is request.cbor. With --token the signing key is made in a PKCS#11 token, and a key of the token encrypts
    the others.
    Read the fingerprints to the authority over another channel. Second half: --complete, with what came back. Read the
    network's fingerprint back before you trust it: everything hangs from it.

    \b
    Example:
      bureaunet enrol FR --home fr --name "France" --unit fugitives
      bureaunet enrol --home fr --complete --network network.bn --certificate FR.pem --ca ca.pem \\
          --gateway https://gateway.example.net:8443
    """  # noqa: D301  # click's \b keeps the lines of the example
    if complete:
        _complete(ctx, home, options, as_json=as_json)
    elif code is None:
        raise Misuse("whom to enrol? bureaunet enrol CODE --home DIR")
    else:
        _request(ctx, home, Address.parse(code), options, as_json=as_json)


def _request(ctx: click.Context, home: Path, address: Address, options: Options, *, as_json: bool) -> None:
    kind, link = ParticipantKind(options["kind"]), Link(options["link"])
    name, units = options["name"], options["units"]
    place = _token(options)
    secret = passphrase.new(f"{address} in {home}") if not (home / enrolment.REQUEST).exists() else None
    asked = run(
        ctx,
        lambda: enrolment.request(
            home, address, kind=kind, name=name, link=link, units=units, secret=secret, token=place
        ),
    )
    keys = {"signing": asked.signing.key_id, "sealing": asked.sealing.key_id}
    if asked.witness is not None:
        keys["witness"] = hashlib.sha256(asked.witness.raw).digest()
    shown = {name: enrolment.fingerprint(key) for name, key in keys.items()}
    path = home / enrolment.REQUEST
    row = {"event": "requested", "address": asked.address, **shown, "request": str(path)}
    text = f"{path} is for the authority. Read these to it:"
    text += "".join(f"\n  {name} key  {digits}" for name, digits in shown.items())
    emit(row, text, as_json=as_json)


def _token(options: Options) -> Place | None:
    label, module = options["token"], options["token_module"]
    if label is None and module is None:
        return None
    if label is None or module is None:
        raise Misuse("--token and --token-module go together")
    return Place(module, label)


def _complete(ctx: click.Context, home: Path, options: Options, *, as_json: bool) -> None:
    paths, gateway = (options["network"], options["certificate"], options["ca"]), options["gateway"]
    files = [read_file(path) for path in paths if path is not None]
    if len(files) != len(paths) or gateway is None:
        raise Misuse("--complete needs --network, --certificate, --ca and --gateway")
    network, certificate, authority = files
    done = run(
        ctx,
        lambda: enrolment.complete(
            home,
            network=network,
            certificate=certificate,
            authority=authority,
            gateway=gateway,
            broker=options["broker"],
        ),
    )
    pinned = "" if done.network is None else done.network.fingerprint
    text = f"{done.address} is enrolled. The network that is pinned, to be read back to the authority:\n  {pinned}"
    emit({"event": "enrolled", "address": done.address, "network": pinned}, text, as_json=as_json)
