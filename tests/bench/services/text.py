"""Undecorated: the body as text."""

import json


def init():
    pass


def run(raw):
    return {"length": len(json.loads(raw)["text"])}
