"""Which column of a bill says what, by the names that consoles give them in the languages that they speak (pure)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# Likeliest first, as `plain_name` spells them. Google's cost is before its credits, which ours knows nothing of either.
DAY = (
    *("usage start time", "usage start date", "start time", "start time iso", "starting at", "start date"),
    *("date", "day", "usage date", "usage date utc", "date utc", "timestamp", "datetime", "time"),
    *("created at", "created", "start", "nutzungsbeginn", "startdatum der nutzung", "datum", "tag"),
    *("date de debut de l'utilisation", "date de debut d'utilisation", "jour", "fecha", "dia"),
    *("fecha de inicio de uso", "fecha de inicio del uso", "data", "giorno", "data inizio utilizzo"),
    *(
        "data de inicio do uso",
        "data de inicio da utilizacao",
        "日付",
        "日期",
        "使用開始日",
        "使用开始日期",
        "날짜",
    ),
)
MODEL = (
    *("sku description", "model", "model permaslug", "model id", "model name", "model version", "line item"),
    *("sku", "description", "sku beschreibung", "modell", "beschreibung", "modele", "description du sku"),
    *("modelo", "descripcion de sku", "descripcion del sku", "descripcion", "modello", "descrizione sku"),
    *("descricao da sku", "descricao do sku", "モデル", "sku の説明", "模型", "sku 说明", "모델"),
)
COST = (
    *(
        "cost usd",
        "cost in usd",
        "total cost usd",
        "cost",
        "cost total",
        "total cost",
        "amount usd",
        "amount",
    ),
    *("amount value", "usd", "net cost", "total", "spend", "charge", "usage"),
    *("cost cents", "cost in cents", "amount cents", "amount in cents", "kosten", "betrag", "cout", "couts"),
    *("montant", "costo", "coste", "importe", "costi", "importo", "custo", "valor"),
    *("費用", "料金", "コスト", "费用", "成本", "金额", "비용"),
)
# Of one unit, as likely as not.
PRICE = (
    "price",
    "unit price",
    "price per unit",
    "rate",
    "preis",
    "einzelpreis",
    "prix",
    "precio",
    "prezzo",
    "preco",
)
UNIT = ("token type", "usage type", "cost type", "usage unit", "unit", "type")
CURRENCY = (
    *(
        "currency",
        "amount currency",
        "cost currency",
        "currency code",
        "billing currency",
        "pricing currency",
    ),
    *(
        "invoice currency",
        "currency iso",
        "wahrung",
        "abrechnungswahrung",
        "devise",
        "moneda",
        "valuta",
        "moeda",
    ),
)
# With a key of the person's own at the vendor behind a gateway, what that vendor took comes on top of the cost.
UPSTREAM = ("byok usage inference",)

_CODE = re.compile(
    r"\b(?!USD)(?:EUR|GBP|JPY|CNY|RMB|INR|CHF|CAD|AUD|SEK|BRL|KRW|NZD|SGD|HKD|NOK|DKK|PLN|MXN)\b"
)
_SIGN = re.compile(r"[€£¥₹₩₽]|(?<![A-Za-z])(?:C|CA|A|AU|NZ|HK|S|R|MX)\$")
_DOLLARS = frozenset({"", "USD", "$", "US$", "US DOLLAR", "US DOLLARS", "DOLLAR", "DOLLARS"})


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each is in a line, None where the table has no such column. `cents`: amounts are in cents.

    `foreign` is the currency that the name of the cost's column has, where that is not the dollar. `price` is the name
    of a column that may be a unit's price, where no other column is the cost beyond doubt.
    """

    day: int | None
    model: int | None
    cost: int | None
    unit: int | None
    currency: int | None
    upstream: int | None
    cents: bool
    foreign: str
    price: str

    @property
    def missing(self) -> tuple[str, ...]:
        told = (("the day", self.day), ("the model", self.model), ("the cost", self.cost))
        return tuple(word for word, at in told if at is None)


def columns(names: Sequence[str]) -> Columns:
    """Return where the columns are; of those with the same name the first is taken (`bill_twins` says if it may be)."""
    plain = [plain_name(name) for name in names]

    def at(known: Sequence[str]) -> int | None:
        return next((plain.index(name) for name in known if name in plain), None)

    cost, price = at(COST), at(PRICE)
    # What was used at a price is an amount of it, and no cost.
    if price is not None and cost is not None and plain[cost] == "usage":
        cost = None
    return Columns(
        day=at(DAY),
        model=at(MODEL),
        cost=cost,
        unit=at(UNIT),
        currency=at(CURRENCY),
        upstream=at(UPSTREAM),
        cents=cost is not None and plain[cost].endswith("cents"),
        foreign="" if cost is None else foreign_currency(names[cost]),
        price="" if price is None or cost is not None else names[price].strip(),
    )


def plain_name(name: str) -> str:
    """Return a column's name without its brackets, accents, capitals and marks between words."""
    text = unicodedata.normalize("NFKD", name.replace("’", "'")).lower()
    bare = re.sub(r"\(([^)]*)\)", lambda found: " cents" if "cent" in found[1] else " ", text)
    kept = "".join(each for each in bare if not unicodedata.combining(each) or each in "\u3099\u309a")
    words = re.sub(r"[\s_.\-:#$€£¥]+", " ", kept).strip().removesuffix(" eur").removesuffix(" gbp")
    return unicodedata.normalize("NFC", words)


def foreign_currency(text: str) -> str:
    """Return the currency that an amount or a name has beside it, empty where that is the dollar or none."""
    found = _SIGN.search(text) or _CODE.search(text.upper().replace("_", " "))
    return found[0] if found else ""


def is_dollar(currency: str) -> bool:
    """Whether a cell that names the currency names the dollar of the United States, or nothing."""
    return " ".join(currency.upper().split()) in _DOLLARS
