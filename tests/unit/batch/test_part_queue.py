"""The order of mini-batches, whatever order they are scored in and however they are divided."""

from __future__ import annotations

from scoringhost.batch.part_queue import PartQueue, Slot
from scoringhost.batch.parts import Outcome, Part
from scoringhost.tabular.pieces import Rows


def part(*items: str, index: int = 0) -> Part:
    return Part(index, Rows.PATHS, list(items), 1, 0.5)


def taken(queue: PartQueue) -> Slot:
    slot = queue.take()
    assert slot is not None
    return slot


def scored(slot: Slot) -> None:
    slot.outcome = Outcome([(None, item) for item in slot.part.items], scored=len(slot.part))


def results(queue: PartQueue) -> list[list[object]]:
    return [[result for _, result in outcome.results] for _, outcome in queue.done()]


def test_outcomes_come_in_the_order_of_the_input() -> None:
    queue = PartQueue(4, 0)
    queue.add(part("a"))
    queue.add(part("b"))
    first, second = taken(queue), taken(queue)
    scored(second)
    assert results(queue) == []
    scored(first)
    assert results(queue) == [["a"], ["b"]]
    assert (queue.take(), len(queue)) == (None, 0)


def test_no_more_are_read_ahead_than_may_be() -> None:
    queue = PartQueue(1, 0)
    assert not queue.is_full
    queue.add(part("a"))
    assert queue.is_full
    slot = taken(queue)
    assert queue.is_full
    scored(slot)
    assert (results(queue), queue.is_full) == ([["a"]], False)


def test_what_ended_its_worker_is_divided_down_to_the_item_at_fault() -> None:
    queue = PartQueue(4, 0)
    queue.add(part("a", "bad", "c", "d"))
    queue.add(part("e"))
    queue.has_ended_worker(taken(queue), "it died")
    half, rest = taken(queue), taken(queue)
    assert (half.part.items, rest.part.items) == (["a", "bad"], ["c", "d"])
    queue.has_ended_worker(half, "it died")
    for slot in (rest, taken(queue)):
        scored(slot)
    bad = taken(queue)
    assert results(queue) == []  # not in part: a mini-batch is written as a whole
    queue.has_ended_worker(bad, "it died")
    scored(taken(queue))
    (whole, outcome), (last, _) = queue.done()
    assert [result for _, result in outcome.results] == ["a", "c", "d"]
    assert [(str(failure.place), failure.count, failure.error) for failure in outcome.failures] == [
        ("bad", 1, "it died")
    ]
    assert (whole.items, last.items) == (["c", "d"], ["e"])


def test_a_single_item_is_tried_again_as_often_as_it_may_be() -> None:
    queue = PartQueue(4, 2)
    queue.add(part("bad"))
    for _ in range(3):
        slot = taken(queue)
        assert slot.outcome is None
        queue.has_ended_worker(slot, "it died")
    assert queue.take() is None
    [(_, outcome)] = queue.done()
    assert (outcome.scored, outcome.failed) == (0, 1)
