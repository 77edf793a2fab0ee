"""Requests to a service: in this process, to a URL, as load."""
