"""An undecorated run(): the body as text."""


def init():
    pass


def run(raw_data):
    return {"type": type(raw_data).__name__, "text": raw_data}
