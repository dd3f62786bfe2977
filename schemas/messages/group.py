"""A named group of addresses across bureaus, such as investigators of fugitives: published by the secretariat.

A group is a list and nothing more: who sends to it names every member in the header (`aud`), so that each has a wrap of
its own and the gateway knows no groups. Rules: only a secretariat publishes (schemas/rights.py); of one name the
highest version counts.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from schemas.messages.fields import AddressField, Distinct, Line, Message

GroupName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=32)]
"""A group's name: on a command line it stands behind an `@`."""


class NetworkGroup(Message):
    """One version of a group. Without members it is dissolved."""

    KIND: ClassVar[str] = "network.group/1"

    name: GroupName
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    title: Line
    """For people."""
    members: Annotated[tuple[AddressField, ...], Distinct(256)] = ()
