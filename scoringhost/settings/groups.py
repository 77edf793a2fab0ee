"""The settings in groups, as `--help` and the documentation show them."""

from __future__ import annotations

GROUPS: dict[str, tuple[str, ...]] = {
    "The script and its model": ("script", "model_dir", "app_root", "source_directory", "config_file"),
    "Addresses": ("host", "port", "health_port", "separate_health_endpoint"),
    "Processes and threads": ("workers", "threads", "preload"),
    "Time limits": (
        "scoring_timeout_ms",
        "worker_timeout_s",
        "drain_timeout_s",
        "keep_alive_s",
        "head_timeout_s",
        "min_upload_bytes_per_s",
        "write_timeout_s",
    ),
    "Sizes and numbers": ("max_body_mb", "max_bodies_mb", "max_waiting"),
    "Batching": ("max_batch_size", "max_batch_wait_ms"),
    "Requests": ("unknown_keys",),
    "Who may come in": (
        "primary_key",
        "secondary_key",
        "keys_file",
        "token_keys",
        "token_issuer",
        "token_audience",
        "token_scopes",
        "token_roles",
        "token_leeway_s",
        "open_docs",
        "rate_limit",
        "trusted_proxies",
    ),
    "Answers": ("nan", "cors_origins", "server_version_header", "server_version_text", "server_timing"),
    "The API document and the page at /docs": (
        "service_name",
        "service_version",
        "service_path_prefix",
        "document_as_azmlinfsrv",
        "docs",
    ),
    "Metrics": ("metrics", "metrics_port"),
    "Logs and debugging": (
        "log_level",
        "log_format",
        "debug",
        "debug_port",
        "debug_wait",
        "reload",
        "app_insights_enabled",
        "app_insights_key",
    ),
    "Azure Functions": ("auth_level", "startup_wait_s", "keep_warm_minutes", "jobs"),
}
"""The sections of `--help` and of the page on settings. A setting that is in none of them comes last."""
