"""A run() under @rawhttp: it reads the request itself and chooses the response."""

import flask
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

KEPT = AMLResponse("kept", 200)


def init():
    pass


def about(request):
    return {
        "is AMLRequest": isinstance(request, AMLRequest),
        "method": request.method,
        "path": request.path,
        "full_path": request.full_path,
        "url": request.url,
        "args": request.args.to_dict(flat=False),
        "header": request.headers.get("X-Own"),
        "mimetype": request.mimetype,
        "length": request.content_length,
        "body": request.get_data().decode("latin-1"),
        "data": request.data.decode("latin-1"),
    }


def form(request):
    files = {name: [file.filename, file.read().decode()] for name, file in request.files.items()}
    return {"form": request.form.to_dict(flat=False), "files": files}


def repeated(request):
    return AMLResponse("made", 201, {"X-Part": "a, b", "Content-Language": "de", "X-Number": 5})


def cookies(request):
    response = flask.Response("set", 202, mimetype="text/plain")
    response.headers.add("Set-Cookie", "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT")
    response.headers.add("Set-Cookie", "b=2")
    return response


def image(request):
    return AMLResponse(request.get_data()[::-1], 200, {"Content-Type": "image/png"})


def unavailable(request):
    return AMLResponse({"message": "warming up"}, 503)


def streamed(request):
    return flask.Response((piece for piece in (b"one ", b"two")), mimetype="text/plain")


def streamed_with_context(request):
    def pieces():
        for place in range(3):
            yield f"{place} of {flask.request.args['act']}\n"

    return flask.Response(flask.stream_with_context(pieces()), mimetype="text/plain")


def broken_stream(request):
    def pieces():
        yield b"one "
        yield b"two "
        raise ValueError("after two items")

    return flask.Response(pieces(), mimetype="text/plain")


ACTS = {
    "/score": about,
    "form": form,
    "json": lambda request: {"json": request.get_json(), "again": request.json},
    "text": lambda request: AMLResponse("plain", 200),
    "as json": lambda request: AMLResponse({"a": [1]}, 200, {}, json_str=True),
    "text as json": lambda request: AMLResponse("quoted", 200, {}, json_str=True),
    "no content": lambda request: AMLResponse("", 204),
    "repeated": repeated,
    "cookies": cookies,
    "image": image,
    "kept": lambda request: KEPT,
    "redirect": lambda request: flask.redirect("https://example.com/elsewhere", 307),
    "unavailable": unavailable,
    "blamed": lambda request: AMLResponse("not my day", 200, {}, run_function_failed=True),
    "bytes": lambda request: b"\x00\xff",
    "dict": lambda request: {"plain": True},
    "flask": lambda request: {"same": flask.request.args["act"], "body": flask.jsonify(1).get_json()},
    "abort": lambda request: flask.abort(418),
    "abort with response": lambda request: flask.abort(flask.Response("own", 409, {"X-Own": "1"})),
    "streamed": streamed,
    "streamed with context": streamed_with_context,
    "broken stream": broken_stream,
}


@rawhttp
def run(request):
    return ACTS[request.args.get("act", "/score")](request)
