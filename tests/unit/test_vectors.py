"""The vectors are the specification: each comes out as it says, they have not drifted, and every reason has one."""

import re

import pytest

from schemas.errors import Reason
from tests.vector_runs import FOLDER, load, names, run
from tools.make_vectors import drift

NOT_OF_BYTES = {
    Reason.HANDLER_FAILED: "a handler of the recipient's own failed three times",
    Reason.UNDELIVERED: "a copy was not taken before it expired",
    Reason.RETENTION: "why an entry says that content was erased",
    Reason.ORDERED: "the same, by two people's order",
    Reason.REQUEST_USED: "a request that acted before",
    Reason.UNREACHABLE: "the other side cannot be reached",
    Reason.OVERLOADED: "the other side cannot take more now",
    Reason.STORE: "the database cannot serve now",
    Reason.MISUSE: "the caller's mistake; nothing is sent",
    Reason.UNREADABLE: "a fault of the gateway's own, set aside for the operator",
    Reason.NOT_FOUND: "an HTTP request for what is not there",
    Reason.METHOD: "an HTTP method that the path does not have",
    Reason.TIMEOUT: "an HTTP request that did not end in time",
    Reason.INTERNAL: "a fault of the gateway's own, while it served HTTP",
}


@pytest.mark.parametrize("name", names())
def test_a_vector_comes_out_as_it_says(name: str) -> None:
    vector = load(name)
    outcome, shown = run(vector["of"], vector["given"])
    assert outcome == vector["outcome"]
    for key, value in vector.get("shows", {}).items():
        assert shown is not None
        assert shown[key] == value


def test_no_vector_has_drifted_from_what_the_code_makes() -> None:
    assert drift(FOLDER) == []


def test_every_reason_that_bytes_can_have_has_a_vector() -> None:
    outcomes = {load(name)["outcome"] for name in names()}
    assert outcomes - {"ok", "repeated"} == {str(reason) for reason in set(Reason) - set(NOT_OF_BYTES)}


def test_every_kind_of_vector_has_a_valid_one() -> None:
    valid = {load(name)["of"] for name in names() if load(name)["outcome"] == "ok"}
    assert valid == {load(name)["of"] for name in names()}


def test_a_valid_vector_is_named_so() -> None:
    for name in names():
        assert (re.match(r"[^/]+/ok", name) is not None) == (load(name)["outcome"] == "ok"), name
