"""Walks every hook and every public name."""

from __future__ import annotations

import inspect

import pytest

import foreshock_sdk
from foreshock_sdk.discovery import Plugins
from foreshock_sdk.errors import Ambiguous, Fatal, ForeshockError, FrameError, Rejected, Retryable
from foreshock_sdk.hookspecs import ForeshockSpecs

HOOKS = [name for name in vars(ForeshockSpecs) if name.startswith("foreshock_")]


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_documented_and_implemented(name: str) -> None:
    assert inspect.getdoc(getattr(ForeshockSpecs, name))
    plugins = Plugins()
    assert getattr(plugins._manager.hook, name).get_hookimpls()


@pytest.mark.parametrize("name", foreshock_sdk.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    thing = getattr(foreshock_sdk, name)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert inspect.getdoc(thing)


@pytest.mark.parametrize("kind", [Ambiguous, Fatal, FrameError, Rejected, Retryable])
def test_errors_have_one_base(kind: type[Exception]) -> None:
    assert issubclass(kind, ForeshockError)
