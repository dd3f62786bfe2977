"""Claims: each required, typed and known; none contradicts another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import cbor, claims
from schemas.claims import Head, Header, from_claims, to_claims
from schemas.codes import Answer, Handling, Purpose, Urgency
from schemas.errors import Malformed, Reason
from schemas.identity import Address, MessageId
from tests.world import header

DIGESTS = st.binary(min_size=32, max_size=32)
TIMES = st.integers(0, 2**40 - 2)
ADDRESSES = (
    st.from_regex(r"[A-Z]{2,16}(/[a-z0-9-]{1,40})?", fullmatch=True)
    .filter(lambda text: not text.endswith("/urgent"))
    .map(Address.parse)
)
OPTIONAL = {claims.THREAD, claims.RE, claims.REPLY_BY, claims.ANSWER, claims.UNTIL}


@st.composite
def headers(draw: st.DrawFn) -> Header:
    thread = draw(st.none() | DIGESTS)
    re = None if thread is None else draw(st.none() | DIGESTS)
    answer = None if re is None else draw(st.none() | st.sampled_from(Answer))
    iat = draw(TIMES)
    return Header(
        iss=draw(ADDRESSES),
        sub=draw(st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)),
        aud=tuple(draw(st.lists(ADDRESSES, min_size=1, max_size=5, unique=True))),
        iat=iat,
        exp=draw(st.integers(iat + 1, 2**40 - 1)),
        cti=MessageId.new(draw(st.integers(0, 2**48 - 1))),
        net=draw(DIGESTS),
        head=Head(draw(st.integers(0, 2**63)), draw(DIGESTS)),
        kind=draw(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64)),
        purpose=draw(st.sampled_from(Purpose)),
        exercise=draw(st.booleans()),
        urgency=draw(st.sampled_from(Urgency)),
        handling=draw(st.sampled_from(Handling)),
        thread=thread,
        re=re,
        reply_by=draw(st.none() | TIMES),
        answer=answer,
        until=draw(TIMES) if answer is Answer.MORE_TIME else None,
        commit=draw(DIGESTS),
    )


@given(headers())
def test_claims_come_back(made: Header) -> None:
    assert from_claims(cbor.decode(cbor.encode(to_claims(made)))) == made


PLAIN = to_claims(header(bytes(32), thread=bytes(32), re=bytes(32), answer=Answer.MORE_TIME, until=1))


@pytest.mark.parametrize("label", [label for label in PLAIN if label not in OPTIONAL])
def test_a_missing_claim_is_named(label: int) -> None:
    with pytest.raises(Malformed) as caught:
        from_claims({key: value for key, value in PLAIN.items() if key != label})
    assert caught.value.reason is Reason.CLAIM_MISSING
    assert str(label) in caught.value.detail


@pytest.mark.parametrize("label", list(PLAIN))
@pytest.mark.parametrize("value", [True, 1.0, None, [], {}, "\n", b"", -1, 1 << 40])
def test_a_wrong_type_or_form_is_refused(label: int, value: cbor.Value) -> None:
    if label == claims.EXERCISE and value is True:
        return  # the one boolean claim
    with pytest.raises(Malformed) as caught:
        from_claims({**PLAIN, label: value})
    assert caught.value.reason in {
        Reason.CLAIM_TYPE,
        Reason.RECIPIENTS,
        Reason.ADDRESS,
        Reason.MESSAGE_ID,
        Reason.OPERATION_UNKNOWN,
    }


@pytest.mark.parametrize("label", [5, 8, -65550, "iss"])
def test_an_unknown_claim_is_refused(label: cbor.Key) -> None:
    with pytest.raises(Malformed) as caught:
        from_claims({**PLAIN, label: 0})
    assert caught.value.reason is Reason.CLAIM_UNKNOWN


def without(*labels: int) -> dict[cbor.Key, cbor.Value]:
    return {key: value for key, value in PLAIN.items() if key not in labels}


@pytest.mark.parametrize(
    "values",
    [
        without(claims.UNTIL),
        {**PLAIN, claims.ANSWER: "final"},
        without(claims.RE),
        without(claims.THREAD),
        {**PLAIN, claims.EXP: PLAIN[claims.IAT]},
    ],
)
def test_claims_that_contradict_each_other_are_refused(values: dict[cbor.Key, cbor.Value]) -> None:
    with pytest.raises(Malformed) as caught:
        from_claims(values)
    assert caught.value.reason is Reason.CLAIM_CONFLICT


@pytest.mark.parametrize("aud", [["FR", "FR"], [], ["FR"] * 257])
def test_recipients_are_named_once_and_not_too_many(aud: list[str]) -> None:
    with pytest.raises(Malformed) as caught:
        from_claims({**PLAIN, claims.AUD: aud})
    assert caught.value.reason is Reason.RECIPIENTS


@pytest.mark.parametrize("label", [claims.URGENCY, claims.ANSWER, claims.PURPOSE, claims.HANDLING])
def test_codes_are_of_their_list(label: int) -> None:
    with pytest.raises(Malformed) as caught:
        from_claims({**PLAIN, label: "no-such-code"})
    assert caught.value.reason is Reason.CLAIM_TYPE


def test_claims_are_a_map() -> None:
    with pytest.raises(Malformed) as caught:
        from_claims([])
    assert caught.value.reason is Reason.STRUCTURE
