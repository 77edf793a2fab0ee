"""What looks like a key or a password by its name."""

from __future__ import annotations

import pytest

from scoringhost.packaging.credentials import holds_credentials


@pytest.mark.parametrize(
    "name",
    [
        "id_rsa", "id_ed25519", "deploy_rsa", "tls.pem", "TLS.PEM", "server.key", "cert.pfx", "cert.p12", "putty.ppk",
        "store.jks", ".env", "prod.env", ".env.local", "credentials", "credentials.json", "aws-credentials.json",
        "client_secret_42.json", "service-account.json", "secrets.yaml", "kubeconfig", "dev.kubeconfig",
        "terraform.tfstate", "terraform.tfstate.backup", "prod.tfvars", ".netrc", ".npmrc", ".pypirc", ".ssh",
        "local.settings.json",
    ],
)  # fmt: skip
def test_keys_and_passwords_are_known_by_their_names(name: str) -> None:
    assert holds_credentials(name)


@pytest.mark.parametrize(
    "name",
    [
        "score.py", "credentials.py", "secrets.py", "environment.yml", "model.keras", "tokenizer.json", "keys.csv",
        "special_tokens_map.json", "id_rsa.pub", "weights.pt", "env.py", "rsa.txt", "model.pem.txt", "keyword.txt",
    ],
)  # fmt: skip
def test_code_and_models_are_not(name: str) -> None:
    assert not holds_credentials(name)
