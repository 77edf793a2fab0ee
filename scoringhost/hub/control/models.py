"""What the control API answers about models, and about what is being uploaded."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from scoringhost.http.messages import HttpResponse
from scoringhost.hub.access import Action
from scoringhost.hub.books import Books, Desk
from scoringhost.hub.content import Content
from scoringhost.hub.control.calls import Call
from scoringhost.hub.control.downloads import sent
from scoringhost.hub.control.uploads import Uploads
from scoringhost.hub.errors import ContentDamaged, ModelNotFound, ValueRefused
from scoringhost.hub.models import Details, Model

DETAILS = (
    "description", "framework", "framework_version", "run_id", "origin", "sample_input", "sample_output", "resources",
    "more",
)  # fmt: skip
Answer = dict[str, Any]


class Sources:
    """What a request names as the files that it is about."""

    def __init__(self, uploads: Uploads) -> None:
        self.uploads = uploads

    async def of(self, call: Call) -> Path | None:
        """The file or folder; None if the request names none.

        Raises:
            NotAllowed: for a path of the hub's machine, which whoever may name it may have read.
            UploadNotFound, ValueRefused.
        """
        path, upload = call.body.get("path"), call.body.get("upload")
        if path is not None and upload is not None:
            raise ValueRefused("path", "either a path or an upload", path)
        if path is not None:
            call.require(Action.PATHS)
            if not Path(path).is_absolute():
                raise ValueRefused("path", "an absolute path", path)
            return Path(path)
        if upload is not None:
            found = self.uploads.get(call.caller, upload)
            return await asyncio.to_thread(self.uploads.unpacked, found)
        return None

    async def done(self, call: Call) -> None:
        """Forget what was uploaded, as it is stored now."""
        if "upload" in call.body:
            await asyncio.to_thread(self.uploads.forget, call.body["upload"])


class ModelAnswers:
    """The operations on models."""

    def __init__(self, desk: Desk, sources: Sources) -> None:
        self._desk, self._sources = desk, sources

    async def add_upload(self, call: Call) -> Answer:
        """Begin an upload."""
        call.require(Action.REGISTER)
        upload = self._sources.uploads.add(call.caller, call.body["name"], is_folder=call.body["kind"] == "folder")
        return {"id": upload.id}

    async def send_part(self, call: Call) -> Answer:
        """Take a part of one."""
        upload = self._sources.uploads.get(call.caller, call.path["upload"])
        append = self._sources.uploads.append
        return {"size": await asyncio.to_thread(append, upload, call.query.get("offset", 0), call.raw)}

    async def remove_upload(self, call: Call) -> Answer:
        """Forget one."""
        upload = self._sources.uploads.get(call.caller, call.path["upload"])
        await asyncio.to_thread(self._sources.uploads.forget, upload.id)
        return {}

    async def list_models(self, call: Call) -> Answer:
        """The models that fit; with `most`, as many of them, and in `next` what is said as `after` for the others."""
        call.require(Action.READ)
        query = call.query
        most = query.get("most")

        def find(books: Books) -> Answer:
            found = books.registry.find(
                query.get("name"),
                tags=_pairs(query.get("tag", [])),
                properties=_pairs(query.get("property", [])),
                framework=query.get("framework"),
                run_id=query.get("run_id"),
                latest=query.get("latest", False),
                most=None if most is None else most + 1,
                after=query.get("after"),
            )
            part = found[:most]
            answer: Answer = {"models": [one.to_json() for one in part]}
            if part and len(found) > len(part):
                answer["next"] = part[-1].place
            return answer

        return await self._desk.do(find)

    async def register_model(self, call: Call) -> Answer:
        """Store the next version of a model."""
        body, name = call.body, call.name

        def owner(books: Books) -> str | None:
            with suppress(ModelNotFound):
                return books.registry.get(name).created_by
            return None

        call.require(Action.REGISTER, await self._desk.do(owner))
        source = await self._sources.of(call)
        if source is None:
            raise ValueRefused("upload", "an upload, or a path", None)
        given: dict[str, Any] = {key: body[key] for key in DETAILS if key in body}
        given.setdefault("origin", body.get("path", source.name))
        model = await self._desk.do(
            lambda books: books.registry.register(
                name,
                source,
                parts=body.get("parts", ()),
                tags=body.get("tags"),
                properties=body.get("properties"),
                details=Details(**given),
                by=call.caller.name,
            )
        )
        await self._sources.done(call)
        return model.to_json()

    async def get_model(self, call: Call) -> Answer:
        """The newest version."""
        call.require(Action.READ)
        return (await self._desk.do(lambda books: books.registry.get(call.name))).to_json()

    async def get_model_version(self, call: Call) -> Answer:
        """One version."""
        call.require(Action.READ)
        return (await self._model(call)).to_json()

    async def get_model_content(self, call: Call) -> HttpResponse:
        """Its file, or its folder as an archive; every file is looked at before the first byte is sent."""
        call.require(Action.READ)
        model = await self._model(call)

        def look(books: Books) -> tuple[Content, list[Path]]:
            content = books.registry.content(model.name, model.version)
            problems = [one for one in map(books.files.problem, content.files) if one is not None]
            if problems:
                raise ContentDamaged(model.id, problems)
            return content, [books.files.place(file.digest) for file in content.files]

        content, places = await self._desk.do(look)
        return sent(content, places)

    async def change_model(self, call: Call) -> Answer:
        """Tag or describe it."""
        model, body = await self._model(call), call.body
        call.require(Action.CHANGE_MODEL, model.created_by)

        def change(books: Books) -> Model:
            registry, key = books.registry, (model.name, model.version)
            if body.get("properties"):  # first, as this may be refused
                registry.add_properties(*key, body["properties"])
            if "description" in body:
                registry.describe(*key, body["description"])
            tags, gone = body.get("tags", {}), body.get("remove_tags", ())
            return registry.tag(*key, tags, gone, replace=body.get("replace_tags", False))

        return (await self._desk.do(change)).to_json()

    async def delete_model(self, call: Call) -> Answer:
        """Delete one version."""
        model = await self._model(call)
        call.require(Action.CHANGE_MODEL, model.created_by)
        return (await self._desk.do(lambda books: books.registry.delete(model.name, model.version))).to_json()

    async def _model(self, call: Call) -> Model:
        version = number("version", call.path["version"])
        return await self._desk.do(lambda books: books.registry.get(call.name, version))


def number(field: str, text: str) -> int:
    """The version of a model.

    Raises:
        ValueRefused: if it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueRefused(field, "a whole number", text)
    return int(text)


def _pairs(texts: list[str]) -> list[str | list[str]]:
    found: list[str | list[str]] = []
    for text in texts:
        key, equals, value = text.partition("=")
        found.append([key, value] if equals else key)
    return found
