"""Images as request bodies, as the Azure ML documentation shows it."""

from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    print("This is init()")  # noqa: T201


@rawhttp
def run(request):
    print("This is run()")  # noqa: T201
    if request.method == "GET":
        respBody = str.encode(request.full_path)
        return AMLResponse(respBody, 200)
    if request.method == "POST":
        assert isinstance(request, AMLRequest)
        file_bytes = request.files["image"].read()
        return AMLResponse(str(len(file_bytes)), 200)
    return AMLResponse("bad request", 500)
