"""Uses what Flask has of a request without @rawhttp, imported as late as may be."""


def init():
    pass


def run(data):
    import flask
    import flask_beside

    if "kept" in flask.g:
        raise AssertionError("g is of one request")
    flask.g.kept = data
    if data == "stream":
        return pieces()
    if data == "with context":
        return flask.Response(flask.stream_with_context(pieces()))
    if data == "abort":
        flask.abort(418)
    return [*flask_beside.seen(), flask.g.kept, flask.current_app.name, flask.request.get_data(as_text=True)]


def pieces():
    import flask

    yield flask.request.method
    yield " "
    yield flask.request.headers["X-Mine"]
    yield " " + flask.g.kept
