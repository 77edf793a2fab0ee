"""Files that hold keys or passwords, known by their names: a package does not carry them along."""

from __future__ import annotations

from fnmatch import fnmatchcase

_KEYS = (
    "*.pem", "*.key", "*.pfx", "*.p12", "*.ppk", "*.jks", "*.keystore", "*.kdbx",
    "*_rsa", "*_dsa", "*_ecdsa", "*_ed25519",
)  # fmt: skip
_PASSWORDS = (
    ".env", "*.env", ".env.*", "*.env.local", ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd",
    ".git-credentials", ".dockercfg", ".dockerconfigjson",
    *(f"{word}.{form}" for word in ("*credentials", "secrets") for form in ("json", "yaml", "yml", "toml", "ini")),
    "credentials", "credentials.csv", "credentials.txt",
)  # fmt: skip
_CLOUDS = (
    "client_secret*.json", "service*account*.json", "local.settings.json", "*.publishsettings",
    "kubeconfig", "kubeconfig.*", "*.kubeconfig", "*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json",
)  # fmt: skip
_FOLDERS = (".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker")

PATTERNS = _KEYS + _PASSWORDS + _CLOUDS + _FOLDERS
"""Of names in lower case. Public halves of keys (`id_rsa.pub`) and Python modules are none of them."""


def holds_credentials(name: str) -> bool:
    """Whether a file or folder of this name is likely to hold a key or a password."""
    return any(fnmatchcase(name.lower(), pattern) for pattern in PATTERNS)
