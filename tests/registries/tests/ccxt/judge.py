"""ccxt's real Binance client against the simulated exchange, one session a run.

usage: judge.py SESSION URL

Only the addresses and the clock are ours: requests, signatures, parsing and error classes are ccxt's.
"""

import sys
import urllib.request
from decimal import Decimal

import ccxt

SYMBOL = "BTC/USDT"


class Court:
    """What the judge does to the exchange's world."""

    def __init__(self, url):
        self.url = url

    def order(self, what):
        with urllib.request.urlopen(f"{self.url}/judge/{what}") as answer:
            return int(answer.read())

    def client(self, key="trade-key", secret="trade-secret"):
        client = ccxt.binance({
            "apiKey": key,
            "secret": secret,
            "enableRateLimit": False,
            "options": {
                "defaultType": "spot",
                "fetchMarkets": {"types": ["spot"]},
                # Both ask margin and wallet endpoints, which no function of ours uses.
                "fetchCurrencies": False,
                "fetchMargins": False,
            },
        })
        client.urls["api"] = dict(
            client.urls["api"],
            public=f"{self.url}/api/v3",
            private=f"{self.url}/api/v3",
            sapi=f"{self.url}/sapi/v1",
        )
        client.milliseconds = lambda: self.order("now")
        return client


def same(found, wanted, what=""):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, wanted {wanted!r}")


def has(found, **wanted):
    """The unified fields of an order, trade or balance; numbers are compared exactly, by their spelling."""
    for name, value in wanted.items():
        field = found[name]
        if isinstance(value, str) and isinstance(field, (int, float)):
            same(Decimal(repr(field)), Decimal(value), name)
        else:
            same(field, value, name)


def fee(found, cost, currency):
    same((Decimal(repr(found["cost"])), found["currency"]), (Decimal(cost), currency), "fee")


def refused(error, call, shows=""):
    """The call fails with exactly this class, and shows what the exchange said: a code where ccxt goes by the
    code, else the text."""
    try:
        answer = call()
    except ccxt.BaseError as raised:
        same(type(raised), error, f"class of {raised}")
        if shows not in str(raised):
            raise AssertionError(f"{raised} does not show {shows}")
        return raised
    raise AssertionError(f"wanted {error.__name__}, was answered {answer!r}")


def markets(court):
    client = court.client()
    market = client.load_markets()[SYMBOL]
    raw = client.publicGetExchangeInfo()["symbols"][0]
    filters = {one["filterType"]: one for one in raw["filters"]}
    price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    market_lot, notional = filters["MARKET_LOT_SIZE"], filters["NOTIONAL"]
    same(client.precisionMode, ccxt.TICK_SIZE)
    has(market, id="BTCUSDT", base="BTC", quote="USDT", active=True, spot=True, margin=False, swap=False)
    has(market["precision"], price=price["tickSize"], amount=lot["stepSize"])
    limits = market["limits"]
    has(limits["price"], min=price["minPrice"], max=price["maxPrice"])
    has(limits["amount"], min=lot["minQty"], max=lot["maxQty"])
    has(limits["market"], min=market_lot["minQty"], max=market_lot["maxQty"])
    has(limits["cost"], min=notional["minNotional"], max=notional["maxNotional"])
    # ccxt keeps the filters as they came: the names that Binance documents for each.
    same(sorted(price), ["filterType", "maxPrice", "minPrice", "tickSize"])
    same(sorted(lot), ["filterType", "maxQty", "minQty", "stepSize"])
    same(sorted(notional), [
        "applyMaxToMarket", "applyMinToMarket", "avgPriceMins", "filterType", "maxNotional", "minNotional",
    ])
    book = client.fetch_bids_asks([SYMBOL])[SYMBOL]
    has(book, bid="19999", ask="20001")
    court.order("minutes/3")
    bars = client.fetch_ohlcv(SYMBOL, "1m", limit=2)
    same([bar[1:5] for bar in bars][-2:], [[20000.0, 20000.0, 18900.0, 19000.0], [19000.0] * 4])
    court.order("halt")
    same(client.load_markets(True)[SYMBOL]["active"], False)


def rounding(court):
    """What ccxt makes of any number by the filters it parsed, the exchange takes."""
    client = court.client()
    client.load_markets()
    for amount, price in [(0.123456789, 15_000.129), (0.00099999, 19_000.001), (0.5, 12_345.678)]:
        order = client.create_order(SYMBOL, "limit", "buy", amount, price)
        has(order, amount=client.amount_to_precision(SYMBOL, amount), price=client.price_to_precision(SYMBOL, price))
        client.cancel_order(order["id"], SYMBOL)


def balances(court):
    client = court.client()
    client.load_markets()
    has(client.fetch_balance()["USDT"], free="10000", used="0", total="10000")
    client.create_order(SYMBOL, "limit", "buy", 0.1, 15_000)
    client.create_order(SYMBOL, "limit", "sell", 0.25, 25_000)
    balance = client.fetch_balance()
    has(balance["USDT"], free="8500", used="1500", total="10000")
    has(balance["BTC"], free="0.75", used="0.25", total="1")
    has(balance["BNB"], free="1", used="0", total="1")
    has(balance["info"], accountType="SPOT", canTrade=True, permissions=["SPOT"])
    reader = court.client(key="read-key")
    has(reader.fetch_balance()["BTC"], total="1")


def market_orders(court):
    client = court.client()
    client.load_markets()
    court.order("fees-in-bnb/off")
    bought = client.create_order(SYMBOL, "market", "buy", 0.01, None, {"newClientOrderId": "first"})
    has(bought, clientOrderId="first", symbol=SYMBOL, type="market", side="buy", status="closed", amount="0.01",
        filled="0.01", remaining="0", average="20001", cost="200.01")
    fee(bought["fee"], "0.00001", "BTC")
    same(len(bought["trades"]), 1)
    sold = client.create_order(SYMBOL, "market", "sell", 0.01)
    has(sold, side="sell", status="closed", average="19999", cost="199.99")
    fee(sold["fee"], "0.19999", "USDT")
    court.order("fees-in-bnb/on")
    third = client.create_order(SYMBOL, "market", "buy", 0.01)
    same(third["fee"]["currency"], "BNB")
    # 0.075 % of 200.01 at 300 USDT for a BNB, rounded half up to eight places: 0.000500025.
    same(Decimal(repr(third["fee"]["cost"])), Decimal("0.00050003"), "fee in BNB")
    trades = client.fetch_my_trades(SYMBOL)
    same([(one["side"], one["takerOrMaker"], one["fee"]["currency"]) for one in trades],
         [("buy", "taker", "BTC"), ("sell", "taker", "USDT"), ("buy", "taker", "BNB")])
    same([one["order"] for one in trades], [bought["id"], sold["id"], third["id"]])
    same([one["id"] for one in client.fetch_order_trades(bought["id"], SYMBOL)], [trades[0]["id"]])
    found = client.fetch_order(bought["id"], SYMBOL)
    has(found, status="closed", filled="0.01", cost="200.01", average="20001")
    by_name = client.fetch_order(None, SYMBOL, {"origClientOrderId": "first"})
    same(by_name["id"], bought["id"])
    # By what it costs, which breaks no step.
    spent = client.create_market_buy_order_with_cost(SYMBOL, 50)
    has(spent, status="closed", filled="0.00249")
    # More than the minute has to give: what is left expires, what was filled stands.
    huge = client.create_order(SYMBOL, "market", "sell", 0.9)
    has(huge, status="closed", filled="0.9")


def limit_orders(court):
    client = court.client()
    client.load_markets()
    placed = client.create_order(SYMBOL, "limit", "buy", 0.02, 19_500, {"newClientOrderId": "rests"})
    has(placed, status="open", type="limit", timeInForce="GTC", price="19500", amount="0.02", filled="0",
        remaining="0.02", postOnly=False)
    maker = client.create_order(SYMBOL, "limit", "buy", 0.02, 19_400, {"postOnly": True})
    has(maker, status="open", postOnly=True)
    same([one["id"] for one in client.fetch_open_orders(SYMBOL)], [placed["id"], maker["id"]])
    cancelled = client.cancel_order(maker["id"], SYMBOL)
    has(cancelled, id=maker["id"], status="canceled", filled="0")
    by_name = client.cancel_order(None, SYMBOL, {"origClientOrderId": "rests"})
    has(by_name, id=placed["id"], status="canceled")
    # As at Binance, the answer's clientOrderId is the cancel's own.
    has(by_name["info"], origClientOrderId="rests")
    same(client.fetch_open_orders(SYMBOL), [])
    has(client.fetch_order(placed["id"], SYMBOL), status="canceled", filled="0", remaining="0.02")
    at_once = client.create_order(SYMBOL, "limit", "buy", 0.02, 20_100, {"timeInForce": "IOC"})
    has(at_once, status="closed", timeInForce="IOC", filled="0.02", average="20001")
    never = client.create_order(SYMBOL, "limit", "buy", 0.02, 19_900, {"timeInForce": "IOC"})
    has(never, status="expired", filled="0")
    whole = client.create_order(SYMBOL, "limit", "buy", 0.02, 19_900, {"timeInForce": "FOK"})
    has(whole, status="expired", filled="0")
    client.create_order(SYMBOL, "limit", "buy", 0.02, 19_995, {"newClientOrderId": "fills"})
    court.order("minutes/1")
    filled = client.fetch_order(None, SYMBOL, {"origClientOrderId": "fills"})
    has(filled, status="closed", filled="0.02", average="19995")
    same(client.fetch_my_trades(SYMBOL)[-1]["takerOrMaker"], "maker")
    client.create_order(SYMBOL, "limit", "buy", 0.02, 15_000)
    client.create_order(SYMBOL, "limit", "buy", 0.02, 15_001)
    same([one["status"] for one in client.cancel_all_orders(SYMBOL)], ["canceled"] * 2)
    same({one["status"] for one in client.fetch_orders(SYMBOL)}, {"canceled", "closed", "expired"})
    edited = client.create_order(SYMBOL, "limit", "buy", 0.02, 15_000)
    replaced = client.edit_order(edited["id"], SYMBOL, "limit", "buy", 0.03, 15_100)
    has(replaced, status="open", amount="0.03", price="15100")
    same([one["id"] for one in client.fetch_open_orders(SYMBOL)], [replaced["id"]])


def stops(court):
    client = court.client()
    client.load_markets()
    stop = client.create_order(SYMBOL, "limit", "sell", 0.1, 19_300, {"stopLossPrice": 19_500})
    profit = client.create_order(SYMBOL, "limit", "sell", 0.2, 21_000, {"takeProfitPrice": 20_900})
    at_market = client.create_order(SYMBOL, "market", "sell", 0.3, None, {"stopLossPrice": 19_400})
    take = client.create_order(SYMBOL, "market", "sell", 0.05, None, {"takeProfitPrice": 21_200})
    named = [one["info"]["type"] for one in client.fetch_open_orders(SYMBOL)]
    same(named, ["STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT", "STOP_LOSS", "TAKE_PROFIT"])
    resting = client.fetch_order(stop["id"], SYMBOL)
    has(resting, status="open", type="limit", price="19300", triggerPrice="19500", filled="0", remaining="0.1")
    has(resting["info"], isWorking=False)
    has(client.fetch_balance()["BTC"], used="0.65")
    refused(ccxt.OrderImmediatelyFillable,
            lambda: client.create_order(SYMBOL, "limit", "sell", 0.1, 20_100, {"stopLossPrice": 20_200}),
            "Order would trigger immediately.")
    entry = client.create_order(SYMBOL, "STOP_LOSS_LIMIT", "buy", 0.01, 21_450, {"triggerPrice": 21_300})
    # Five orders that wait for a price are all that a symbol takes.
    refused(ccxt.BadRequest,
                    lambda: client.create_order(SYMBOL, "limit", "sell", 0.1, 18_000, {"stopLossPrice": 18_100}), "Filter failure: MAX_NUM_ALGO_ORDERS")
    court.order("minutes/3")
    has(client.fetch_order(stop["id"], SYMBOL), status="closed", filled="0.1")
    has(client.fetch_order(at_market["id"], SYMBOL), status="closed", filled="0.3")
    has(client.fetch_order(profit["id"], SYMBOL), status="open", filled="0")
    court.order("minutes/1")
    has(client.fetch_order(profit["id"], SYMBOL), status="closed", filled="0.2")
    has(client.fetch_order(take["id"], SYMBOL), status="closed", filled="0.05")
    has(client.fetch_order(entry["id"], SYMBOL), status="closed", filled="0.01")
    sold = sum(Decimal(repr(one["amount"])) for one in client.fetch_my_trades(SYMBOL) if one["side"] == "sell")
    same(sold, Decimal("0.65"))


def refusals(court):
    client = court.client()
    client.load_markets()

    def raw(**params):
        """Past ccxt's own rounding, as a client with stale filters would send it."""
        params = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", **params}
        return lambda: client.privatePostOrder(params)

    refused(ccxt.InvalidOrder, raw(quantity="0.000015", price="19000"), "Filter failure: LOT_SIZE")
    refused(ccxt.InvalidOrder, raw(quantity="0.01", price="19000.001"), "Filter failure: PRICE_FILTER")
    # ccxt knows the two filters above by name, the others by their code alone.
    refused(ccxt.BadRequest, raw(quantity="0.0001", price="19000"), "Filter failure: NOTIONAL")
    refused(ccxt.InvalidOrder, raw(quantity="0.01", price="200000"), "Filter failure: PERCENT_PRICE_BY_SIDE")
    # Of its own accord ccxt sends none of these: it parsed the same limits.
    refused(ccxt.InvalidOrder, lambda: client.create_order(SYMBOL, "limit", "buy", 0.000001, 19_000))
    refused(ccxt.InsufficientFunds, lambda: client.create_order(SYMBOL, "limit", "buy", 1, 19_000), "insufficient balance")
    refused(ccxt.InsufficientFunds, lambda: client.create_order(SYMBOL, "market", "sell", 2), "insufficient balance")
    refused(ccxt.OrderNotFound, lambda: client.cancel_order("77", SYMBOL), "-2011")
    refused(ccxt.OrderNotFound, lambda: client.fetch_order("77", SYMBOL), "-2013")
    unknown = {"symbol": "NOSUCH", "orderId": 1}
    refused(ccxt.BadSymbol, lambda: client.privateGetOrder(unknown), "-1121")
    refused(ccxt.BadSymbol, lambda: client.create_order("NO/SUCH", "market", "buy", 1))
    client.create_order(SYMBOL, "limit", "buy", 0.01, 15_000, {"newClientOrderId": "twice"})
    refused(ccxt.InvalidOrder,
            lambda: client.create_order(SYMBOL, "limit", "buy", 0.01, 15_000, {"newClientOrderId": "twice"}),
            "Duplicate order sent.")
    refused(ccxt.OrderImmediatelyFillable,
            lambda: client.create_order(SYMBOL, "limit", "buy", 0.01, 20_100, {"postOnly": True}),
            "Order would immediately match and take.")
    refused(ccxt.BadRequest, raw(quantity="0.01"), "-1102")
    refused(ccxt.BadRequest, raw(quantity="0.01", price="19000", side="HOLD"), "-1117")
    refused(ccxt.BadRequest, raw(quantity="abc", price="19000"), "-1100")
    refused(ccxt.BadRequest, lambda: client.privatePostOrder({
        "symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "timeInForce": "GTC"}), "-1106")
    court.order("halt")
    refused(ccxt.MarketClosed, lambda: client.create_order(SYMBOL, "market", "buy", 0.01))


def keys(court):
    good = court.client()
    good.load_markets()
    refused(ccxt.AuthenticationError, lambda: court.client(key="stranger").fetch_balance(), "-2015")
    refused(ccxt.AuthenticationError, lambda: court.client(secret="wrong").fetch_balance(), "-1022")
    reader = court.client(key="read-key")
    reader.load_markets()
    refused(ccxt.AuthenticationError, lambda: reader.create_order(SYMBOL, "market", "buy", 0.01), "-2015")
    court.order("skew/-2000")
    refused(ccxt.InvalidNonce, good.fetch_balance, "-1021")
    court.order("skew/20000")
    refused(ccxt.InvalidNonce, good.fetch_balance, "-1021")
    # ccxt's own resynchronisation heals it.
    good.load_time_difference()
    has(good.fetch_balance()["BTC"], total="1")
    rights = good.sapiGetAccountApiRestrictions()
    has(rights, enableReading=True, enableSpotAndMarginTrading=True, enableWithdrawals=False)


def limits(court):
    client = court.client()
    client.load_markets()
    same(client.last_response_headers["X-Mbx-Used-Weight-1m"], "20")
    # 6000 in a minute: 300 times 20 is one too many after loading the markets.
    for _ in range(299):
        client.publicGetExchangeInfo()
    refused(ccxt.DDoSProtection, client.publicGetExchangeInfo, "-1003")
    same(client.last_response_headers["Retry-After"], "60")
    banned = refused(ccxt.DDoSProtection, client.publicGetPing, "-1003")
    same("418" in str(banned), True, banned)
    same(client.last_response_headers["Retry-After"], "120")


SESSIONS = [markets, rounding, balances, market_orders, limit_orders, stops, refusals, keys, limits]

if __name__ == "__main__":
    name, url = sys.argv[1:]
    {one.__name__: one for one in SESSIONS}[name](Court(url))
