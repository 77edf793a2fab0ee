"""What came, back with the type that it had."""

import flask

from scoringhost import rawhttp


def init():
    pass


@rawhttp
def run(request):
    headers = {"X-Query": request.query_string.decode()}
    return flask.Response(request.get_data(), 200, headers, content_type=request.content_type or "text/plain")
