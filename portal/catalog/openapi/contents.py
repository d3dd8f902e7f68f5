"""What is sent and what is answered, prepared for reading: media types with their schemas and examples."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from portal.catalog.openapi.examples import ExampleMaker, render
from portal.catalog.openapi.references import References, escape
from portal.catalog.openapi.schemas import Budget, SchemaReader
from portal.catalog.openapi.texts import line_of, text_of

_MAX_RESPONSES = 24
_MAX_MEDIA = 6
_MAX_EXAMPLES = 5
_BODY_LINES, _ANSWER_LINES, _FAULT_LINES = 240, 240, 50
# Gives the budget for so many lines of a schema, less where the whole operation has to be shorter.
Budgets = Callable[[int], Budget]


class ContentReader:
    """Reads bodies and answers of one document's operations. What cannot be shown is reported through `references`."""

    def __init__(self, references: References, schemas: SchemaReader, examples: ExampleMaker) -> None:
        self._references, self._schemas, self._examples = references, schemas, examples

    def body(self, body: Any, pointer: str, budget: Budgets) -> dict[str, Any] | None:
        """Return what is sent with a call, or None when that is nothing."""
        if body is None:
            return None
        found, _reference = self._references.resolve(body, pointer)
        media = self._media(found.get("content"), f"{pointer}/content", budget, _BODY_LINES, "readOnly")
        if not media and not found.get("description"):
            return None
        return {
            "required": found.get("required") is True,
            "note": text_of(found.get("description"), 4000),
            "media": media,
        }

    def responses(self, responses: Any, pointer: str, budget: Budgets) -> list[dict[str, Any]]:
        """Return the answers in the order of the document."""
        if not isinstance(responses, dict):
            if responses is not None:
                self._references.report(pointer, "An object was expected here.")
            return []
        found = []
        for status, value in list(responses.items())[:_MAX_RESPONSES]:
            if status.startswith("x-"):
                continue
            there = f"{pointer}/{escape(status)}"
            answer, _reference = self._references.resolve(value, there)
            lines = _ANSWER_LINES if status.startswith("2") else _FAULT_LINES
            found.append(
                {
                    "status": status[:20],
                    "note": text_of(answer.get("description"), 4000),
                    "headers": self._headers(answer.get("headers"), f"{there}/headers"),
                    "media": self._media(answer.get("content"), f"{there}/content", budget, lines, "writeOnly"),
                }
            )
        return found

    def _headers(self, headers: Any, pointer: str) -> list[dict[str, str]]:
        found = []
        for name, value in list(headers.items())[:30] if isinstance(headers, dict) else ():
            header, _reference = self._references.resolve(value, f"{pointer}/{escape(name)}")
            node = self._schemas.read(header.get("schema") or {}, pointer, Budget(2))
            found.append({"name": name[:120], "type": node["type"], "note": text_of(header.get("description"), 500)})
        return found

    def _media(self, content: Any, pointer: str, budget: Budgets, lines: int, hides: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        drawn: dict[str, str] = {}
        for kind, value in list(content.items())[:_MAX_MEDIA] if isinstance(content, dict) else ():
            there = f"{pointer}/{escape(kind)}"
            media, _reference = self._references.resolve(value, there)
            entry: dict[str, Any] = {"type": kind[:120]}
            schema = media.get("schema")
            # A document often repeats one schema for JSON, XML and forms: one tree says it for all of them.
            same = json.dumps(schema, sort_keys=True)
            if schema is not None and same in drawn:
                entry["same_as"] = drawn[same]
            elif schema is not None:
                drawn[same] = kind[:120]
                entry["schema"] = self._schemas.read(schema, f"{there}/schema", budget(lines), hides=hides)
            entry["examples"] = self._media_examples(media, kind, schema, there, hides)
            found.append(entry)
        return found

    def _media_examples(
        self, media: dict[str, Any], kind: str, schema: Any, pointer: str, hides: str
    ) -> list[dict[str, Any]]:
        given: list[tuple[str, Any]] = []
        if media.get("example") is not None:
            given.append(("", media["example"]))
        named = media.get("examples")
        for name, value in list(named.items())[:_MAX_EXAMPLES] if isinstance(named, dict) else ():
            example, _reference = self._references.resolve(value, f"{pointer}/examples/{escape(name)}")
            if "value" in example:
                given.append((line_of(example.get("summary")) or name, example["value"]))
        made = not given
        if made and schema is not None:
            given.append(("", self._examples.make(schema, hides=hides)))
        return [{"name": name[:120], "text": render(value, kind), "made_up": made} for name, value in given]
