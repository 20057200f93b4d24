"""Frames of the venue, unpacked: a long that died, as sent on 2020-12-17, and a short, as sent on 2026-09-18."""

from __future__ import annotations

LONG = (
    '{"op":"notify","topic":"public.BTC-USDT.liquidation_orders","ts":1608226502344,"data":[{"symbol":"BTC",'
    '"contract_code":"BTC-USDT","direction":"sell","offset":"close","volume":227,"price":23350.5,'
    '"created_at":1608226502284,"amount":0.227,"trade_turnover":5300.5635}]}'
)
SHORT = (
    '{"op":"notify","topic":"public.ETH-USDT.liquidation_orders","ts":1789670297217,"data":[{"symbol":"ETH",'
    '"contract_code":"ETH-USDT","direction":"buy","offset":"close","volume":500,"price":2446.26,'
    '"created_at":1789670297212,"amount":5,"trade_turnover":12231.3,"contract_type":"swap","pair":"ETH-USDT",'
    '"business_type":"swap","trade_partition":"USDT"}]}'
)
