"""The network may cut an answer anywhere; what is read must not depend on where."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clients.limits import Limits
from gateway.clients.reader import AnswerReader, NotHttp

ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-A: b\r\n\r\nhello world",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-T: 1\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 11\r\nETag: 1\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
]


def read(pieces: list[bytes]) -> tuple[int, bytes, bytes, bool, bool]:
    reader = AnswerReader(Limits(short=1_000_000))
    reader.next_answer(head_only=False)
    for piece in pieces:
        reader.feed(piece)
    return reader.status, reader.head.lines, reader.take(), reader.complete, reader.reusable


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_cut_at_any_one_byte_is_the_same_answer(answer: bytes) -> None:
    whole = read([answer])
    assert whole[3:] == (True, True)
    for cut in range(1, len(answer)):
        assert read([answer[:cut], answer[cut:]]) == whole
    assert read([answer[i : i + 1] for i in range(len(answer))]) == whole


@given(answer=st.sampled_from(ANSWERS), cuts=st.lists(st.integers(0, 200)))
def test_an_answer_cut_anywhere_is_the_same_answer(answer: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cut for cut in cuts if cut < len(answer)), len(answer)]
    pieces = [answer[a:b] for a, b in pairwise(places) if a != b]
    assert read(pieces) == read([answer])


@given(st.lists(st.sampled_from(ANSWERS), min_size=1), st.integers(1, 40))
def test_answers_one_after_another_do_not_leak_into_each_other(answers: list[bytes], step: int) -> None:
    reader = AnswerReader(Limits())
    for answer in answers:
        reader.next_answer(head_only=False)
        for start in range(0, len(answer), step):
            reader.feed(answer[start : start + step])
        assert reader.reusable
        assert (reader.status, reader.take()) == (read([answer])[0], read([answer])[2])


@given(st.binary(max_size=300))
def test_rubbish_is_refused_or_waited_on_but_never_an_answer(rubbish: bytes) -> None:
    reader = AnswerReader(Limits())
    reader.next_answer(head_only=False)
    try:
        reader.feed(rubbish)
    except NotHttp:
        return
    assert not reader.complete
