"""Which kinds of message there are, and where the model of each stands.

A model is loaded when it is first asked for: a program that speaks of whereabouts does not wait for sixty models to be
made that it never uses. What only asks for the names of kinds loads none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

from schemas.messages.fields import Message

_MODELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "database.record/1": "databases.DatabaseRecord",
        "database.recorded/1": "databases.DatabaseRecorded",
        "database.query/1": "databases.DatabaseQuery",
        "database.answer/1": "databases.DatabaseAnswer",
        "database.alert/1": "databases.DatabaseAlert",
        "hit.confirmation/1": "hits.HitConfirmation",
        "hit.confirmed/1": "hits.HitConfirmed",
        "arrest.provisional/1": "arrests.ArrestProvisional",
        "arrest.answer/1": "arrests.ArrestAnswer",
        "extradition.request/1": "arrests.ExtraditionRequest",
        "extradition.answer/1": "arrests.ExtraditionAnswer",
        "operation.case/1": "result.OperationCase",
        "result.correction/1": "result.ResultCorrection",
        "result.corroboration/1": "result.ResultCorroboration",
        "network.group/1": "group.NetworkGroup",
        "notice.request/1": "notices.NoticeRequest",
        "notice.decision/1": "notices.NoticeDecision",
        "notice.information/1": "notices.NoticeInformation",
        "notice.publication/1": "notices.NoticePublication",
        "notice.update/1": "notices.NoticeUpdate",
        "notice.review/1": "notices.NoticeReview",
        "notice.withdrawal/1": "notices.NoticeWithdrawal",
        "notice.ending/1": "notices.NoticeEnding",
        "diffusion.publication/1": "notices.DiffusionPublication",
        "diffusion.ending/1": "notices.DiffusionEnding",
        "relay.consent/1": "relay.RelayConsent",
        "relay.request/1": "relay.RelayRequest",
        "relay.delivery/1": "relay.RelayDelivery",
        "relay.answer/1": "relay.RelayAnswer",
        "whereabouts.query/1": "whereabouts.WhereaboutsQuery",
        "whereabouts.response/1": "whereabouts.WhereaboutsResponse",
        "result/1": "result.Result",
        "tip/1": "tips.Tip",
        "tip.disposition/1": "tips.TipDisposition",
        "duty.call/1": "duty.DutyCall",
        "duty.answer/1": "duty.DutyAnswer",
    }
)
"""For each kind: the module in this package, and the model's name there."""


class Kinds(Mapping[str, type[Message]]):
    """Every kind, and its model."""

    def __getitem__(self, kind: str) -> type[Message]:
        """The model of that kind.

        Raises:
            KeyError: there is no such kind.
        """
        module, _, name = _MODELS[kind].partition(".")
        model: type[Message] = getattr(import_module(f"{__package__}.{module}"), name)
        return model

    def __contains__(self, kind: object) -> bool:
        """Whether there is such a kind, without its model."""
        return kind in _MODELS

    def __iter__(self) -> Iterator[str]:
        """The kinds' names."""
        return iter(_MODELS)

    def __len__(self) -> int:
        """How many there are."""
        return len(_MODELS)


KINDS: Final = Kinds()
"""Every kind of message, and its model."""
