"""Which class a client is of, how it logs in, and how its token is renewed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from scoringhost.azureml.common import HttpClient, HttpException
from scoringhost.azureml.deploy import DeployClient, Operationalization
from scoringhost.azureml.deploy import server as server_module
from scoringhost.azureml.deploy.server import MLServer
from scoringhost.hub.accounts import passwords, users_file
from scoringhost.hub.accounts.sessions import ACCESS_S, LOGIN_S, REFRESH_S
from scoringhost.hub.accounts.users_file import User, changing
from tests.unit.azureml.deploy.conftest import PASSWORD, PEOPLE, LocalHub, Told

URL = "http://server"


@pytest.mark.parametrize(
    "use", [None, MLServer, "MLServer", "scoringhost.azureml.deploy.server.MLServer", server_module], ids=str
)
def test_a_client_is_of_the_class_that_it_is_told_to_use(use: Any) -> None:
    client = DeployClient(URL, use=use)
    assert isinstance(client, DeployClient)
    assert isinstance(client, MLServer)


def test_a_class_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(
        "from scoringhost.azureml.deploy.server import MLServer\nclass Other(MLServer):\n    mine = True\n"
    )
    assert DeployClient(URL, use=("other", str(tmp_path / "other.py"))).mine is True  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "use",
    [3, "no_module", "scoringhost.azureml.deploy.server.Nobody", str, threading, ("a", "/no/file.py")],
    ids=str,
)  # fmt: skip
def test_what_is_no_such_class_is_an_import_error(use: Any) -> None:
    with pytest.raises(ImportError):
        DeployClient(URL, use=use)


def test_a_class_that_lacks_methods_cannot_be_used() -> None:
    class Half(Operationalization):
        pass

    with pytest.raises(TypeError, match="abstract"):
        DeployClient(URL, use=Half)


@pytest.mark.parametrize("form", [dict, list, lambda pairs: pairs[0][1]], ids=["dict", "list", "one"])
def test_adapters_are_taken_in_all_three_forms(form: Any) -> None:
    told = Told()
    told.will_answer("GET /services", [])

    class OfTest(MLServer):
        def initializer(self, http_client: Any, config: Any, adapters: Any = None) -> None:
            super().initializer(http_client, config, form([("http://server", told)]))

    assert DeployClient(URL, auth="t", use=OfTest).list_services() == []
    assert told.asked[0].headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize("adapters", [3, [HTTPAdapter()], {"http://server": "adapter"}])
def test_what_is_no_adapter_is_refused(adapters: Any) -> None:
    with pytest.raises(ValueError, match="adapters"):
        MLServer.initializer(DeployClient(URL), HttpClient(URL), None, adapters)  # type: ignore[arg-type]


def test_a_closed_client_asks_nothing(hub: LocalHub) -> None:
    client = hub.client()
    client.destructor()
    client.destructor()
    with pytest.raises(ValueError, match="closed"):
        client.list_services()
    with hub.client() as other:
        assert other.list_services() == []
    with pytest.raises(ValueError, match="closed"):
        other.list_services()


# -- logging in ---------------------------------------------------------------------------------------


def test_a_name_and_a_password_let_in(hub: LocalHub) -> None:
    assert hub.client("rita").list_services() == []
    assert DeployClient(hub.url, auth=["rita", PASSWORD]).list_services() == []


def test_a_wrong_password_is_a_401_and_leaves_nothing_open(hub: LocalHub) -> None:
    with pytest.raises(HttpException) as caught:
        DeployClient(hub.url, auth=("carl", "wrong"))
    assert (caught.value.status, caught.value.reason) == (401, "Unauthorized")
    assert "password is wrong" in str(caught.value.body)
    assert caught.value.headers is not None


def test_without_a_login_it_is_a_401(hub: LocalHub) -> None:
    with pytest.raises(HttpException) as caught:
        DeployClient(hub.url).list_services()
    assert caught.value.status == 401


def test_a_text_is_the_token_as_it_is(hub: LocalHub) -> None:
    token = str(hub.client()._http.authorization).removeprefix("Bearer ")
    assert DeployClient(hub.url, auth=token).list_services() == []
    with pytest.raises(HttpException) as caught:
        DeployClient(hub.url, auth="another").list_services()
    assert caught.value.status == 401


@pytest.mark.parametrize("auth", [3, ("carl",), ("a", "b", "c")])
def test_what_is_no_login_is_refused_by_name(auth: Any) -> None:
    with pytest.raises(ValueError, match="auth"):
        DeployClient(URL, auth=auth)


# -- tokens that end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("later_s", [ACCESS_S, REFRESH_S, LOGIN_S], ids=["refresh", "login", "months later"])
def test_a_token_that_has_ended_is_renewed_and_the_call_is_repeated(hub: LocalHub, later_s: int) -> None:
    client = hub.client()
    client.deploy_service("s", version="1", code_str="y = 1")
    before = client._http.authorization
    hub.clock.now_s += later_s
    assert [one["version"] for one in client.list_services()] == ["1"]
    assert client._http.authorization != before
    client.redeploy_service("s", version="1", description="later")
    assert client.list_services()[0]["description"] == "later"


def test_a_token_that_the_server_has_forgotten_is_made_anew(hub: LocalHub) -> None:
    client, other = hub.client(), hub.client()
    pair = other._http.post("/login", json={"username": "carl", "password": PASSWORD}).json()
    client._http.authorization = pair["access_token"]
    other._http.delete("/login/refreshToken", params={"refreshToken": pair["refresh_token"]})
    assert client.list_services() == []


def test_who_is_not_known_any_more_gets_the_401_of_his_call(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users_file, "LOOK_AGAIN_S", 0.0)
    client = hub.client()
    with changing(hub.users) as found:
        found["carl"] = User(PEOPLE["carl"], passwords.hashed("another"))
    hub.clock.now_s += ACCESS_S
    with pytest.raises(HttpException) as caught:
        client.list_services()
    assert caught.value.status == 401


def test_threads_that_find_a_token_ended_at_once_renew_it_once(hub: LocalHub) -> None:
    client, answers = hub.client(), []
    renew, renewals = client._http.renew, []
    assert renew is not None

    def counted() -> bool:
        renewals.append(1)
        return renew()

    client._http.renew = counted
    hub.clock.now_s += ACCESS_S
    together = threading.Barrier(4)

    def ask() -> None:
        together.wait(30)
        answers.append(client.list_services())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert answers == [[]] * 4
    assert len(renewals) == 1
