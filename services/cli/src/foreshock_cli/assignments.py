"""`field=value` words into a protobuf message. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from foreshock_cli.exits import usage_error

_Descriptor = Any
_Field = Any
"""protobuf has two implementations of descriptors, with one interface and no common type."""


_WHOLE, _NATURAL, _NUMBER = "a whole number", "a whole number from 0 up", "a number"
WANTED = {
    FieldDescriptor.CPPTYPE_INT32: _WHOLE,
    FieldDescriptor.CPPTYPE_INT64: _WHOLE,
    FieldDescriptor.CPPTYPE_UINT32: _NATURAL,
    FieldDescriptor.CPPTYPE_UINT64: _NATURAL,
    FieldDescriptor.CPPTYPE_DOUBLE: _NUMBER,
    FieldDescriptor.CPPTYPE_FLOAT: _NUMBER,
    FieldDescriptor.CPPTYPE_BOOL: "true or false",
    FieldDescriptor.CPPTYPE_STRING: "text",
}


def apply(config: Message, words: Sequence[str]) -> list[str]:
    """Set fields of `config` from words such as thresholds.alert=0.7; return the field mask's paths.

    A repeated field takes a JSON list or words with commas between; `map.key=value` sets one key, `map.key=`
    removes it. Raises CommandError naming a field that does not exist or a value that does not fit.
    """
    paths = []
    for word in words:
        path, equals, text = word.partition("=")
        if not equals or not path:
            raise usage_error(f"{word!r} is not FIELD=VALUE", hint="for example thresholds.alert=0.7")
        paths.append(_assign(config, path, text))
    return list(dict.fromkeys(paths))


def fields_of(descriptor: _Descriptor, prefix: str = "") -> list[str]:
    """Return the paths of all fields, nested ones with dots; maps as name.KEY."""
    found = []
    for field in descriptor.fields:
        name = prefix + field.name
        if _is_map(field):
            found.append(f"{name}.KEY")
        elif field.message_type is not None and not field.is_repeated:
            found += fields_of(field.message_type, f"{name}.")
        else:
            found.append(name)
    return found


class _MisfitError(Exception):
    """A value that its field cannot hold; the message says what it holds."""


def _assign(config: Message, path: str, text: str) -> str:
    try:
        return _set(config, path, text)
    except KeyError as error:
        known = " ".join(fields_of(_descriptor(config)))
        raise usage_error(f"there is no field {path!r}", hint=f"fields: {known}") from error
    except _MisfitError as error:
        raise usage_error(f"{path}: {text!r} is not {error}") from error


def _set(message: Message, path: str, text: str) -> str:
    """Set one field; return its mask. Raises KeyError for an unknown field, _MisfitError for a bad value."""
    name, _, rest = path.partition(".")
    field: _Field = _descriptor(message).fields_by_name[name]
    if not rest:
        _replace(message, field, text)
        return name
    if _is_map(field):
        _set_key(getattr(message, name), field.message_type.fields_by_name["value"], rest, text)
        return name
    if field.message_type is None or field.is_repeated:
        raise KeyError(path)
    return f"{name}.{_set(getattr(message, name), rest, text)}"


def _set_key(entries: Any, value: _Field, rest: str, text: str) -> None:
    key, _, within = rest.partition(".") if value.message_type else (rest, "", "")
    if within:
        _set(entries[key], within, text)
        return
    entries.pop(key, None)
    if not text:
        return
    with _fitting(value):
        if value.message_type:
            json_format.Parse(text, entries[key])
        else:
            entries[key] = _value(value, text)


def _replace(message: Message, field: _Field, text: str) -> None:
    message.ClearField(field.name)
    if text or (_is_text(field) and not field.is_repeated):
        with _fitting(field):
            json_format.ParseDict({field.name: _value(field, text)}, message)


@contextmanager
def _fitting(field: _Field) -> Iterator[None]:
    try:
        yield
    except (json_format.ParseError, TypeError, ValueError) as error:
        raise _MisfitError(_wanted(field)) from error


def _wanted(field: _Field) -> str:
    if _is_map(field):
        return "a JSON object"
    words = "a JSON object" if field.message_type else WANTED.get(field.cpp_type, "a value of its type")
    return f"a list, each {words}" if field.is_repeated else words


def _value(field: _Field, text: str) -> Any:
    if field.is_repeated:
        if text.startswith(("[", "{")):
            return _json(text)
        return [_value_of(field, each) for each in text.split(",") if each]
    return _value_of(field, text)


def _value_of(field: _Field, text: str) -> Any:
    return text if _is_text(field) else _json(text)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _is_text(field: _Field) -> bool:
    return bool(field.type == FieldDescriptor.TYPE_STRING)


def _descriptor(message: Message) -> _Descriptor:
    return message.DESCRIPTOR


def _is_map(field: _Field) -> bool:
    kind = field.message_type
    return kind is not None and bool(kind.GetOptions().map_entry)
