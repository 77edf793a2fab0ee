"""A run() that asks for the request's headers."""


def init():
    pass


def run(raw_data, request_headers):
    return {"text": raw_data, "headers": request_headers}
