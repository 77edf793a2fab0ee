"""What one connection, and all connections of a worker together, may take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scoringhost.dialects.azureml_words import OtherEndpoints
from scoringhost.doors.bodies_in_flight import BodiesInFlight
from scoringhost.doors.server.connection_limits import MIB, intake_of
from scoringhost.http.app import HttpApp
from scoringhost.http.cors import Cors
from scoringhost.settings import Settings


def test_bodies_have_room_up_to_the_limit_and_again_when_one_is_gone() -> None:
    bodies = BodiesInFlight(10)
    assert (bodies.take(6), bodies.take(4), bodies.take(1)) == (True, True, False)
    bodies.release(4)
    assert (bodies.take(5), bodies.take(4)) == (False, True)
    assert bodies.held == 10


def test_what_found_no_room_is_not_counted() -> None:
    bodies = BodiesInFlight(10)
    bodies.take(9)
    bodies.take(2)
    assert bodies.held == 9


def test_a_body_over_the_limit_has_room_while_there_is_no_other() -> None:
    bodies = BodiesInFlight(10)
    assert (bodies.take(11), bodies.take(1)) == (True, False)
    bodies.release(11)
    assert bodies.take(1)


@pytest.mark.parametrize("size", [0, 10**12])
def test_zero_is_no_limit(size: int) -> None:
    bodies = BodiesInFlight()
    assert (bodies.take(10**12), bodies.take(size)) == (True, True)


def test_the_settings_name_the_limits_of_a_connection_and_of_all() -> None:
    settings = replace(
        Settings(), head_timeout_s=3, min_upload_bytes_per_s=7, write_timeout_s=5, max_body_mb=2, max_bodies_mb=9
    )
    app = HttpApp([OtherEndpoints({})], Cors(None))
    intake = intake_of(app, settings)
    assert (intake.app, intake.max_body, intake.in_flight.limit) == (app, 2 * MIB, 9 * MIB)
    assert (intake.limits.head_s, intake.limits.upload_rate, intake.limits.write_s) == (3, 7, 5)
