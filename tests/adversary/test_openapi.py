"""Requests made from the served OpenAPI document, over mutual TLS: no fault of ours, and every answer as documented."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.core.result import Ok

from gateway.api.openapi import document
from schemas import cbor, wire
from schemas.wire import encode_submission
from tests.adversary.forging import honest
from tests.adversary.scene import Scene

EXAMPLES = 20
"""For each operation of the document."""
FEWEST = 1
"""Answers of each: what has no parameters and no body has one request to make."""
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]


def bodies(*whole: bytes) -> st.SearchStrategy[bytes]:
    """Any bytes, CBOR of any small value, and what is right but for one byte."""
    values = st.recursive(st.integers(0, 2**32) | st.binary(max_size=40), lambda inner: st.lists(inner, max_size=4))
    spoilt = st.builds(
        lambda body, at, to: body[: at % len(body)] + bytes((to,)) + body[at % len(body) + 1 :],
        st.sampled_from(whole),
        st.integers(0, 4000),
        st.integers(0, 255),
    )
    return st.binary(max_size=200) | st.builds(cbor.encode, values) | spoilt | st.sampled_from(whole)


def attack(url: str, certificate: tuple[Path, Path], authority: Path, *whole: bytes) -> dict[str, Counter[str]]:
    """Ask every operation of the document so many times: answers by operation and status."""
    for media in (wire.CBOR_TYPE, wire.COSE_TYPE):
        schemathesis.openapi.media_type(media, bodies(*whole))
    found: dict[str, Counter[str]] = {}
    with requests.Session() as session:
        session.cert = (str(certificate[0]), str(certificate[1]))
        for result in schemathesis.openapi.from_dict(document()).get_all_operations():
            assert isinstance(result, Ok), "the document is one"
            operation = result.ok()
            answers = found.setdefault(f"{operation.method.upper()} {operation.path}", Counter())

            @settings(
                max_examples=EXAMPLES,
                derandomize=True,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy())
            def ask(case: schemathesis.Case[Any]) -> None:
                if "wait" in case.query:
                    case.query["wait"] = 0
                answer = case.call(base_url=url, session=session, timeout=30, verify=str(authority))
                case.validate_response(answer, checks=CHECKS)
                answers[str(answer.status_code)] += 1  # noqa: B023  # asked at once

            ask()
    return found


async def test_every_answer_is_as_the_document_says(scene: Scene) -> None:
    certificate = (scene.certificates[scene.parties["AR"].address], scene.parties["AR"].key)
    whole = [encode_submission(honest(scene, "AR", "BR")), honest(scene, "AR", "BR").statement]
    found = await asyncio.to_thread(attack, scene.url, certificate, scene.authority.home / "ca.pem", *whole)
    paths: Any = document()["paths"]
    documented = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    assert set(found) == documented
    assert all(answers.total() >= FEWEST for answers in found.values())
    statuses = {status for answers in found.values() for status in answers}
    assert {"200", "404"} < statuses
    assert not [status for status in statuses if status.startswith("5")]
    assert scene.process.running
