"""What the clients of a model server have in common: their HTTP, and how it is configured."""

from __future__ import annotations

from scoringhost.azureml.common.configuration import Configuration
from scoringhost.azureml.common.http_client import HttpClient, HttpException

__all__ = ["Configuration", "HttpClient", "HttpException"]
