"""Questions that are never answered from similar ones: their answer changes with time, or is one person's own."""

import itertools
import re
import unicodedata


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FRESH = _set(
    """today todays tonight tomorrow yesterday now currently current nowadays latest newest recent recently breaking
    upcoming ongoing trending forecast weather stock stocks price prices
    score scores news headline headlines traffic schedule timetable showtimes standings lineup availability
    available
    heute gestern morgen jetzt aktuell aktuelle aktueller aktuellen aktuelles neueste neuesten neuester derzeit momentan
    gerade wetter preis preise kurs kurse nachrichten
    aujourd'hui aujourdhui hier demain maintenant actuel actuelle actuels actuellement dernier dernière dernières récent
    récemment météo prix cours nouvelles actualité actualités
    hoy ayer mañana ahora actual actualmente actuales último última últimos últimas reciente recientemente clima tiempo
    precio precios noticias cotización
    oggi ieri domani adesso ora attuale attualmente ultimo ultima ultime recente meteo prezzo prezzi notizie
    hoje ontem amanhã agora atual atualmente últimas preço preços notícias
    vandaag gisteren nu momenteel actueel laatste nieuws weer prijs
    сегодня сейчас вчера завтра погода новости цена курс последние
    今日 今天 现在 現在 最新 天気 天气 明日 明天 昨日 昨天 株価 股价 ニュース 新闻 价格 価格
    오늘 지금 현재 최신 날씨 내일 어제 뉴스 가격
    اليوم الآن أحدث طقس आज अभी मौसम dziś dzisiaj teraz pogoda bugün şimdi hava"""
)
"""Words that ask for what may be another thing tomorrow."""

_FRESH_PHRASES = (
    "exchange rate", "interest rate", "mortgage rate", "live score", "temperature in", "temperature outside",
    "how warm is it",
    "this week", "this month", "this year", "this morning", "this afternoon", "this evening", "this weekend",
    "right now",
    "at the moment", "as of", "so far", "up to date", "up-to-date", "what time is it", "what day is it",
    "what date is it",
    "who is the president", "who is the prime minister", "who is the ceo", "next week", "next month", "last night",
    "last week", "these days", "in stock", "still open", "open now", "near me", "next train", "next bus", "next flight",
    "next game", "next match", "whats new", "what's new", "how long ago", "how old is", "days until", "days left",
    "who won the last", "diese woche", "diesen monat", "dieses jahr", "wie spät", "wie viel uhr", "cette semaine",
    "ce mois", "cette année", "quelle heure", "esta semana", "este mes", "este año", "qué hora", "questa settimana",
    "questo mese", "che ore", "che ora",
)  # fmt: skip
"""The same in several words."""

_OWN = _set(
    """account balance order orders invoice invoices bill bills payment payments salary payslip appointment appointments
    calendar meeting meetings inbox email emails e-mail mailbox message messages address flight flights booking bookings
    reservation reservations ticket tickets package parcel shipment subscription contract prescription diagnosis
    symptoms
    medication medicine results grades transcript portfolio transactions transaction mortgage loan claim case visa
    passport
    birthday boss manager wife husband girlfriend boyfriend partner daughter son mother father mom dad brother
    sister doctor
    landlord tenant lawyer neighbor neighbour employer ex blood health illness pregnancy disability weight height
    age income
    taxes tax debt usage history location home house apartment ssn iban pin
    konto kontostand bestellung rechnung gehalt termin termine adresse vertrag frau mann tochter sohn mutter vater arzt
    compte commande facture salaire rendez-vous adresse femme mari fille fils médecin
    cuenta pedido factura salario cita dirección mujer marido hija hijo médico
    conto ordine fattura stipendio appuntamento indirizzo moglie marito figlia figlio medico"""
)
"""What belongs to whoever says "my" before it, and is nobody else's business."""

_MY = _set(
    """my our mine mein meine meinen meinem meiner unser unsere
    mon ma mes notre nos mi mis nuestro nuestra mio mia miei"""
)

_PERSONAL_PHRASES = (
    "my name is", "my name's", "i am called", "i'm called", "my password is", "years old", "i live in", "i live at",
    "i was born", "i work at", "i work for", "i've been diagnosed", "i was diagnosed", "i have diabetes",
    "i am pregnant",
    "i'm pregnant", "i suffer from", "i earn", "my phone number", "my number is", "remember that i", "about me",
    "who am i", "did i ", "have i ", "was i ", "am i ", "do i owe", "i ordered", "i bought", "i booked", "i paid",
    "ich heiße", "ich bin", "ich wohne", "mein name", "je m'appelle", "j'habite", "je suis", "me llamo", "vivo en",
    "mi chiamo", "abito a",
)  # fmt: skip
"""How people tell of themselves, and ask about it."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # noqa: RUF001  (the apostrophe that phones type)
_ADDRESS = re.compile(r"[^\s@]@[^\s@]{1,255}\.[^\s@.]")
_SAID = re.compile(r"\d(?:[ ().-]?\d){6,}")
"""Seven digits and more, whatever separates them, are some number of a person's."""
_IDEOGRAPHS = tuple(one for one in _FRESH if ord(one[0]) >= 0x3040)

_FRESH_LINES, _PERSONAL_LINES = (
    tuple(f" {phrase.strip().casefold()} " for phrase in phrases) for phrases in (_FRESH_PHRASES, _PERSONAL_PHRASES)
)


def passing(text: str) -> str:
    """Why a question is none to be answered from a similar one: "freshness" or "personal"; empty for neither."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")  # noqa: RUF001  (as above)
    found = _WORD.findall(folded)
    whole = [word.removesuffix("'s") for word in found]
    if not _FRESH.isdisjoint(whole) or any(one in folded for one in _IDEOGRAPHS):
        return "freshness"
    line = f" {' '.join(found)} {' '.join(whole)} "
    if any(phrase in line for phrase in _FRESH_LINES):
        return "freshness"
    if _ADDRESS.search(folded) or _SAID.search(folded):
        return "personal"
    if any(phrase in line for phrase in _PERSONAL_LINES):
        return "personal"
    behind = (*itertools.pairwise(whole), *zip(whole, whole[2:], strict=False))
    own = any(first in _MY and second in _OWN for first, second in behind)
    return "personal" if own else ""
