"""Frames of the venue: a short that died, as sent on 2026-04-20, and a long, written from the venue's schema.

The second has the price and size of the documentation's trade of 2024-07-30.
"""

from __future__ import annotations

SHORT = """
{
 "type": "update/trade",
 "channel": "trade:1",
 "nonce": 10380968790,
 "trades": [],
 "liquidation_trades": [
  {
   "trade_id": 18237797923,
   "trade_id_str": "18237797923",
   "tx_hash": "00000011bcbd1dfc0000019daad62ecd000000000000000000000000000000000000000000000000",
   "type": "liquidation",
   "market_id": 1,
   "size": "0.01664",
   "price": "75602.8",
   "usd_amount": "1258.030592",
   "ask_id": 562952080068427,
   "ask_id_str": "562952080068427",
   "bid_id": 844422775101621,
   "bid_id_str": "844422775101621",
   "ask_client_id": 177668765669007,
   "ask_client_id_str": "177668765669007",
   "bid_client_id": 0,
   "bid_client_id_str": "0",
   "ask_account_id": 281474976626509,
   "bid_account_id": 281474976600615,
   "is_maker_ask": true,
   "block_height": 218829719,
   "timestamp": 1776687656653,
   "taker_fee": 10000,
   "taker_position_size_before": "-0.01664",
   "taker_entry_quote_before": "1247.585664",
   "taker_initial_margin_fraction_before": 200,
   "taker_position_sign_changed": true,
   "maker_fee": 39,
   "maker_position_size_before": "-0.00015",
   "maker_entry_quote_before": "11.282089",
   "maker_initial_margin_fraction_before": 200,
   "transaction_time": 1776687656681222,
   "taker_allocated_margin_usdc_before": 25585360
  }
 ]
}
"""
LONG = """
{
 "type": "update/trade",
 "channel": "trade:0",
 "trades": [],
 "liquidation_trades": [
  {
   "trade_id": 14035052,
   "type": "liquidation",
   "market_id": 0,
   "size": "0.1187",
   "price": "3335.65",
   "usd_amount": "395.941655",
   "is_maker_ask": false,
   "block_height": 2204468,
   "timestamp": 1722339648000,
   "taker_position_size_before": "0.25"
  }
 ]
}
"""
