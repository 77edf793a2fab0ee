"""Changing the project's own files into those of a package."""

from __future__ import annotations

from scoringhost.packaging.output import PackagingError


class TemplateChanged(PackagingError):
    """A template no longer has a text that a package needs changed; it is ours to mend, not the user's."""

    def __init__(self, template: str, text: str) -> None:
        super().__init__(
            f"scoringhost's own {template} has no {text.strip()!r}, which the package needs to be replaced; "
            "this is a fault of scoringhost"
        )
        self.template, self.text = template, text


def replaced(content: str, old: str, new: str, *, template: str) -> str:
    """The content of a template with a text replaced wherever it is.

    Raises:
        TemplateChanged: if it is nowhere: str.replace() would say nothing, and the package would serve
            our sample, or listen on another port than asked for.
    """
    if old not in content:
        raise TemplateChanged(template, old)
    return content.replace(old, new)
