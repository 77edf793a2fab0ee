"""KafkaDoor: takes messages as fast as they can be scored, and commits what has been answered.

A thread of its own talks with the brokers: it takes messages while there is room, and hears which answers have been
acknowledged. Scoring is done where all scoring is: on the engine's event loop, by its HttpApp, as a POST to the
model; so metrics, traces, the log and what is kept of requests are those of HTTP.

At least once: a message's offset is committed after the brokers have acknowledged its answer (`offsets.py`). An
answer that cannot be delivered is sent again until it can.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import threading
import time
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scoringhost.doors.kafka.messages import Answer, Incoming, answer_headers
from scoringhost.doors.kafka.offsets import Partition
from scoringhost.engine.engine import Engine
from scoringhost.errors import MissingExtra, ScoringHostError, SettingsError
from scoringhost.http.app import HttpApp
from scoringhost.http.messages import Body, close_body
from scoringhost.kernel.scoring_thread import ScoringThread
from scoringhost.settings.kafka import KafkaSettings
from scoringhost.telemetry.logs import HOST_LOGGER

POLL_S = 0.1
"""Seconds that the thread waits for a message before it sees to other things."""
MEMBERSHIP_S = 30.0
"""Seconds without room after which the brokers are told that this consumer is alive: they give it 300."""
PAUSE_S = 1.0
"""Seconds before what could not be sent, or scored, is tried again."""
QUIET_S = 60.0
"""Seconds for which an error of the brokers is not said again."""
CLOSE_S = 5.0
"""Seconds at the end for the last answers, and to leave the group."""
UNAVAILABLE, LEAST_ERROR = 503, 400

log = logging.getLogger(HOST_LOGGER)


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that is under way."""

    partition: Partition
    offset: int
    incoming: Incoming


class KafkaDoor:
    """The messages of one consumer, which is a member of its group."""

    def __init__(self, settings: KafkaSettings, room: int) -> None:
        """Connect to nothing yet. room: messages under way at once, if no setting says so."""
        self._settings = settings
        self._room = settings.kafka_most or room
        self.requests = 0
        """How many messages have been taken."""
        self._partitions: dict[tuple[str, int], Partition] = {}
        self._under_way = 0
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = self._is_closing = False
        self._has_stopped, self._has_closed = threading.Event(), threading.Event()
        self._said: dict[str, float] = {}

    # -- Door -----------------------------------------------------------------------------------------

    def stand_by(self) -> None:
        """Do nothing: what nobody reads waits in its topic."""

    def help_out(self, thread: ScoringThread) -> None:
        """Nobody asks Kafka for health; see `WorkerDoor`."""

    def serve(self, engine: Engine) -> None:
        """Score on the engine's event loop; its only model is meant by messages that name none."""
        assert engine.loop is not None
        self.serve_on(engine.loop, engine.site.model_names[0])

    def serve_on(self, loop: asyncio.AbstractEventLoop, model: str) -> None:
        """Score on an event loop."""
        self._loop, self._model = loop, model

    async def start(self, app: HttpApp) -> None:
        """Join the group; messages are scored by `app`."""
        import confluent_kafka as kafka

        self._app = app
        own = read_config(self._settings)
        self._producer = kafka.Producer({"enable.idempotence": True, **own, **self._servers(), "logger": log})
        self._consumer = kafka.Consumer(
            {
                "auto.offset.reset": "earliest",
                **own,
                **self._servers(),
                "group.id": self._settings.kafka_group,
                # What is stored is committed every few seconds, when partitions are taken away, and at the end.
                "enable.auto.commit": True,
                "enable.auto.offset.store": False,
                "logger": log,
            }
        )
        self._thread = threading.Thread(target=self._live, name="kafka", daemon=True)
        self._thread.start()

    def _servers(self) -> dict[str, str]:
        return {"bootstrap.servers": self._settings.kafka_servers or ""}

    async def stop_accepting(self, by_s: float) -> None:
        """Take no more messages; those that nobody has taken are somebody else's."""
        self._is_stopping = True
        await self._until(self._has_stopped.is_set, by_s)

    async def finish(self, by_s: float) -> bool:
        """Wait until every message that was taken has its answer, or for the time, and leave the group then."""
        if not await self._until(lambda: self._under_way == 0, by_s):
            return False
        self._is_closing = True
        return await self._until(self._has_closed.is_set, max(by_s, time.monotonic() + CLOSE_S))

    def cancel(self) -> None:
        """Leave the messages that are being scored to whoever reads them next: they are not committed."""
        for task in self._tasks:
            task.cancel()

    @staticmethod
    async def _until(holds: Callable[[], bool], by_s: float) -> bool:
        while not holds():
            if time.monotonic() > by_s:
                return False
            await asyncio.sleep(0.01)
        return True

    # -- the thread that talks with the brokers ---------------------------------------------------------

    def _live(self) -> None:
        consumer = self._consumer
        try:
            topic = self._settings.kafka_topic_input
            consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._lost, on_lost=self._lost)
            self._take()
            self._has_stopped.set()
            while not self._is_closing:
                self._producer.poll(POLL_S)
            self._producer.flush(CLOSE_S)
            consumer.close()
        except Exception:
            log.exception("the Kafka door has failed; no more messages are taken")
        finally:
            self._has_stopped.set()
            self._has_closed.set()

    def _take(self) -> None:
        """Take messages while there is room, until told to stop."""
        consumer, polled_s, is_paused = self._consumer, time.monotonic(), False
        while not self._is_stopping:
            has_room = self._under_way < self._room
            if has_room and is_paused:
                consumer.resume(consumer.assignment())
                is_paused = False
            if not has_room and not is_paused and time.monotonic() - polled_s > MEMBERSHIP_S:
                consumer.pause(consumer.assignment())
                is_paused = True
            if has_room or is_paused:
                message = consumer.poll(POLL_S)
                polled_s = time.monotonic()
                if message is not None:
                    self._begin(message)
            self._producer.poll(0 if has_room else POLL_S)

    def _assigned(self, consumer: Any, partitions: list[Any]) -> None:
        for one in partitions:
            self._partitions[one.topic, one.partition] = Partition(one.topic, one.partition)

    def _lost(self, consumer: Any, partitions: list[Any]) -> None:
        for one in partitions:
            gone = self._partitions.pop((one.topic, one.partition), None)
            if gone is not None:
                gone.is_lost = True

    def _begin(self, message: Any) -> None:
        error = message.error()
        if error is not None:
            self._say(f"Kafka: {error.str()}")
            return
        partition = self._partitions.get((message.topic(), message.partition()))
        if partition is None:  # taken away in the moment that it came
            return
        partition.take(message.offset())
        self._count(1)
        self.requests += 1
        taken = Taken(partition, message.offset(), Incoming.of(message))
        # A context of its own: what is logged of one message belongs to no other.
        self._loop.call_soon_threadsafe(self._begin_scoring, taken, context=Context())

    def _delivered(self, taken: Taken, answer: Answer, error: Any, message: Any) -> None:
        """The brokers have acknowledged an answer, or it could not be delivered."""
        import confluent_kafka as kafka

        if error is None:
            committable = taken.partition.done(taken.offset)
            self._count(-1)
            if committable is not None:
                place = kafka.TopicPartition(taken.partition.topic, taken.partition.number, committable)
                with contextlib.suppress(kafka.KafkaException):  # it has just been taken away
                    self._consumer.store_offsets(offsets=[place])
        elif self._is_closing:
            self._count(-1)
        else:
            self._say(f"an answer to {taken.incoming.place} was not delivered: {error.str()}; it is sent again")
            again = partial(self._loop.call_later, PAUSE_S, self._send, taken, answer)
            self._loop.call_soon_threadsafe(again)

    # -- scoring, on the event loop -----------------------------------------------------------------------

    def _begin_scoring(self, taken: Taken) -> None:
        task = self._loop.create_task(self._score(taken))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _score(self, taken: Taken) -> None:
        """Score a message and send its answer; one that is not answered stays uncommitted."""
        try:
            answer = await self._answer(taken)
        except asyncio.CancelledError:
            answer = None
        except Exception:
            log.exception("a message at %s cannot be answered, which is a defect", taken.incoming.place)
            answer = None
        if answer is None:
            self._count(-1)
        else:
            self._send(taken, answer)

    async def _answer(self, taken: Taken) -> Answer | None:
        """The answer; None if the service ends before there is one."""
        while True:
            request = taken.incoming.request(self._model)
            response = await self._app.handle(request)
            try:
                body = await whole_body(response.body)
            except ScoringHostError as error:  # in the middle of a stream
                response = self._app.render(error, request.path)
                body = await whole_body(response.body)
            if response.status != UNAVAILABLE:
                break
            if self._is_stopping:
                return None
            # The service is busy, or not ready yet: the message waits, as those behind it do.
            await asyncio.sleep(float(response.first("retry-after") or PAUSE_S))
        is_error = response.status >= LEAST_ERROR
        topic = self._settings.kafka_topic_output
        if is_error and self._settings.kafka_topic_errors:
            topic = self._settings.kafka_topic_errors
        return Answer(
            topic, taken.incoming.key_of_answer(body), body, answer_headers(response.status, response.headers)
        )

    def _send(self, taken: Taken, answer: Answer) -> None:
        """Hand an answer to the producer, which tells `_delivered` what has become of it."""
        import confluent_kafka as kafka

        delivered = partial(self._delivered, taken, answer)
        try:
            self._producer.produce(
                answer.topic, value=answer.value, key=answer.key, headers=answer.headers, on_delivery=delivered
            )
        except BufferError:  # its queue is full
            self._loop.call_later(PAUSE_S, self._send, taken, answer)
        except kafka.KafkaException as problem:
            error = problem.args[0]
            if error.code() != kafka.KafkaError.MSG_SIZE_TOO_LARGE or answer.is_last_resort:
                self._say(f"an answer to {taken.incoming.place} cannot be sent: {error.str()}")
                self._loop.call_later(PAUSE_S, self._send, taken, answer)
                return
            self._send(taken, answer.too_large(self._settings.kafka_topic_errors))

    # -- small things -------------------------------------------------------------------------------------

    def _count(self, more: int) -> None:
        with self._lock:
            self._under_way += more

    def _say(self, what: str) -> None:
        """Warn, unless that was said a moment ago."""
        now_s = time.monotonic()
        if now_s - self._said.get(what, -QUIET_S) >= QUIET_S:
            self._said = {text: said_s for text, said_s in self._said.items() if now_s - said_s < QUIET_S}
            self._said[what] = now_s
            log.warning("%s", what)


async def whole_body(body: Body) -> bytes:
    """A body, read to its end."""
    if isinstance(body, bytes):
        return body
    try:
        return b"".join([piece async for piece in body])
    finally:
        await close_body(body)


def require_usable(settings: KafkaSettings) -> None:
    """Make sure that the door can be opened.

    Raises:
        MissingExtra: if confluent-kafka is not installed.
        SettingsError: if the file with librdkafka's settings cannot be used.
    """
    if importlib.util.find_spec("confluent_kafka") is None:
        raise MissingExtra("confluent-kafka", "kafka")
    read_config(settings)


def read_config(settings: KafkaSettings) -> dict[str, Any]:
    """The user's own settings of librdkafka.

    Raises:
        SettingsError: if the file cannot be read, or is no JSON object.
    """
    path = settings.kafka_config
    if path is None:
        return {}
    try:
        found = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as problem:
        raise SettingsError("kafka_config", path, f"it cannot be read: {problem}") from None
    if not isinstance(found, dict):
        raise SettingsError("kafka_config", path, "it has to be a JSON object of librdkafka's settings")
    return found
