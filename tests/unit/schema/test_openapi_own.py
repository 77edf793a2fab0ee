"""openapi: the documents that the user put into the app root."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from scoringhost.schema.openapi import OpenApiVersion, own_documents

V2, V3, V31 = OpenApiVersion


def test_own_documents_are_read_for_their_versions(tmp_path: Path) -> None:
    for name in ("swagger2.json", "swagger3.json", "swagger3.1.json"):
        (tmp_path / name).write_text(json.dumps({"from": name}), encoding="utf-8")

    assert own_documents(tmp_path) == {
        V2: {"from": "swagger2.json"},
        V3: {"from": "swagger3.json"},
        V31: {"from": "swagger3.1.json"},
    }


def test_swagger_json_goes_before_swagger2_json(tmp_path: Path) -> None:
    (tmp_path / "swagger.json").write_text('{"first": true}', encoding="utf-8")
    (tmp_path / "swagger2.json").write_text('{"first": false}', encoding="utf-8")

    assert own_documents(tmp_path) == {V2: {"first": True}}


@pytest.mark.parametrize("content", [b"{", b"\xff{}", b"", b"[" * 100_000], ids=repr)
def test_a_broken_document_is_skipped_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / "swagger.json").write_bytes(content)
    (tmp_path / "swagger2.json").write_text('{"usable": true}', encoding="utf-8")

    with caplog.at_level(logging.WARNING, "azmlinfsrv.swagger"):
        found = own_documents(tmp_path)

    assert found == {V2: {"usable": True}}
    assert [record.name for record in caplog.records] == ["azmlinfsrv.swagger"]
    assert "swagger.json" in caplog.text


# BUG: only an object was served; azmlinfsrv serves whatever the file holds, unless it is empty.
@pytest.mark.parametrize("content", ["[1]", '"text"', "5", "true", '{"a": {"example": 1}}'])
def test_any_json_is_served_as_it_is(tmp_path: Path, content: str) -> None:
    (tmp_path / "swagger3.json").write_text(content, encoding="utf-8")
    assert own_documents(tmp_path) == {V3: json.loads(content)}


@pytest.mark.parametrize("content", ["{}", "[]", "null", "0", '""', "false"])
def test_a_document_without_content_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "swagger.json").write_text(content, encoding="utf-8")
    (tmp_path / "swagger2.json").write_text("[2]", encoding="utf-8")
    assert own_documents(tmp_path) == {V2: [2]}


def test_a_folder_in_the_place_of_a_document_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "swagger3.json").mkdir()

    assert own_documents(tmp_path) == {}


def test_a_missing_app_root_has_no_documents(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert own_documents(tmp_path / "nowhere") == {}
    assert caplog.records == []
