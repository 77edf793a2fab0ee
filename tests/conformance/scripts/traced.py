"""Answers what it would send out with a call of its own, from where the run() of the request is."""

from opentelemetry import propagate, trace


def init():
    pass


def run(raw_data):
    sent = {}
    with trace.get_tracer("script").start_as_current_span("own") as span:
        propagate.inject(sent)
        sent["sampled"] = span.is_recording()
    return sent
