"""The words of a text, one after the other."""


def init():
    pass


def run(raw_data):
    for word in raw_data.split():
        yield word + "\n"
