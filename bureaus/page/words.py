"""What codes mean, in plain words, for readers who know no protocol."""

from __future__ import annotations

from typing import Final

from schemas.codes import Answer, Handling, Purpose
from schemas.errors import Reason
from schemas.evidence import Event

EVENTS: Final = {
    Event.SUBMISSION_ACCEPTANCE: "messages accepted",
    Event.SUBMISSION_REJECTION: "messages refused",
    Event.CONTENT_CONSIGNMENT: "copies placed in a recipient's inbox",
    Event.CONTENT_CONSIGNMENT_FAILURE: "copies that could not be placed",
    Event.CONTENT_HANDOVER: "copies that a recipient confirmed, signed",
    Event.CONTENT_HANDOVER_FAILURE: "copies that a recipient refused, signed",
    Event.ANSWER_REMINDER: "reminders of an answer",
    Event.ANSWER_OVERDUE: "times an answer was overdue",
    Event.ESCALATED: "silences passed on to the secretariat",
    Event.EXPIRED: "messages that expired",
    Event.DIRECTORY_UPDATED: "versions of the directory of keys",
    Event.OPERATION_UPDATED: "versions of the operation",
    Event.PREFERENCES_UPDATED: "versions of a bureau's preferences",
    Event.OPERATOR_ACTION: "actions of the gateway's operators",
    Event.CONTENT_ERASED: "contents erased",
    Event.REFUSAL_SUMMARY: "summaries of refusals",
}
CLOCK: Final = {
    Event.ANSWER_REMINDER: "reminded {} of its answer to {}",
    Event.ANSWER_OVERDUE: "noted that {} had not answered {} in time",
    Event.ESCALATED: "told the secretariat that {} had not answered {}",
}
"""What the gateway did about a recipient, and which message it was about."""
ANSWERS: Final = {
    Answer.INTERIM: "a first answer, more to come",
    Answer.FINAL: "the final answer",
    Answer.REFUSED: "a refusal to answer",
    Answer.MORE_TIME: "a request for more time",
}
PURPOSES: Final = {purpose: str(purpose).replace("-", " ") for purpose in Purpose}
HANDLING: Final = {
    Handling.H0: "for preventing and combating crime only",
    Handling.H1: "not for use in court without the sender's permission",
    Handling.H2: "not to be passed on without the sender's permission",
    Handling.H3: "restricted in words in its content",
}
MISSING: Final = {
    "answer": "answers that were asked for and are not in the record",
    "handover": "copies in an inbox that their recipient has not confirmed",
    "consignment": "copies that were not placed in their recipient's inbox",
    "sealed part": "sealed contents that are not in the record though nothing says that they were erased",
}
_MISSING_ONE: Final = {
    "handover": "has not confirmed receipt",
    "consignment": "has not been given its copy",
}
_REASONS: Final = {
    Reason.RECORD_GAP: "Something that belongs to the record is not in it: the entries of an operation are numbered "
    "and chained, and the chain is broken.",
    Reason.RECORD_CONTRADICTION: "The record says two things that cannot both be true.",
    Reason.RECORD_FORM: "The file is not built as a record is.",
    Reason.INCLUSION: "An entry is not in the ledger where the record says that it is: it was changed, or another was "
    "put in its place.",
    Reason.CHECKPOINT: "The ledger's signed head does not verify, or a signature beside it is by nobody who counts.",
    Reason.NETWORK: "The record is of another network than the one whose network file was pinned.",
    Reason.SIGNATURE: "A signature does not verify: what was signed was changed, or somebody else signed.",
    Reason.SEALED_HASH: "A sealed content is not the one that its sender signed.",
    Reason.KEY_UNKNOWN: "Something is signed with a key that the directory does not list for whoever is said to have "
    "signed.",
    Reason.KEY_NOT_VALID: "A key was used outside the time that it was valid for.",
    Reason.CBOR_TRUNCATED: "The file ends before the record does.",
    Reason.CBOR_TRAILING: "Something follows after the record's end.",
}


def event(code: Event) -> str:
    """What a count of these entries counts."""
    return EVENTS.get(code, str(code))


def kind(code: str) -> str:
    """A message's kind: `whereabouts.query/1` is a whereabouts query."""
    return code.rpartition("/")[0].replace(".", " ").replace("-", " ") or code


def missing(what: str) -> str:
    """What one side still owes, said of it."""
    return _MISSING_ONE.get(what, f"owes {what}")


def reason(code: Reason) -> str:
    """Why a record does not verify."""
    return _REASONS.get(code, "A check failed.")
