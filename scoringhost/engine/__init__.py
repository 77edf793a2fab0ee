"""The life of one service in one process."""
