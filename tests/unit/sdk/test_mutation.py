from __future__ import annotations

import msgspec

from foreshock_sdk.mutation import NONSENSE, Dice, damaged, variants

FRAME = '{"a":{"b":[1,{"c":"x"}]},"d":2}'


def test_damage_is_reproducible() -> None:
    assert [damaged(FRAME, Dice(5)) for _ in range(2)] == [damaged(FRAME, Dice(5))] * 2
    assert damaged(FRAME, Dice(5)) != damaged(FRAME, Dice(6))


def test_dice_reach_every_face() -> None:
    dice = Dice(1)
    assert {dice.below(6) for _ in range(500)} == set(range(6))


def test_even_nothing_can_be_damaged() -> None:
    dice = Dice(3)
    assert all(isinstance(damaged("", dice), bytes) for _ in range(50))


def test_every_value_is_replaced_and_every_key_left_out_in_turn() -> None:
    made = list(variants(FRAME))
    places, keys = 6, 4
    assert len(made) == places * len(NONSENSE) + keys
    decoded = [msgspec.json.decode(each) for each in made]
    assert {"a": {"b": [1, {"c": "x"}]}} in decoded
    assert {"a": {"b": [1, {}]}, "d": 2} in decoded
    assert {"a": {"b": [1, {"c": "币安"}]}, "d": 2} in decoded
