"""Operations prepared for reading: everything one page shows, in one value of bounded size."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from portal.catalog.openapi import swagger2
from portal.catalog.openapi.contents import ContentReader
from portal.catalog.openapi.examples import ExampleMaker
from portal.catalog.openapi.parameters import ParameterReader
from portal.catalog.openapi.references import References, escape
from portal.catalog.openapi.schemas import Budget, SchemaReader
from portal.catalog.openapi.texts import free_slug, line_of, safe_link, text_of, words
from portal.catalog.openapi.types import PreparedOperation
from portal.catalog.types import METHODS

MAX_DETAIL_BYTES = 160_000
_MAX_PARAMETERS = 120
_LONGEST_TEXT = 20_000


class OperationReader:
    """Prepares the operations of one document. What cannot be shown is reported through `references`."""

    def __init__(self, tree: dict[str, Any], references: References, security: dict[str, Any]) -> None:
        self._tree, self._references, self._security = tree, references, security
        self._is_swagger = "swagger" in tree
        schemas = SchemaReader(references)
        examples = ExampleMaker(schemas)
        self._parameters = ParameterReader(references, schemas, examples)
        self._contents = ContentReader(references, schemas, examples)

    def read_all(self) -> list[PreparedOperation]:
        """Return every operation in the order of the document."""
        found: list[PreparedOperation] = []
        slugs: set[str] = set()
        for path, method, item, operation, pointer in self._operations():
            found.append(self._prepare(path, method, item, operation, pointer, slugs))
        return found

    def _operations(self) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any], str]]:
        paths = self._tree.get("paths")
        if not isinstance(paths, dict):
            if paths is not None:
                self._references.report("/paths", "An object was expected here.")
            return
        shapes: dict[tuple[str, str], str] = {}
        names: dict[str, str] = {}
        for path, value in paths.items():
            if path.startswith("x-"):
                continue
            pointer = f"/paths/{escape(path)}"
            if not path.startswith("/"):
                self._references.report(pointer, "A path starts with a slash.")
            item, _reference = self._references.resolve(value, pointer)
            for method in METHODS:
                if method not in item:
                    continue
                there = f"{pointer}/{method}"
                if not isinstance(item[method], dict):
                    self._references.report(there, "An object was expected here.")
                    continue
                self._note_twins(path, method, item[method], there, shapes, names)
                yield path, method, item, item[method], there

    def _note_twins(
        self,
        path: str,
        method: str,
        operation: dict[str, Any],
        pointer: str,
        shapes: dict[tuple[str, str], str],
        names: dict[str, str],
    ) -> None:
        shape = (re.sub(r"\{[^{}]*\}", "{}", path), method)
        if shape in shapes:
            message = f"This path and {shapes[shape][:200]} cannot be told apart when called."
            self._references.report(pointer, message)
        shapes.setdefault(shape, path)
        name = operation.get("operationId")
        if isinstance(name, str) and name:
            if name in names:
                self._references.report(f"{pointer}/operationId", f"{name[:120]!r} also names {names[name][:200]}.")
            names.setdefault(name, f"{method.upper()} {path}")

    def _prepare(
        self, path: str, method: str, item: dict[str, Any], operation: dict[str, Any], pointer: str, slugs: set[str]
    ) -> PreparedOperation:
        parameters = self._parameters.collect(path, item, operation, pointer)
        if self._is_swagger:
            operation, parameters = swagger2.operation(self._tree, operation, parameters, self._references)
        summary = line_of(operation.get("summary")) or line_of(operation.get("operationId"))
        detail = self._within_limits(path, method, operation, parameters, pointer)
        tags = operation.get("tags")
        names = [tag for tag in tags if isinstance(tag, str) and tag.strip()] if isinstance(tags, list) else []
        name = operation.get("operationId") if isinstance(operation.get("operationId"), str) else ""
        return PreparedOperation(
            slug=free_slug(name or f"{method} {path}", slugs),
            method=method,
            path=path[:2000],
            summary=summary[:300],
            tag=names[0].strip()[:100] if names else "",
            deprecated=operation.get("deprecated") is True,
            words=words(f"{method} {path} {summary} {name}"),
            detail=detail,
        )

    def _within_limits(
        self, path: str, method: str, operation: dict[str, Any], parameters: list[dict[str, Any]], pointer: str
    ) -> dict[str, Any]:
        for share in (1.0, 0.3, 0.08):
            detail, is_cut = self._detail(path, method, operation, parameters, pointer, share)
            size = len(json.dumps(detail, ensure_ascii=False).encode())
            if size <= MAX_DETAIL_BYTES:
                break
            is_cut = True
        else:
            detail = {key: detail[key] for key in ("operation_id", "security")} | {
                "description": detail["description"][:2000], "parameters": [], "responses": [], "body": None
            }  # fmt: skip
        if is_cut:
            detail["is_cut"] = True
            self._references.report(pointer, "Too large to show in full; the document download has all of it.")
        return detail

    def _detail(
        self,
        path: str,
        method: str,
        operation: dict[str, Any],
        parameters: list[dict[str, Any]],
        pointer: str,
        share: float,
    ) -> tuple[dict[str, Any], bool]:
        budgets: list[Budget] = []

        def budget(lines: int) -> Budget:
            budgets.append(Budget(max(4, int(lines * share))))
            return budgets[-1]

        external = operation.get("externalDocs")
        detail = {
            "operation_id": line_of(operation.get("operationId"))[:200],
            "description": text_of(operation.get("description"), int(_LONGEST_TEXT * share)),
            "security": self._security_of(operation),
            "parameters": [
                self._parameters.describe(entry, pointer) for entry in parameters[: int(_MAX_PARAMETERS * share)]
            ],
            "body": self._contents.body(operation.get("requestBody"), f"{pointer}/requestBody", budget),
            "responses": self._contents.responses(operation.get("responses"), f"{pointer}/responses", budget),
            "more_at": safe_link(external.get("url")) if isinstance(external, dict) else None,
        }
        is_cut = any(found.is_spent for found in budgets) or len(parameters) > _MAX_PARAMETERS * share
        return detail, is_cut

    def _security_of(self, operation: dict[str, Any]) -> list[list[dict[str, Any]]]:
        listed = operation.get("security", self._tree.get("security"))
        found = []
        for alternative in listed[:10] if isinstance(listed, list) else ():
            names = alternative.items() if isinstance(alternative, dict) else ()
            found.append([self._requirement(str(name), scopes) for name, scopes in names])
        return found

    def _requirement(self, name: str, scopes: Any) -> dict[str, Any]:
        listed = [str(scope)[:100] for scope in scopes[:30]] if isinstance(scopes, list) else []
        return {**self._security.get(name, {"kind": "unknown"}), "name": name[:100], "scopes": listed}
