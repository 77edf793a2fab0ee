"""What fronts ask the supervisor for over their channels, by name."""

LOAD, UNLOAD = "repository_load", "repository_unload"
"""Load or unload a service: `name` and `version`, which may be None."""

ADD_COPIES, COPIES = "add_copies", "copies"
"""Add up what has come of copies of requests, as `rows`; and all that has been added up."""
