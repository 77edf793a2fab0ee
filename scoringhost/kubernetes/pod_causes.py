"""Why a pod does not run: from its status and its events, without asking anybody.

What is believed, and when, follows from how a kubelet reports:

- `ErrImagePull` is the first try, `ImagePullBackOff` what follows it some seconds later. A registry that is busy
  answers the second try, so the first is final only if it says that there is no such image, or that nobody is let in.
- A container that ended is `terminated` until it is started again; then its end is in `lastState`, and from the second
  time on it is `waiting` with CrashLoopBackOff. `serve` ends with 3 when a script cannot be served: that does not
  change by itself, so once is enough. So is a container that took more memory than its limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCRIPT_FAILED = 3
"""The exit code of `serve` for what cannot be served: the script, its init(), a setting."""
_NEVER_STARTS = frozenset(
    {
        *(
            "ImagePullBackOff",
            "InvalidImageName",
            "ErrImageNeverPull",
            "ImageInspectError",
            "SignatureValidationFailed",
        ),
        *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
    }
)
_NO_SUCH_IMAGE = re.compile(r"not found|unauthorized|denied|forbidden|manifest unknown|invalid", re.IGNORECASE)
_NODE_COMING = frozenset({"TriggeredScaleUp", "Nominated"})
"""Events of the cluster autoscaler and of Karpenter: a node for this pod is being made."""


@dataclass(frozen=True, slots=True)
class PodCause:
    """Why a pod does not run.

    reason: a word of Kubernetes'; detail: a sentence. is_final: it does not change by itself. container: whose log says
    more, if one has run; has_restarted: what it says is in the log of the run before.
    """

    reason: str
    detail: str
    pod: str
    is_final: bool = False
    container: str = ""
    has_restarted: bool = False


Events = Sequence[Mapping[str, Any]]


def pod_cause(pod: Mapping[str, Any], events: Events) -> PodCause | None:
    """Why a pod is not ready; None if it is, or nothing speaks against it yet.

    events: those of this pod, the newest last.
    """
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    if (conditions.get("Ready") or {}).get("status") == "True":
        return None
    if status.get("phase") == "Failed":
        return PodCause(status.get("reason") or "Failed", status.get("message") or "the pod has failed", name)
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False":
        return _unscheduled(name, scheduled, events)
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        found = _container_cause(name, container, events)
        if found is not None:
            return found
    mounting = _last(events, "FailedMount", "FailedAttachVolume")
    if mounting:
        return PodCause("FailedMount", mounting, name)
    return None


def _unscheduled(pod: str, condition: Mapping[str, Any], events: Events) -> PodCause:
    detail = condition.get("message") or "no node takes it"
    if any(one.get("reason") in _NODE_COMING for one in events):
        return PodCause("NodeComing", f"a node is being made for it: {detail}", pod)
    return PodCause(condition.get("reason") or "Unschedulable", detail, pod)


def _container_cause(pod: str, status: Mapping[str, Any], events: Events) -> PodCause | None:
    state = status.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason == "ErrImagePull":
        is_final = _NO_SUCH_IMAGE.search(message) is not None
        return PodCause(reason, f"image {status.get('image')}: {message}", pod, is_final)
    if reason == "ImagePullBackOff":
        # "Back-off pulling image" says not why; the event of the try before does.
        why = _last(events, "Failed", containing="ull image") or message
        return PodCause(reason, f"image {status.get('image')}: {why}", pod, True)
    if reason in _NEVER_STARTS:
        return PodCause(reason, message or _last(events, "Failed") or reason, pod, True)
    if state.get("terminated"):
        return _ended(pod, status, state["terminated"], events, has_restarted=False)
    before = (status.get("lastState") or {}).get("terminated")
    if before:
        return _ended(pod, status, before, events, has_restarted=True)
    if "running" in state and status.get("started") and not status.get("ready"):
        failing = _last(events, "Unhealthy", containing="eadiness probe") or "its readiness probe fails"
        return PodCause("NotReady", failing, pod, container=status["name"])
    return None


def _ended(
    pod: str, status: Mapping[str, Any], end: Mapping[str, Any], events: Events, *, has_restarted: bool
) -> PodCause | None:
    """Of a container that has ended, and may run again by now."""
    code, is_looping = end.get("exitCode"), "waiting" in (status.get("state") or {})
    container = status["name"]
    if code == 0 and not is_looping:
        return None  # an init container that is done
    if end.get("reason") == "OOMKilled":
        detail = "the container took more memory than its limit, and was killed"
        return PodCause("OOMKilled", detail, pod, True, container, has_restarted)
    if code == SCRIPT_FAILED:
        detail = "the script cannot be served (exit code 3); its log says why"
        return PodCause("InitFailed", detail, pod, True, container, has_restarted)
    too_slow = _last(events, "Killing", containing="failed startup probe")
    if too_slow:
        detail = f"init() took longer than the startup probe allows: {too_slow}"
        return PodCause("StartupTooSlow", detail, pod, True, container, has_restarted)
    reason = "CrashLoopBackOff" if is_looping else "Crashed"
    detail = f"the container ended with exit code {code} ({end.get('reason') or 'no reason given'})"
    return PodCause(reason, detail, pod, is_looping, container, has_restarted)


def _last(events: Events, *reasons: str, containing: str = "") -> str:
    """The message of the newest event of one of these reasons; empty if there is none."""
    for one in reversed(events):
        if one.get("reason") in reasons and containing in str(one.get("message", "")):
            return str(one["message"]).strip()
    return ""
