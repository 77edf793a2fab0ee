"""The settings for a fleet: a folder of services, each in processes of its own."""

from __future__ import annotations

import dataclasses

import click

from scoringhost.settings.declaration import NOT_NEGATIVE, POSITIVE, Part, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class FleetSettings(Part):
    """Several services behind one address."""

    fleet: bool = setting(
        False, click.BOOL, "Serve a folder as a fleet of services, also if there is only one in it.", "--fleet"
    )
    load_services: bool = setting(
        True, click.BOOL, "Start a fleet's services with it; else each when somebody has it loaded.", "--load"
    )
    min_replicas: int | None = setting(
        None, NOT_NEGATIVE, "Workers that a service of a fleet has at least; 0: none while it is idle. As many as "
        "--workers if not set.", "--min-replicas",
    )  # fmt: skip
    max_replicas: int | None = setting(
        None, POSITIVE, "Workers that a service of a fleet has at most; no more than at least if not set.",
        "--max-replicas",
    )  # fmt: skip
    idle_s: int = setting(
        300, POSITIVE, "Seconds without a call after which a service that may have no workers has none.", "--idle-s"
    )
    fronts: int | None = setting(
        None, POSITIVE, "Processes that take a fleet's requests; one for every four cores if not set.", "--fronts"
    )
    run_dir: str | None = setting(
        None, click.STRING, "Folder for a fleet's sockets and logs; one of the folder's own if not set.", "--run-dir"
    )


OF_THE_FLEET = frozenset({
    "script", "config_file", "host", "port", "health_port", "separate_health_endpoint", "metrics_port", "grpc_port",
    "tls_certificate", "tls_key", "tls_client_ca", "primary_key", "secondary_key", "keys_file", "token_keys",
    "token_issuer", "token_audience", "token_scopes", "token_roles", "token_leeway_s", "rate_limit", "trusted_proxies",
    "cors_origins", "open_docs", "shutdown_delay_s", "reload", "fleet", "load_services", "fronts", "run_dir",
    "control_host", "control_port", "hub_roles", "hub_role_claim", "hub_groups", "hub_users", "service_users",
    "mlserver", "mlserver_host", "mlserver_port", "mlserver_insecure",
    "ldap_url", "ldap_base", "ldap_query_dn", "ldap_query_password", "ldap_filter", "ldap_user_attribute",
    "ldap_group_attribute", "ldap_ca",
    "model_name", "service_name", "service_version", "service_path_prefix",
})  # fmt: skip
"""What is not for one service of a fleet to say: where all listen, who may come in, and how each is called."""
