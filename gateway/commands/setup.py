"""`init`: a gateway's keys and request, then what the authority gave back."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.commands.shared import (
    emit,
    grouped,
    home_option,
    json_option,
    no_passphrase_option,
    now_seconds,
    passphrase_options,
    read_file,
)
from schemas.errors import Misuse

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@home_option
@click.option(
    "--origin", help="The log's name, such as log.example.net/2026: for ever the first line of its checkpoints."
)
@click.option("--host", "hosts", multiple=True, help="A name or address that bureaus reach it by; may be repeated.")
@click.option("--complete", is_flag=True, help="Take what the authority gave (implied by --network).")
@click.option("--network", type=_FILE, help="The network file.")
@click.option("--certificate", type=_FILE, help="The gateway's certificate, PEM.")
@click.option("--ca", type=_FILE, help="The authority's certificate, PEM.")
@passphrase_options()
@no_passphrase_option
@json_option
def init(
    home: Path,
    origin: str | None,
    hosts: tuple[str, ...],
    network: Path | None,
    certificate: Path | None,
    ca: Path | None,
    *,
    complete: bool,
    as_json: bool,
) -> None:
    """Make a gateway: its keys first, then what the authority gives back.

    \b
    Example:
      bureaunet-gateway init --home gw --origin log.example.net --host gw.example.net
      bureaunet-gateway authority init --home authority --service gw/service-request.cbor --name "Example network"
      bureaunet-gateway init --home gw --network authority/network.bn \\
          --certificate authority/certificates/gateway.pem --ca authority/ca.pem

    Private keys are made here, encrypted under a passphrase, and never leave. Read the fingerprint of the network
    file back to the authority.
    """  # noqa: D301  # click's \b keeps the lines of the example
    if complete or network is not None:
        if network is None or certificate is None or ca is None or origin is not None:
            raise Misuse("the second half takes --network, --certificate and --ca, and no --origin")
        _complete(home, (network, certificate, ca), as_json=as_json)
    elif origin is None:
        raise Misuse("give --origin for the first half, or --network, --certificate and --ca for the second")
    else:
        _begin(home, origin, hosts, as_json=as_json)


def _begin(home: Path, origin: str, hosts: tuple[str, ...], *, as_json: bool) -> None:
    from gateway import passphrase  # noqa: PLC0415  # as below
    from gateway.service import REQUEST_FILE, make_service  # noqa: PLC0415  # keeps --help quick
    from gateway.template import template  # noqa: PLC0415  # as above

    request = make_service(home, origin, hosts, now_seconds(), passphrase.new(f"the gateway in {home}"))
    settings = home / "gateway.toml"
    if not settings.exists():
        settings.write_text(template(), "utf-8")
    path = home / REQUEST_FILE
    emit(
        {"request": str(path), "origin": origin, "acceptance": request.acceptance.key_id.hex()},
        f"keys are in {home / 'keys'}; give {path} to the authority\n"
        f"acceptance key  {grouped(request.acceptance.key_id)}",
        as_json=as_json,
    )


def _complete(home: Path, files: tuple[Path, Path, Path], *, as_json: bool) -> None:
    from gateway.service import complete_service  # noqa: PLC0415  # keeps --help quick

    network = complete_service(home, *map(read_file, files))
    emit(
        {"network": network.id.hex(), "name": network.genesis.name, "exercise": network.genesis.exercise},
        f"complete: {network.genesis.name}{' (exercise)' if network.genesis.exercise else ''}\n"
        f"network  {network.fingerprint}",
        as_json=as_json,
    )
