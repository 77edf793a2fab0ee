"""Tokens of a directory: for a password, or a code that somebody types in."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from scoringhost.azureml.common import HttpException
from scoringhost.azureml.deploy import DeployClient
from scoringhost.azureml.deploy._login import DirectoryLogin, login_of
from scoringhost.azureml.deploy.server import MLServer
from tests.unit.azureml.deploy.conftest import Told

OPTIONS = {"authuri": "https://login.example", "tenant": "my tenant", "clientid": "c-1", "resource": "https://mls"}
PERSON = OPTIONS | {"username": "ann", "password": "secret"}
TOKEN, CODE = "POST /my%20tenant/oauth2/token", "POST /my%20tenant/oauth2/devicecode"
GOOD = {"access_token": "a.b.c", "token_type": "Bearer"}


def _login(told: Told, **options: Any) -> tuple[DirectoryLogin, list[float]]:
    waited: list[float] = []
    login = DirectoryLogin(options, wait=waited.append)
    login._http.mount("https://", told)
    return login, waited


def _form(told: Told, number: int = -1) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(str(told.asked[number].body)).items()}


def test_a_password_is_exchanged_for_a_token(told: Told) -> None:
    told.will_answer(TOKEN, GOOD)
    login, _ = _login(told, **PERSON)
    assert login.token() == "a.b.c"
    assert _form(told) == {
        "grant_type": "password", "client_id": "c-1", "resource": "https://mls", "username": "ann",
        "password": "secret",
    }  # fmt: skip
    assert "Authorization" not in told.asked[0].headers


@pytest.mark.parametrize("name", ["authuri", "tenant", "clientid", "resource", "password"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"auth: {name} missing"):
        DeployClient("http://server", auth={key: value for key, value in PERSON.items() if key != name})


@pytest.mark.parametrize("uri", ["http://login.example", "ftp://login.example", "login.example"])
def test_passwords_are_not_sent_in_the_clear(uri: str) -> None:
    with pytest.raises(ValueError, match="authuri"):
        DirectoryLogin(PERSON | {"authuri": uri})
    DirectoryLogin(PERSON | {"authuri": "http://127.0.0.1:8080"})


def test_a_directory_that_refuses_is_an_http_exception(told: Told) -> None:
    told.will_answer(TOKEN, {"error": "invalid_grant"}, status=400)
    with pytest.raises(HttpException, match="invalid_grant"):
        _login(told, **PERSON)[0].token()


@pytest.mark.parametrize("answer", [{"token": "x"}, [1], b"<html>"])
def test_a_directory_that_gives_none_is_named(told: Told, answer: Any) -> None:
    told.will_answer(TOKEN, answer)
    with pytest.raises(ValueError, match=r"authuri: https://login\.example"):
        _login(told, **PERSON)[0].token()


def test_the_next_token_is_got_by_the_refresh_token_or_else_by_the_password(told: Told) -> None:
    told.will_answer(TOKEN, GOOD | {"refresh_token": "r1"}, GOOD | {"access_token": "second"})
    login, _ = _login(told, **PERSON)
    login.token()
    assert login.renewed() == "second"
    assert (_form(told)["grant_type"], _form(told)["refresh_token"]) == ("refresh_token", "r1")
    login.renewed()
    assert _form(told)["grant_type"] == "password"


def test_a_code_is_shown_and_waited_for(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    said = {"user_code": "AB", "device_code": "D", "verification_url": "https://login.example/go", "expires_in": "900",
            "interval": "2", "message": "go and type AB"}  # fmt: skip
    told.will_answer(CODE, said)
    told.will_answer(TOKEN, {"error": "authorization_pending"}, {"error": "slow_down"}, status=400)
    told.will_answer(TOKEN, GOOD)
    login, waited = _login(told, **OPTIONS)
    assert login.token() == "a.b.c"
    assert capsys.readouterr().err == "go and type AB\n"
    assert waited == [2, 7]
    assert (_form(told)["grant_type"], _form(told)["code"]) == ("device_code", "D")
    assert login.renewed() is None


def test_a_code_is_handed_to_who_wants_it(told: Told) -> None:
    seen: list[Any] = []
    told.will_answer(CODE, {"user_code": "AB", "device_code": "D", "verification_uri": "https://u", "message": "m"})
    told.will_answer(TOKEN, GOOD)
    assert _login(told, **OPTIONS, user_code_callback=seen.append)[0].token() == "a.b.c"
    assert seen == [
        {"userCode": "AB", "deviceCode": "D", "verificationUrl": "https://u", "expiresIn": 900, "interval": 5,
         "message": "m"},
    ]  # fmt: skip
    assert _login(told, **OPTIONS, code=seen[0])[0].token() == "a.b.c"


def test_a_code_that_nobody_types_in_ends(told: Told) -> None:
    told.will_answer(TOKEN, {"error": "authorization_pending"}, status=400)
    login, waited = _login(told, **OPTIONS, code={"deviceCode": "D", "interval": 5, "expiresIn": 12})
    with pytest.raises(HttpException, match="authorization_pending"):
        login.token()
    assert waited == [5, 5, 5]


def test_somebody_who_refuses_ends_it_at_once(told: Told) -> None:
    told.will_answer(TOKEN, {"error": "access_denied"}, status=400)
    with pytest.raises(HttpException, match="access_denied"):
        _login(told, **OPTIONS, code={"deviceCode": "D"})[0].token()


def test_a_client_is_let_in_by_the_directory_and_renews_there(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    told.will_answer(TOKEN, GOOD | {"refresh_token": "r"}, GOOD | {"access_token": "second"})
    told.will_answer("GET /services", {"message": "over", "code": "unauthorized"}, status=401)
    told.will_answer("GET /services", [])

    def of_test(context: Any, http: Any) -> Any:
        login = login_of(context, http)
        assert isinstance(login, DirectoryLogin)
        login._http.mount("https://", told)
        return login

    monkeypatch.setattr("scoringhost.azureml.deploy.server.mlserver.login_of", of_test)

    class OfTest(MLServer):
        def initializer(self, http_client: Any, config: Any, adapters: Any = None) -> None:
            super().initializer(http_client, config, told)

    client = DeployClient("http://server", auth=PERSON, use=OfTest)
    assert client.list_services() == []
    sent = [one.headers.get("Authorization") for one in told.asked]
    assert sent == [None, "Bearer a.b.c", None, "Bearer second"]
