"""Enclosing a message in another for a relay, and opening it: by the one strict codec, so that no second form exists.

Pure. The secretariat passes on what it opened and encoded itself, never the bytes that it was given.
"""

from __future__ import annotations

from schemas.codes import Answer
from schemas.errors import Misuse
from schemas.messages.codec import decode, encode, kind_of
from schemas.messages.fields import Message
from schemas.messages.relay import RELAYED, Enclosed, RelayAnswer, RelayDelivery
from schemas.messages.whereabouts import WhereaboutsQuery, WhereaboutsResponse


def enclose(message: Message) -> Enclosed:
    """The message as another carries it.

    Raises:
        Misuse: it is of a kind that is not relayed, or its encoding would not be read as itself.
    """
    kind = kind_of(message)
    if kind not in RELAYED and not any(kind in answers for answers in RELAYED.values()):
        raise Misuse(f"{kind} is not relayed")
    return Enclosed(kind=kind, content=encode(message).decode())


def open_enclosed(enclosed: Enclosed) -> Message:
    """The message inside.

    Raises:
        Malformed: as `codec.decode`: it is no message of the kind that it is said to be.
    """
    return decode(enclosed.kind, enclosed.content.encode())


def answers(question: str, answer: str) -> bool:
    """Whether a message of kind `answer` answers one of kind `question`."""
    return answer in RELAYED.get(question, frozenset())


def answer_to(delivery: RelayDelivery, message: Message) -> tuple[RelayAnswer, Answer]:
    """The target's answer to a delivery, and the code that its header carries.

    Raises:
        Misuse: the message answers no such question.
    """
    if not answers(delivery.enclosed.kind, kind_of(message)):
        raise Misuse(f"{kind_of(message)} does not answer {delivery.enclosed.kind}")
    code, until = code_of(message)
    return RelayAnswer(reference=delivery.reference, enclosed=enclose(message), until=until), code


def code_of(message: Message) -> tuple[Answer, int | None]:
    """What an enclosed answer is to the answer clock, and until when where it asks for more time."""
    if isinstance(message, WhereaboutsResponse):
        return message.answer, message.until
    return Answer.FINAL, None


def with_case(message: Message, case: str | None) -> Message:
    """The message with another reference in place of the asker's, which would name it; None leaves it out.

    Raises:
        pydantic.ValidationError: without its reference it is about nobody.
    """
    if not isinstance(message, WhereaboutsQuery | WhereaboutsResponse):
        return message
    return type(message).model_validate({**dict(message), "case": case})
