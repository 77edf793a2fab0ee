"""A namespace of a cluster, as a kube context leads to it, through the official client."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scoringhost.errors import MissingExtra
from scoringhost.kubernetes import cluster_errors as errors
from scoringhost.kubernetes.kinds import PODS, Ref, ref_of
from scoringhost.kubernetes.refusals import refusal

if TYPE_CHECKING:
    from kubernetes.dynamic import DynamicClient

# `kubernetes` is imported where a cluster is opened: that takes more than a second.

FIELD_MANAGER = "scoringhost"
"""Our name where the API server keeps who has set which field."""
TIMEOUT_S = (10.0, 60.0)
"""Seconds for a connection, and between two pieces of an answer."""
TRIES = 3
"""Of what may be done twice, and could not be answered."""
_APPLY = "application/apply-patch+yaml"  # JSON is YAML


class Cluster:
    """The objects of one namespace. It may be used by one thread at a time."""

    def __init__(self, client: DynamicClient, context: str, namespace: str) -> None:
        self._client, self.context, self.namespace = client, context, namespace
        self.server = str(client.configuration.host)
        self.warnings: list[str] = []
        """What the API server has warned of, such as a deprecated field."""

    # -- reading ------------------------------------------------------------------------------------

    def get(self, ref: Ref) -> dict[str, Any] | None:
        """An object; None if it is not there."""
        body = self._ask("GET", ref.path(self.namespace), ref, "get", may_be_missing=True)
        return None if body is None else _value(body, ref)

    def all_of(self, kind: Ref, *, labels: str = "", fields: str = "") -> list[dict[str, Any]]:
        """The objects of a kind that have these labels and fields, as selectors in Kubernetes' form."""
        query = [("labelSelector", labels)] if labels else []
        if fields:
            query.append(("fieldSelector", fields))
        body = self._ask("GET", kind.path(self.namespace), kind, "list", query=query)
        items: list[dict[str, Any]] = _value(body or "{}", kind).get("items") or []
        return items

    def log(self, pod: str, container: str, lines: int, *, previous: bool = False) -> list[str]:
        """The last lines that a container has written; empty if there are none, or it has not started.

        previous: of its run before this one, which is the one that has failed if it was restarted.
        """
        ref = Ref(PODS.api_version, PODS.kind, pod)
        query = [("container", container), ("tailLines", str(lines))]
        if previous:
            query.append(("previous", "true"))
        try:
            body = self._ask("GET", ref.path(self.namespace, "log"), ref, "get", query=query, may_be_missing=True)
        except errors.ManifestRefused:
            return []  # 400: it is waiting to start, or its log has been rotated away
        return [] if body is None else body.splitlines()

    # -- changing -----------------------------------------------------------------------------------

    def apply(
        self, manifest: Mapping[str, Any], *, force: bool = False, dry_run: bool = False, manager: str = FIELD_MANAGER
    ) -> dict[str, Any]:
        """Have an object be as a manifest says, by server-side apply; returns the whole object as it is then.

        force: fields that somebody else has set are taken over. dry_run: nothing is changed, and all is checked.
        manager: who is said to have set the fields.

        Raises:
            FieldsTaken: if others have set fields to other values.
            ClusterError: others, as they say.
        """
        ref = ref_of(manifest)
        query = [("fieldManager", manager), ("fieldValidation", "Strict")]
        if force:
            query.append(("force", "true"))
        if dry_run:
            query.append(("dryRun", "All"))
        body = self._ask("PATCH", ref.path(self.namespace), ref, "patch", query=query, content=manifest, kind=_APPLY)
        return _value(body or "", ref)

    def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Make a new object.

        Raises:
            ChangedMeanwhile: if there is one of that name.
        """
        ref = ref_of(manifest)
        path = Ref(ref.api_version, ref.kind).path(self.namespace)
        body = self._ask("POST", path, ref, "create", query=[("fieldManager", FIELD_MANAGER)], content=manifest)
        return _value(body or "", ref)

    def replace(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Put an object in the place of the one of that name.

        Raises:
            ChangedMeanwhile: if that is not of the manifest's resourceVersion any more.
        """
        ref = ref_of(manifest)
        query = [("fieldManager", FIELD_MANAGER)]
        body = self._ask("PUT", ref.path(self.namespace), ref, "update", query=query, content=manifest)
        return _value(body or "", ref)

    def delete(self, ref: Ref, uid: str) -> bool:
        """Delete an object if it still is the one with that uid; its own are deleted with it. False: it was gone."""
        content = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        body = self._ask("DELETE", ref.path(self.namespace), ref, "delete", content=content, may_be_missing=True)
        return body is not None

    # -- asking -------------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        ref: Ref,
        verb: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        content: Mapping[str, Any] | None = None,
        kind: str = "application/json",
        may_be_missing: bool = False,
    ) -> str | None:
        """The body of the answer; None for what is not there and may be missing."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        problem: errors.ClusterError | None = None
        for _ in range(TRIES):
            # Without a list of its own for each request the client's own grows with every one.
            options = {"query_params": list(query), "header_params": {"Accept": "application/json, */*"}}
            try:
                answer = self._client.request(
                    method, path, content, content_type=kind, serialize=False, _request_timeout=TIMEOUT_S, **options
                )
            except ApiException as refused:
                if may_be_missing and refused.status == 404 and _is_about(refused.body, ref):
                    return None
                problem = self._problem(refused, ref, verb)
                if method == "POST" or not _may_pass(refused.status):
                    raise problem from None
            except (HTTPError, OSError) as failure:
                # The innermost says it: the others have the whole address, and how often it was tried.
                reason = getattr(failure, "reason", None) or failure
                raise errors.ClusterUnreachable(self.server, f"{type(reason).__name__}: {reason}") from None
            else:
                self._keep_warnings(answer.headers)
                return str(answer.data.decode("utf-8", "replace"))
        assert problem is not None
        raise problem

    def _problem(self, refused: Any, ref: Ref, verb: str) -> errors.ClusterError:
        if not refused.status:
            # The client's word for a certificate that cannot be trusted.
            return errors.ClusterUnreachable(self.server, str(refused.reason).strip().splitlines()[0])
        if refused.status == 401:
            return errors.LoginRefused(self.server, self.context)
        body = refused.body
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
        return refusal(refused.status, text, ref, verb, self.namespace)

    def _keep_warnings(self, headers: Mapping[str, str]) -> None:
        said = headers.get("Warning") or ""
        # 299 - "text", 299 - "text": RFC 9111 had it last; the text may have commas
        for text in said.split('299 - "')[1:]:
            warning = text.rpartition('"')[0]
            if warning and warning not in self.warnings:
                self.warnings.append(warning)


def open_cluster(environ: Mapping[str, str], context: str | None = None, namespace: str | None = None) -> Cluster:
    """The namespace that a kube context leads to. No request is sent yet.

    context: the current one if not given; namespace: that of the context, or `default`. Inside of a pod without a
    kubeconfig its own service account is used.

    Raises:
        MissingExtra: if the package kubernetes is not installed.
        ContextNotFound, KubeconfigUnusable: if there is no such context, or it cannot be used.
    """
    try:
        from kubernetes import client, config
        from kubernetes.config.config_exception import ConfigException
        from kubernetes.dynamic import DynamicClient
        from yaml import YAMLError
    except ImportError:
        raise MissingExtra("kubernetes", "kubernetes") from None
    path = environ.get("KUBECONFIG") or os.path.join(environ.get("HOME", "~"), ".kube", "config")
    settings = client.Configuration()
    try:
        if context is None and not _is_there(path) and "KUBERNETES_SERVICE_HOST" in environ:
            config.load_incluster_config(client_configuration=settings)
            context, found = "in-cluster", _own_namespace()
        else:
            context, found = _chosen_context(path, context)
            config.load_kube_config(path, context, settings, persist_config=False)
    except (ConfigException, YAMLError, OSError, TypeError, KeyError) as problem:
        # The last two are the client's for a file that is YAML, and no kubeconfig.
        raise errors.KubeconfigUnusable(path, f"{type(problem).__name__}: {problem}") from None
    # One more try, and no more: a server that is not there is not there three times, 10 s each.
    settings.retries = 1
    # The kinds are known: the third argument takes the place of the discovery.
    dynamic = DynamicClient(client.ApiClient(settings), None, lambda *_: None)
    return Cluster(dynamic, context, namespace or found)


def _chosen_context(path: str, wanted: str | None) -> tuple[str, str]:
    """The name of a context, and its namespace."""
    from kubernetes import config

    if not _is_there(path):
        raise errors.ContextNotFound(wanted, (), path)
    contexts, current = config.list_kube_config_contexts(path)
    known = {str(one["name"]): one["context"] for one in contexts or ()}
    name = wanted if wanted is not None else str((current or {}).get("name", ""))
    if name not in known:
        raise errors.ContextNotFound(wanted, tuple(known), path)
    return name, str(known[name].get("namespace") or "default")


def _is_there(path: str) -> bool:
    # KUBECONFIG may name several files, of which some may be missing.
    return any(os.path.isfile(os.path.expanduser(one)) for one in path.split(os.pathsep))


def _own_namespace() -> str:
    with open("/var/run/secrets/kubernetes.io/serviceaccount/namespace", encoding="utf-8") as file:
        return file.read().strip() or "default"


def _may_pass(status: int) -> bool:
    """Whether the same request may be answered a moment later: the server is overloaded, or its storage is."""
    return status in (429, 500, 502, 503, 504)


def _is_about(body: Any, ref: Ref) -> bool:
    """Whether a 404 says that the object is not there. Of a kind that is not served it says `page not found`."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    try:
        details = json.loads(text).get("details") or {}
    except (ValueError, AttributeError):
        return False
    return details.get("kind") != "namespaces" and details.get("name") == ref.name


def _value(body: str, ref: Ref) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise errors.ClusterBroken(str(ref), "what the API server answered is no JSON object")
    return value
