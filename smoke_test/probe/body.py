"""Whether a body matches the contract: JSON with exactly its two keys and values."""

import json
from typing import Any

from smoke_test.contract import BODY

_EXPECTED = json.loads(BODY)


def parse(body: bytes) -> Any:
    """Return the JSON value; ValueError for bad UTF-8, a repeated key, NaN or deep nesting."""

    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            raise ValueError("a key occurs twice")
        return dict(pairs)

    def reject_constant(name: str) -> Any:
        raise ValueError(f"{name} is not a JSON value")

    if not body:
        raise ValueError("it is empty")
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=without_duplicates,
            parse_constant=reject_constant,
        )
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(error.msg) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def difference(body: Any) -> str | None:
    """Return the first difference from the contract, None if there is none."""
    if not isinstance(body, dict):
        return f"the body is a {type(body).__name__}, expected an object"
    for key, expected in _EXPECTED.items():
        if key not in body:
            return f"the key {key!r} is missing"
        if body[key] != expected:
            return f"{key!r} is {body[key]!r}, expected {expected!r}"
    extra = next((key for key in body if key not in _EXPECTED), None)
    return None if extra is None else f"the key {extra!r} is not part of the contract"
