"""The Kafka door against librdkafka's own cluster, which speaks the real protocol on loopback."""

import asyncio
import json
import threading
import time
import uuid
from typing import Any

import confluent_kafka as kafka
import pytest

from scoringhost import assemble
from scoringhost.doors.kafka.kafka_door import KafkaDoor, require_usable
from scoringhost.errors import NotReady, RunFailed, SettingsError
from scoringhost.http.messages import HttpResponse
from scoringhost.http.routes import Endpoint
from scoringhost.settings import Settings

pytestmark = pytest.mark.slow
WAIT_S = 60.0


@pytest.fixture(scope="module")
def brokers():
    """The address of a cluster that lives as long as the producer that has made it."""
    maker = kafka.Producer({"bootstrap.servers": "x", "test.mock.num.brokers": 1})
    found = maker.list_topics(timeout=10).brokers
    yield ",".join(f"{one.host}:{one.port}" for one in found.values())
    del maker


class Topics:
    """Topics of a test's own: writes to one, reads from the others."""

    def __init__(self, brokers):
        name = uuid.uuid4().hex
        self.input, self.output, self.errors, self.group = (f"{kind}-{name}" for kind in ("in", "out", "err", "group"))
        self._brokers = brokers
        self._producer = kafka.Producer({"bootstrap.servers": brokers})
        for topic in (self.input, self.output, self.errors):  # makes it
            self._producer.list_topics(topic, timeout=10)
        self._consumer = kafka.Consumer(
            {"bootstrap.servers": brokers, "group.id": f"test-{name}", "auto.offset.reset": "earliest"}
        )
        self._consumer.subscribe([self.output, self.errors])

    def send(self, *values, key=None, headers=()):
        for value in values:
            self._producer.produce(self.input, value=value, key=key, headers=list(headers))
        assert self._producer.flush(WAIT_S) == 0

    def read(self, count):
        found: list[Any] = []
        late_s = time.monotonic() + WAIT_S
        while len(found) < count:
            assert time.monotonic() < late_s, f"{len(found)} of {count} answers"
            message = self._consumer.poll(0.2)
            if message is not None and message.error() is None:
                found.append(message)
        return found

    def settings(self, **more):
        return Settings(
            kafka_servers=self._brokers, kafka_topic_input=self.input, kafka_topic_output=self.output,
            kafka_group=self.group, **more,
        )  # fmt: skip

    def committed(self):
        consumer = kafka.Consumer({"bootstrap.servers": self._brokers, "group.id": self.group})
        partitions = consumer.list_topics(self.input, timeout=10).topics[self.input].partitions
        places = consumer.committed([kafka.TopicPartition(self.input, number) for number in partitions], timeout=10)
        consumer.close()
        return sum(max(place.offset, 0) for place in places)

    def close(self):
        self._consumer.close()


@pytest.fixture
def topics(brokers):
    made = Topics(brokers)
    yield made
    made.close()


def serve(topics, answer, until, *, finish_s=WAIT_S, **settings):
    """Have `answer` answer messages for as long as `until`, in another thread, takes."""
    chosen = topics.settings(**settings)

    async def main():
        door = KafkaDoor(chosen.kafka, 4)
        door.serve_on(asyncio.get_running_loop(), "m")
        await door.start(assemble.http_app(chosen, {"/v2/models/{name}/infer": Endpoint({"POST": answer})}))
        try:
            return await asyncio.to_thread(until)
        finally:
            await door.stop_accepting(time.monotonic() + WAIT_S)
            if not await door.finish(time.monotonic() + finish_s):
                door.cancel()
                assert await door.finish(time.monotonic() + WAIT_S)

    return asyncio.run(main())


def echo(request):
    return HttpResponse(200, [("Content-Type", "application/json")], request.body)


def test_every_message_is_answered_and_then_committed(topics):
    topics.send(*(json.dumps({"id": str(at)}).encode() for at in range(200)))
    found = serve(topics, echo, lambda: topics.read(200))
    assert {json.loads(message.value())["id"] for message in found} == {str(at) for at in range(200)}
    assert {message.key() for message in found} == {str(at).encode() for at in range(200)}
    assert {message.topic() for message in found} == {topics.output}
    assert topics.committed() == 200


def test_key_status_and_request_id_go_with_the_answer(topics):
    topics.send(b"{}", key=b"k1")
    (found,) = serve(topics, echo, lambda: topics.read(1))
    headers = dict(found.headers())
    assert found.key() == b"k1"
    assert headers["scoringhost-status"] == b"200"
    assert headers["x-request-id"] == b"k1"


def test_errors_are_answers_on_a_topic_of_their_own_if_there_is_one(topics):
    def fails(request):
        raise RunFailed from ValueError("unhappy")

    topics.send(b"{}", key=b"bad")
    topics.send(b"", key=b"empty")
    topics.send(b"{}", key=b"other", headers=[("mlserver-method", b"train")])
    found = serve(topics, fails, lambda: topics.read(3), kafka_topic_errors=topics.errors)
    assert {message.topic() for message in found} == {topics.errors}
    statuses = {message.key(): dict(message.headers())["scoringhost-status"] for message in found}
    assert statuses == {b"bad": b"500", b"empty": b"400", b"other": b"400"}
    assert topics.committed() == 3


def test_no_more_messages_are_under_way_than_there_is_room_for(topics):
    under_way, most = 0, 0

    async def slow(request):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return echo(request)

    topics.send(*(b"{}" for _ in range(40)))
    serve(topics, slow, lambda: topics.read(40), kafka_most=3)
    assert most == 3


def test_a_service_that_is_busy_keeps_messages_waiting_and_loses_none(topics):
    refusals = iter([True, True, False])

    def busy_first(request):
        if next(refusals, False):
            raise NotReady("loading", retry_after_s=1)
        return echo(request)

    topics.send(b'{"id": "1"}', b'{"id": "2"}')
    found = serve(topics, busy_first, lambda: topics.read(2))
    assert {message.key() for message in found} == {b"1", b"2"}


def test_what_is_not_answered_when_it_ends_is_answered_by_the_next(topics, tmp_path):
    # The cluster does not hear that a member leaves its group: the next one waits until its time is over.
    config = tmp_path / "kafka.json"
    config.write_text('{"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}')
    begun = threading.Event()

    async def stuck(request):
        begun.set()
        await asyncio.sleep(3600)

    topics.send(b'{"id": "1"}')
    serve(topics, stuck, lambda: begun.wait(WAIT_S), finish_s=0.1, kafka_config=str(config))
    assert topics.committed() == 0
    (found,) = serve(topics, echo, lambda: topics.read(1))
    assert found.key() == b"1"
    assert topics.committed() == 1


def test_an_answer_that_is_too_large_for_a_message_is_an_error(topics):
    topics.send(b"{}", key=b"k")
    large = HttpResponse(200, [], b"x" * 2_000_000)
    (found,) = serve(topics, lambda request: large, lambda: topics.read(1))
    assert found.key() == b"k"
    assert "2000000 bytes" in json.loads(found.value())["error"]


def test_the_file_with_librdkafkas_settings_is_read_and_has_to_be_an_object(topics, tmp_path):
    file = tmp_path / "kafka.json"
    file.write_text('{"client.id": "mine"}')
    topics.send(b"{}", key=b"k")
    serve(topics, echo, lambda: topics.read(1), kafka_config=str(file))
    file.write_text("[]")
    with pytest.raises(SettingsError, match="JSON object"):
        require_usable(topics.settings(kafka_config=str(file)).kafka)


def test_a_message_that_cannot_be_answered_is_not_committed_and_holds_up_no_end(topics):
    begun = threading.Event()

    async def broken():
        begun.set()
        raise ValueError("a defect of ours")
        yield b""

    topics.send(b"{}")
    serve(topics, lambda request: HttpResponse(200, [], broken()), lambda: begun.wait(WAIT_S), finish_s=5)
    assert topics.committed() == 0
