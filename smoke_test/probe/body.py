"""Whether a body is the smoke test's: JSON, and the two keys and values of the contract."""

import json
from typing import Any

from smoke_test.contract import BODY

_WANTED = json.loads(BODY)


def parse(body: bytes) -> Any:
    """Return the JSON, ValueError where it is none: no UTF-8, a key twice, NaN, too deep."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in found]
        if len(set(keys)) < len(keys):
            raise ValueError("a key stands in it twice")
        return dict(found)

    def constant(name: str) -> Any:
        raise ValueError(f"{name} is none of its values")

    if not body:
        raise ValueError("it is empty")
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(error.msg) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def difference(body: Any) -> str | None:
    """Return what of the body differs from the contract first, None where nothing does."""
    if not isinstance(body, dict):
        return f"the body is a {type(body).__name__}, wanted an object"
    for key, wanted in _WANTED.items():
        if key not in body:
            return f"the key {key!r} is missing"
        if body[key] != wanted:
            return f"{key!r} is {body[key]!r}, wanted {wanted!r}"
    extra = next((key for key in body if key not in _WANTED), None)
    return None if extra is None else f"the key {extra!r} is not of the contract"
