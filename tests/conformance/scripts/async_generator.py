"""A run() that is an async generator itself."""


def init():
    pass


async def run(raw_data):
    for word in raw_data.split():
        yield {"word": word}
