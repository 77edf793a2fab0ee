"""Many requests over several connections: nothing lost, nobody hit by another's failure."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from scoringhost.inferring import InferFailed, Inferring, Plan
from scoringhost.inferring.lines import Item, Unusable

QUICK: dict[str, Any] = {"workers": 3, "retries": 2}


class Server:
    """Answers by a function from (request, attempts so far), and keeps what came."""

    def __init__(self, answer):
        self.answer, self.requests, self.open = answer, [], 0
        self.attempts: Counter[str] = Counter()

    def connect(self):
        self.open += 1
        return self

    async def infer(self, request):
        self.requests.append(request)
        data = str(request["inputs"][0]["data"])
        self.attempts[data] += 1
        await asyncio.sleep(0)
        return self.answer(request, self.attempts[data])

    async def close(self):
        self.open -= 1


def doubled(request, attempt):
    tensor = request["inputs"][0]
    return {"model_name": "m", "id": request["id"], "outputs": [{**tensor, "data": [2 * x for x in tensor["data"]]}]}


def items(count):
    for at in range(count):
        yield Item(at, {"inputs": [{"name": "x", "datatype": "INT64", "shape": [1], "data": [at]}]})


def run(lines, answer=doubled, **plan):
    written: list[Any] = []
    server = Server(answer)
    tally = asyncio.run(Inferring(iter(lines), server.connect, written.append, Plan(**(QUICK | plan))).run())
    assert server.open == 0
    return tally, written, server


def results(written):
    return {line["parameters"]["batch_index"]: line["outputs"][0]["data"] for line in written if "outputs" in line}


@pytest.mark.parametrize("size", [1, 4])
def test_every_request_has_a_line_of_its_own(size):
    tally, written, _ = run(items(50), batch_size=size)
    assert (tally.answered, tally.failed) == (50, 0)
    assert results(written) == {at: [2 * at] for at in range(50)}


@pytest.mark.parametrize("size", [1, 4])
def test_the_order_is_kept_on_request_even_if_the_first_is_the_slowest(size):
    def answer(request, attempt):
        if 0 in request["inputs"][0]["data"] and attempt < 3:
            raise InferFailed(503, "later", may_pass=True)
        return doubled(request, attempt)

    _, written, _ = run(items(200), answer, batch_size=size, keeps_order=True)
    assert [line["parameters"]["batch_index"] for line in written] == list(range(200))


def test_a_request_that_may_pass_is_sent_again():
    def answer(request, attempt):
        if attempt == 1:
            raise InferFailed(503, "later", may_pass=True)
        return doubled(request, attempt)

    tally, _, server = run(items(5), answer)
    assert tally.answered == 5
    assert set(server.attempts.values()) == {2}


def test_a_request_that_is_at_fault_is_not_sent_again_and_its_line_says_why():
    def answer(request, attempt):
        if request["inputs"][0]["data"] == [3]:
            raise InferFailed(400, "no threes")
        return doubled(request, attempt)

    tally, written, server = run(items(5), answer)
    assert (tally.answered, tally.failed) == (4, 1)
    assert server.attempts["[3]"] == 1
    (failed,) = [line for line in written if "error" in line]
    assert failed == {"parameters": {"batch_index": 3}, "error": {"status": 400, "msg": "no threes"}}
    assert tally.first_failure == "request 4: 400 no threes"


def test_one_bad_request_of_a_batch_fails_alone():
    def answer(request, attempt):
        if 3 in request["inputs"][0]["data"]:
            raise InferFailed(400, "no threes")
        return doubled(request, attempt)

    tally, written, _ = run(items(8), answer, batch_size=8, workers=1)
    assert (tally.answered, tally.failed) == (7, 1)
    assert results(written) == {at: [2 * at] for at in range(8) if at != 3}


def test_a_model_that_does_not_answer_row_by_row_is_asked_one_by_one():
    def total(request, attempt):
        return {
            "model_name": "m",
            "outputs": [{"name": "sum", "shape": [1], "data": [sum(request["inputs"][0]["data"])]}],
        }

    tally, written, server = run(items(12), total, batch_size=4, workers=1)
    assert results(written) == {at: [at] for at in range(12)}
    joined = [request for request in server.requests if request["inputs"][0]["shape"] != [1]]
    assert len(joined) == 1
    assert tally.answered == 12


def test_a_line_that_is_no_request_is_a_line_of_the_output():
    lines = [*items(2), Unusable(2, "not JSON"), *(Item(3 + item.index, item.request) for item in items(2))]
    tally, written, _ = run(lines, batch_size=10, keeps_order=True)
    assert (tally.answered, tally.failed) == (4, 1)
    assert [line["parameters"]["batch_index"] for line in written] == [0, 1, 2, 3, 4]
    assert written[2]["error"]["msg"] == "not JSON"


def test_the_id_of_a_request_is_that_of_its_response():
    given = Item(0, {"id": "mine", "inputs": [{"name": "x", "shape": [1], "datatype": "INT64", "data": [1]}]})
    _, (line,), server = run([given])
    assert line["id"] == line["parameters"]["inference_id"] == server.requests[0]["id"] == "mine"


def test_requests_that_went_as_one_share_an_inference_id_and_keep_their_own_ids():
    tensor = {"name": "x", "shape": [1], "datatype": "INT64", "data": [1]}
    _, written, server = run(
        [Item(0, {"id": "a", "inputs": [tensor]}), Item(1, {"id": "b", "inputs": [tensor]})], batch_size=2
    )
    assert {line["id"] for line in written} == {"a", "b"}
    assert {line["parameters"]["inference_id"] for line in written} == {server.requests[0]["id"]}


def test_an_output_that_cannot_be_written_ends_it():
    def full(line):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        asyncio.run(Inferring(items(5), Server(doubled).connect, full, Plan(**QUICK)).run())


def test_nobody_has_answered_if_no_request_got_through():
    def answer(request, attempt):
        raise InferFailed(0, "refused")

    tally, _, _ = run(items(2), answer)
    assert (tally.failed, tally.reached) == (2, False)
