r"""Words that say what the number after them is, in several languages. RE2, in which \b knows ASCII letters only."""

PHONE_WORDS = (
    r"(?i)\b(?:"
    r"phones?|telephones?|mobiles?|mob|cells?|cellphones?|landline|hotline|helpline|voicemail|pager|fax(?:es)?|tel|ph"
    r"|call(?:s|ed|er|ing|back)?|callback|ring|rang|dial(?:s|ed|ing|led|ling)?|sms|mms|texts?|texted|texting|whats ?app"
    r"|viber|messag(?:e|es|ed|ing)|answer(?:s|ed|ing)?|reach(?:ed|ing|able)?|contact(?:s|ed|ing)?"
    r"|get hold of|speak (?:to|with)|line"
    r"|telefon\w*|telef\.|t\x{e9}l|tlf|tfn|puh|puhelin\w*|handy\w*|mobil\w*|rufnummer\w*|anruf\w*|erreich\w*"
    r"|durchwahl|t\x{e9}l\x{e9}phone\w*|portable|appel\w*|joindre"
    r"|tel\x{e9}fonos?|m\x{f3}vil|movil|celular\w*|llam\w*|cellulare|chiam\w*|telem\x{f3}vel|ligue|ligar"
    r"|telefoon\w*|mobiel\w*|bel|bellen|soita\w*|ringe?|zadzwo\w*|kom\x{f3}rk\w*|h\x{ed}v\w*|volej\w*|zavolej\w*"
    r")(?:\b|[^\x00-\x7f])"
    r"|\x{3c4}\x{3b7}\x{3bb}|\x{442}\x{435}\x{43b}|\x{7535}\x{8bdd}|\x{624b}\x{673a}|\x{96fb}\x{8a71}"
)
"""A telephone number follows."""

PLAIN_NUMBER_WORDS = (
    r"(?i)(?:\b(?:my|his|her|their|our|your|new|the|old|home|work|office|private|personal|emergency) (?:new )?"
    r"(?:number|no\.|nr|nummer|digits)\b|\bnumbers?(?: is| was| to|:))"
)
"""A number of somebody follows, which is one of a telephone unless other words say what."""

NOT_PHONE_WORDS = (
    r"(?i)\b(?:order|invoice|account|acct|isbn|issn|ean|upc|sku|case|ticket|serial|part|model|version|build|ref"
    r"|reference|tracking|policy|licen[cs]e|passport|card|ssn|tax|vat|iban|routing|sort code|batch|patent|doi|zip"
    r"|postal|postcode|flight|id|commit|page|pages|article|section|rfc|item|lot|issue)\b"
)
"""A number of something else follows."""

CARD_WORDS = (
    r"(?i)\b(?:cards?|visa|mastercard|maestro|amex|credit|debit|cc|pan|cvv|expir\w*|charge[ds]?|kart\w+|carte|tarjeta"
    r"|cart\x{e3}o)\b"
)
"""A payment card's number follows."""

SSN_WORDS = r"(?i)\b(?:ssn|ss#|social security|soc\.? sec\.?|social)(?:\b|#)"
"""A US Social Security number follows."""

ID_WORDS = (
    r"(?i)\b(?:national (?:id|identity|insurance)|identity (?:number|no|card)|id (?:number|no|card|code)"
    r"|personal (?:id|code|number)|social (?:security|insurance)|tax(?:payer)? (?:id|file|number|identification)|tfn"
    r"|sin|bsn|burgerservicenummer|pesel|cpr(?:-?n\w+)?|egn|oib|nhs|steuer-?id\w*|idnr|isikukood|asmens kodas|kimlik"
    r"|tckn|t\.?c\.?|amka|nif|pps|sa id|id)\b"
)
"""The number follows under which a state knows somebody."""

BIRTH_WORDS = (
    r"(?i)\b(?:born|birth|birthdate|birthday|dob|d\.o\.b\.|geboren|geb\.|geburtsdatum|geburtstag|naissance|n\x{e9}e?"
    r"|nacid[oa]|nacimiento|nascid[oa]|nascimento|nat[oa]|nascita|geboortedatum|f\x{f8}dt|f\x{f6}dd|urodzon[ya]"
    r"|sz\x{fc}letett)\b"
)
"""The date follows on which somebody was born."""

PASSPORT_WORDS = (
    r"(?i)\b(?:passports?|passport(?:no|nr)|reisepass\w*|passeport|pasaporte|passaporto|passaporte|paspoort\w*"
    r"|paszport\w*)\b"
)
"""The number of a passport follows."""

LICENCE_WORDS = (
    r"(?i)\b(?:driv(?:er|ers|er.s|er.{3}s|ing)[ \-]licen[cs]e|permis de conduire|f\x{fc}hrerschein\w*"
    r"|licencia de conduc\w*|permiso de conducir|patente di guida|rijbewijs\w*|dl(?: number| no|#))(?:\b|#)"
)
"""The number of a driving licence follows."""

POSTCODE_WORDS = (
    r"(?i)\b(?:zip(?:[ \-]?codes?|:| is| ?=|\+4)|post(?:al)? ?code|postleitzahl|plz|code postal|c\x{f3}digo postal"
    r"|postnummer|cap|cep|postinumero|eircode|pin ?code)(?:\b|[^A-Za-z])"
)
"""A postcode follows."""
