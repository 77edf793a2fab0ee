"""CORS by the script's own hand, as the Azure ML documentation shows it for an older server."""

from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    if request.method == "OPTIONS":
        response = AMLResponse("", 200)
        response.headers["Allow"] = "OPTIONS, GET, POST"
        response.headers["Access-Control-Allow-Methods"] = "OPTIONS, GET, POST"
        response.headers["Access-Control-Allow-Origin"] = "http://www.example.com"
        response.headers["Access-Control-Allow-Headers"] = "*"
        return response
    response = AMLResponse("scored", 200)
    response.headers["Access-Control-Allow-Origin"] = "http://www.example.com"
    return response
