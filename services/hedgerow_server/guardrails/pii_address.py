"""Postal addresses that have a structure: a number and a kind of street in one of several languages, post boxes, units.

Streets without either, and towns and countries, are not found: telling them from other words takes more than form. A
pattern finds the word that names the kind of street; what belongs to it is read word by word from there.
"""

import re

from hedgerow_server.guardrails.forms import Form, Span

LONGEST = 120
"""Bytes of an address."""
_SIDE = 80
"""Bytes that are read before and behind the word for the street."""

_LONGEST_KIND = 16
"""Bytes of a word for a street, at most."""

_ENGLISH_KINDS = (
    r"Street|St|Avenue|Ave|Av|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Way"
    r"|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Crescent|Cres|Close|Trail|Trl|Alley|Row|Mews|Gardens|Grove|Loop|Plaza|Pike"
    r"|Turnpike|Quay|Esplanade|Parade|Walk|Rte|Freeway|Fwy|Bypass|Crossing"
)
_LOWER_KINDS = r"street|avenue|road|boulevard|ave|rd|blvd|str"
_ROMANCE_KINDS = (
    r"[Rr]ue|[Aa]venue|[Bb]oulevard|[Pp]lace|[Cc]hemin|[Ii]mpasse|[Aa]ll\x{e9}e|[Rr]oute|[Qq]uai|Av\.?|Bd\.?|[Cc]ours"
)
_FIRST_KINDS = (
    r"Via|Viale|Piazza|Piazzale|Corso|Vicolo|Largo|Strada|Contrada|Rua|Avenida|Av\.|Avda\.|Calle|C/|Paseo|Plaza"
    r"|Travessa|R\x{fa}a|r\x{fa}a|Rue|Alameda|Quadra|Carretera|Camino|Ronda|[Uu]l\.|[Uu]lica|al\.|Aleja|os\.|pl\.|[Tt]rg"
    r"|Bulevardul|Str\.|Rruga|Jalan|Jl\.|avenida|rua|calle"
    r"|\x{39f}\x{3b4}\x{3cc}\x{3c2}|\x{3a0}\x{3bb}\x{3b1}\x{3c4}\x{3b5}\x{3af}\x{3b1}"
    r"|\x{39b}\x{3b5}\x{3c9}\x{3c6}\x{3cc}\x{3c1}\x{3bf}\x{3c2}"
)
_ENDINGS = (
    r"stra\x{df}e|strasse|gasse|weg|platz|allee|damm|ufer|stieg|graben|straat|laan|gracht|plein|kade|dijk|steeg|singel"
    r"|vej|gade|v\x{e6}nget|all\x{e9}|torv|gatan|gata|v\x{e4}gen|gr\x{e4}nd|stigen|v\x{e4}g|sv|veien|vegen|katu|kuja|polku"
    r"|tie|tori|braut|str\x{e6}ti|vegur|g\x{f6}tu|holt|utca"
)
_LAST_KINDS = (
    r"u\.|utca|\x{fa}t|\x{fa}tja|t\x{e9}r|k\x{f6}r\x{fa}t|rkp\.|k\x{f6}z|kapu|tee|tn|pst|mnt|p\x{f5}ik|t\x{e4}nav|Str\.|Strasse"
    r"|Stra\x{df}e|Weg|Platz|Allee|Gasse|n\x{e1}m\.|n\x{e1}m\x{11b}st\x{ed}|cesta|sok\.|Sokak|cad\.|Caddesi"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PARTICLES = _words(
    "de du des da do dos das del della dei degli di la le les los las el al van von der den of the z na y e"
)
_LOWER_TOKENS = _words(
    """
    rue avenue boulevard place chemin impasse allée route quai cours ul. al. os. pl. ulica trg rúa rua avenida calle
    u. utca út útja tér körút rkp. köz kapu tee tn pst mnt põik tänav nám. náměstí cesta sok. cad. bis ter
    apo fpo dpo aa ae ap box
    """
)
"""Words in small letters within an address."""
_MAY_BEGIN = _words(
    """
    rue avenue boulevard place chemin impasse allée route quai cours ul. al. os. pl. ulica trg rúa rua avenida calle
    apt apt. apartment suite ste. psc unit uss usns usnv uscgc p.o. po p. post postbox postfach postboks apartado
    boîte casilla
    """
)
"""With these an address may begin, and words in small letters may follow."""
_NO_STREET = frozenset(
    b"way lane mile miles km minute minutes hour hours day days a in on per dead more from to new different major busy"
    b" million percent year years old and or toll".split()
)
_DIGIT = re.compile(rb"[0-9]")
_NUMBER = re.compile(r"[0-9]{1,6}[A-Za-z]?")
_ORDINAL = re.compile(r"[0-9]{1,3}(?:st|nd|rd|th)")
_ENGLISH_WORD = re.compile(rb"(?:Brigade|Renegade|Decade|Norweg|Necktie|Auntie|Cutie|Sweetie|Rookie|Foodie|Hottie)$")
_LAST_LETTERS = re.compile(rb"[A-Za-z'\x80-\xff-]*$")


def _before(data: bytes, start: int) -> list[str]:
    """The words before a place on its line, the next one first. Each stands one space from the one behind it."""
    window = data[max(0, start - _SIDE) : start].decode(errors="ignore")
    line = window[window.rfind("\n") + 1 :]
    if not line.endswith(" "):
        return []
    return line[:-1].split(" ")[::-1]


def _number_from(data: bytes, at: int) -> int:
    """Where the next digit is: no street has its number before that."""
    found = _DIGIT.search(data, max(0, at))
    return len(data) + LONGEST if found is None else found.start()


def _behind(data: bytes, end: int) -> list[str]:
    window = data[end : end + _SIDE].decode(errors="ignore")
    line = window.partition("\n")[0]
    return line[1:].split(" ") if line.startswith(" ") else []


def _size(words: list[str]) -> int:
    """Bytes of words and one space each."""
    return sum(len(word.encode()) + 1 for word in words)


def _is_name(word: str) -> bool:
    return word[:1].isupper() or _ORDINAL.fullmatch(word) is not None


def _numbered(words: list[str]) -> int:
    """How many of the words before a street are numbers of it: the house's, and perhaps one more before that."""
    count = 0
    while count < 2 and len(words) > count and _NUMBER.fullmatch(words[count].rstrip(",") if count else words[count]):
        count += 1
    return count


def _within(start: int, end: int, data: bytes, otherwise: int) -> Span | int:
    """The span unless it is too long or goes on."""
    if end - start > LONGEST or re.match(rb"[0-9A-Za-z_%]|[.,:/][0-9]", data[end : end + 2]):
        return otherwise
    if start and re.match(rb"[0-9A-Za-z_$.,/\x80-\xff-]", data[start - 1 : start]):
        return otherwise
    return start, end


def english(data: bytes, start: int, end: int) -> Span | int:
    """12 Main Street, 3911 Fourth Avenue: the kind is the match."""
    if (at := _number_from(data, start - _SIDE)) >= start:
        return max(end, at)
    words = _before(data, start)
    lower = data[start : start + 1].islower()
    count = 0
    while count < 4 and count < len(words) and not _NUMBER.fullmatch(words[count]):
        word = words[count].rstrip(",")
        if not (word.isalpha() and word.islower() and word.encode() not in _NO_STREET if lower else _is_name(word)):
            return end
        count += 1
    if not count or (lower and count > 2):
        return end
    numbers = _numbered(words[count:])
    if not numbers:
        return end
    if data[end : end + 1] == b"." and not lower and end - start <= 4:
        end += 1
    return _within(start - _size(words[: count + numbers]), end, data, end)


def number_first(data: bytes, start: int, end: int) -> Span | int:
    """26 rue de la Paix: a number, the kind, particles, a word in any case and more in capitals."""
    if (at := _number_from(data, start - _SIDE)) >= start:
        return max(end, at)
    words = _before(data, start)
    numbers = _numbered([word.rstrip(",") for word in words[:1]] + words[1:])
    if not numbers:
        return end
    behind = _behind(data, end)
    count = 0
    while count < 3 and count < len(behind) and behind[count] in _PARTICLES:
        count += 1
    if count >= len(behind) or not behind[count][:1].isalpha():
        return end
    taken = _names(behind, count + 1 if behind[count][-1:].isalpha() else count, 3)
    if taken == count and not _trimmed(behind[count]):
        return end
    stop = end + _size(behind[: max(taken, count + 1)])
    while data[stop - 1 : stop] in (b".", b",", b";", b":", b"?", b"!", b")"):
        stop -= 1
    return _within(start - _size(words[:numbers]), stop, data, end)


def _names(words: list[str], first: int, most: int) -> int:
    """Behind the names that begin with a word; one that ends in a sign is the last."""
    at = first
    if at == 0 or not words[at - 1][-1:].isalpha():
        return at
    while at < min(len(words), first + most) and words[at][:1].isupper():
        at += 1
        if not words[at - 1][-1:].isalpha():
            break
    return at


def _trimmed(word: str) -> str:
    return word.rstrip(".,;:?!)")


def kind_first(data: bytes, start: int, end: int) -> Span | int:
    """Via dei Fiorentini 17: the kind, names, a number."""
    if (at := _number_from(data, end)) >= end + _SIDE:
        return max(end, data.rfind(b" ", end, max(end, at - _SIDE - _LONGEST_KIND)))
    behind = _behind(data, end)
    names = 0
    for count, word in enumerate(behind[:8]):
        if names and (number := _NUMBER.match(word)) is not None:
            stop = end + _size(behind[:count]) + 1 + number.end()
            words = _before(data, start)
            before = _size(words[:1]) if words and re.fullmatch("[0-9]{2,6},?", words[0]) else 0
            return _within(start - before, stop, data, end)
        if word in _PARTICLES or (names and word in ("n.", "nº", "n°")):
            continue
        if not (word[:1].isupper() or data[start : start + 1].islower()) or names == 4:
            return end
        names += 1
    return end


def numbered_name(data: bytes, start: int, end: int) -> Span | int:
    """Bahnhofstrasse 12, Rákóczi út 13: the match is the ending or the kind, and the number."""
    ending = _LAST_LETTERS.search(data, max(0, start - 40), start)
    assert ending is not None
    whole = data[start : start + 1] != b" "
    first = ending.start() if whole else start + 1
    stem = data[first:start].decode(errors="ignore")
    if whole and (len(stem) < 3 or not stem[:1].isupper() or _ENGLISH_WORD.search(data[first:end].split(b" ")[0])):
        return end
    words = _before(data, first)
    names = 0
    while names < (2 if whole else 3) and names < len(words) and words[names][:1].isupper() and "," not in words[names]:
        names += 1
    if not whole and not names:
        return end
    if names < len(words) and re.fullmatch("[0-9]{2,6},?", words[names]):
        names += 1
    if not whole and data[end : end + 1] == b"." and not re.match(rb"[0-9]", data[end + 1 : end + 2]):
        end += 1
    return _within(first - _size(words[:names]), end, data, end)


def plain(data: bytes, start: int, end: int) -> Span | int:
    """Post boxes and units: the match is it."""
    return _within(start, end, data, end)


_OPENING = ">*|#\"'(["
_HOUSE = r"[0-9]{1,5}[A-Za-z]?\b"
FORMS = (
    Form(
        "address",
        r"(?i)\b(?:(?:PSC|Unit) [0-9]{1,5},? Box [0-9]{1,6}|US(?:S|NS|NV|CGC) [A-Za-z'\-]{2,30})"
        r"(?:,? |,?\n)(?:APO|FPO|DPO),? A[AEP] [0-9]{5}\b",
        "(?i)[AFD]PO,? A[AEP]",
        plain,
    ),
    Form(
        "address",
        r"(?i)\b(?:P\.? ?O\.? ?Box|Post ?box|Post(?:fach|boks)|Apartado(?: de Correos)?|Bo\x{ee}te postale|Casilla)"
        r" #?[0-9]{1,7}\b",
        r"(?i)box|postfach|postboks|apartado|postale|casilla",
        plain,
    ),
    Form("address", rf"\b(?:{_ENGLISH_KINDS}|{_LOWER_KINDS})\b", "[0-9]", english),
    Form("address", rf"\b(?:{_ROMANCE_KINDS})", "[0-9]", number_first),
    Form("address", rf"\b(?:{_FIRST_KINDS})", "[0-9]", kind_first),
    Form("address", rf"(?i:{_ENDINGS})\.? {_HOUSE}", "[0-9]", numbered_name),
    Form("address", rf" (?:{_LAST_KINDS}) {_HOUSE}", "[0-9]", numbered_name),
    Form("address", r"(?i)\b(?:Apt\.?|Apartment|Suite|Ste\.) ?#?[0-9]{1,5}[A-Z]?\b", "[0-9]", plain),
)


def open_from(text: str, begin: int, word: int) -> int:
    """Where an address may begin that has not ended yet. `word`: where the last word begins, which may belong to it."""
    low = max(begin, len(text) - LONGEST)
    open_at = at = word
    lower = 0
    for _ in range(10):
        before = text[low:at].rstrip()
        if not before:
            break
        at = low + max(before.rfind(" "), before.rfind("\n"), before.rfind("\t")) + 1
        token = text[at : low + len(before)].lstrip(_OPENING) or "."
        if token[0].isdigit() or token.lower() in _MAY_BEGIN or (token[0].isupper() and not lower):
            open_at, lower = at, 0
        elif token not in _PARTICLES and token not in _LOWER_TOKENS:
            lower += 1
            if lower > 2:
                break
    return open_at
