"""What came, back with the type that it had."""

import flask

from scoringhost import rawhttp


def init():
    pass


@rawhttp
def run(request):
    headers = {"X-Query": request.query_string.decode(), "X-Fields": ",".join(request.files)}
    for file in request.files.values():
        return flask.Response(file.read(), 200, headers, content_type=file.content_type)
    return flask.Response(request.get_data(), 200, headers, content_type=request.content_type or "text/plain")
