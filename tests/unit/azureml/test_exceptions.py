"""The errors of the SDK."""

import pytest

from scoringhost.azureml import exceptions
from scoringhost.azureml.exceptions import AzureMLException, UserErrorException, WebserviceException


def test_the_message_is_the_reason_alone_and_the_text_has_several_lines():
    error = WebserviceException("no such thing")
    assert error.message == "no such thing"
    assert str(error).splitlines()[:3] == ["WebserviceException:", "\tMessage: no such thing", "\tInnerException None"]
    assert '"message": "no such thing"' in str(error)


def test_a_user_error_has_its_code():
    assert '"code": "UserError"' in str(UserErrorException("x"))


@pytest.mark.parametrize("name", ["WebserviceException", "UserErrorException", "ModelNotFoundException",
                                  "ModelPathNotFoundException", "WorkspaceException", "ProjectSystemException",
                                  "ComputeTargetException", "RunEnvironmentException"])  # fmt: skip
def test_every_error_is_an_azure_ml_exception(name: str):
    assert issubclass(getattr(exceptions, name), AzureMLException)


def test_what_the_sdk_raises_now_as_this_and_now_as_that_is_both_and_has_a_name_that_scripts_know():
    error = exceptions._PathMissing("there is nothing")
    assert isinstance(error, WebserviceException)
    assert isinstance(error, FileNotFoundError)
    assert str(error).startswith("WebserviceException:")
    assert error.message == "there is nothing"
