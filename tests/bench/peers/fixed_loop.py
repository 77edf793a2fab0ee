"""scoringhost with its event loop on the I/O thread for good, to see what moving it is worth."""

from scoringhost.cli import main
from scoringhost.doors.server.moving_loop import MovingLoop


def stay(self: MovingLoop) -> None:
    """Never come to the scoring thread."""


MovingLoop.come = stay
main()
