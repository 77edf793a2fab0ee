"""A stream of five trivial steps: text, or records if `{"records": true}` is sent."""

import json


def init():
    pass


def run(data):
    wants_records = json.loads(data).get("records", False)
    for number in range(5):
        yield {"step": number} if wants_records else f"step {number}\n"
