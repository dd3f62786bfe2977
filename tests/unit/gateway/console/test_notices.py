"""What was done is said on the next page, to the session that did it, and to nobody by a link."""

from __future__ import annotations

import json

from aiohttp.test_utils import make_mocked_request

from gateway.console.views import Views

SAID = "7 was released and accepted: & <b>"


def test_what_was_done_is_said_to_whom_it_is_meant_for_alone() -> None:
    views = Views("Test", ())
    answer = views.done(make_mocked_request("POST", "/console/quarantine/7/release"), "mine", "quarantine#a7", SAID)
    location = answer.headers["Location"]
    assert location.startswith("/console/quarantine?")
    assert location.endswith("#a7")
    there = make_mocked_request("GET", location.partition("#")[0])
    assert views.told(there, "mine") == SAID
    assert views.told(there, "another's") == ""
    for link in (f"{there.path_qs}0", there.path_qs.replace("released", "stolen"), "/console/quarantine?done=x&by=%E9"):
        assert views.told(make_mocked_request("GET", link), "mine") == ""


def test_a_program_that_asks_for_json_is_told_so() -> None:
    asked = make_mocked_request("POST", "/console/approvals", {"Accept": "application/json"})
    answer = Views("Test", ()).done(asked, "mine", "approvals", SAID)
    assert json.loads(answer.text or "") == {"done": SAID}
