"""What may be committed while messages are answered in any order."""

from scoringhost.doors.kafka.offsets import Partition


def partition_with(*offsets):
    partition = Partition("topic", 0)
    for offset in offsets:
        partition.take(offset)
    return partition


def test_a_message_is_committed_once_it_is_answered():
    assert partition_with(7).done(7) == 8


def test_nothing_is_committed_beyond_a_message_without_answer():
    partition = partition_with(7, 8, 9)
    assert partition.done(9) is None
    assert partition.done(8) is None
    assert partition.done(7) == 10


def test_offsets_that_the_broker_has_left_out_do_not_matter():
    partition = partition_with(3, 10, 11)
    assert partition.done(3) == 4
    assert partition.done(10) == 11


def test_the_messages_of_a_partition_that_is_somebody_elses_are_not_committed():
    partition = partition_with(7)
    partition.is_lost = True
    assert partition.done(7) is None


def test_an_answer_that_is_acknowledged_twice_counts_once():
    partition = partition_with(7, 8)
    assert partition.done(7) == 8
    assert partition.done(7) is None
