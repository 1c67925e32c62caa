"""Words that `differences` knows. Lower case, NFKC; English first, then what German, French, Spanish and
Italian ask most.
"""

from collections.abc import Mapping
from types import MappingProxyType


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _groups(text: str) -> Mapping[str, str]:
    """Each line is a group; its first word stands for all of them."""
    return MappingProxyType(
        {word: line.split()[0] for line in text.strip().splitlines() for word in line.split() if line.strip()}
    )


EMPTY = _set(
    """a an the this that these those there here it its itself some any each i me my mine myself we us our ours you your
    yours yourself they them their theirs one ones who whom whose which what whats how hows is are was were be been
    being
    am im ive id do does did doing done has have had having can could would should shall will might must may of in on at
    for and or as if then so also too just very really quite rather actually exactly please kindly thanks thank hi hello
    hey dear tell explain describe show give know like want wants need needs help let lets see say said mean means
    meaning
    meant define defined definition understand wonder wondering curious ask asking question answer able possible
    possibly calculate
    compute calculating steps step procedure happen happens happening occur occurs suggest summary summarise summarize
    way ways thing things something anything someone anyone people person get gets getting got go about regarding
    concerning s t re ve ll d m called call named used use using work works working
    der die das den dem des ein eine einen einem einer eines und oder ist sind war waren bin bist hat haben habe kann
    können könnte man ich mir mich du dir sie er wir uns ihr was wie welche welcher welches bitte zu zum zur im am
    von vom
    mit für auf es wird werden soll sich
    le la les l un une des du de et ou est sont était suis qui que quoi quel quelle quels quelles comment je j me moi tu
    te il elle on nous vous ils elles ce cet cette ces s se y au aux en dans pour sur par peut peux puis svp plaît faire
    el los las lo una unos unas y o es son era soy cómo como qué cuál cuáles quién yo mi tú su sus se del al por
    para puede
    puedo favor hay hacer
    il gli i uno e è sono era come cosa quale quali chi io mio si del della dei delle al alla per può posso fare che"""
)
"""Words without which a question asks the same."""

STRONG = _set(
    """to into onto from than by before after against with via over under above below behind between toward towards
    versus vs per during until till since through beyond inside outside
    nach aus als gegen vor bis seit zwischen über unter
    vers depuis avant après contre sous entre
    hacia desde antes después contra sobre bajo hasta sin
    verso prima dopo contro sotto tra fra"""
)
"""Prepositions that make a difference between the words behind them."""

BREAKS = STRONG | _set(
    """do does did is are was were can could may will would should der ist sind est sont es son è
    of in on at for and or as if when while because about but un une et ou und oder y o e dans en im"""
)
"""What stands between two phrases."""

NEGATIONS = _set(
    """not no nor never none neither nobody nothing nowhere without cannot cant dont doesnt didnt isnt arent wasnt
    werent
    wont wouldnt shouldnt couldnt hasnt havent hadnt mustnt aint unable except excluding
    nicht kein keine keinen keinem keiner keines nie niemals ohne außer
    pas jamais sans aucun aucune ni ne
    nunca sin ningún ninguna ningun jamás tampoco
    non senza mai nessun nessuna nessuno"""
)
"""Words that turn a question round."""

POLES = _groups(
    """up increase increases increased increasing raise raises grow rise higher boost upgrade
    down decrease decreases decreased decreasing reduce lower shrink fall drop downgrade
    enable enables enabled enabling activate activated
    off disable disables disabled disabling deactivate deactivated
    most max maximum maximal highest largest biggest greatest
    least min minimum minimal lowest smallest
    more better faster larger bigger greater longer taller
    less fewer worse slower smaller shorter
    best top
    worst
    oldest earliest first former
    newest youngest last latter
    before prior preceding
    after following
    buy purchase buying
    sell selling
    open opening opened
    close closing closed
    import importing imported
    export exporting exported
    encode encrypt encrypting
    decode decrypt decrypting
    add adding include including
    remove removing delete deleting exclude
    start begin starting launch
    stop end ending quit stopping
    left
    right
    north northern
    south southern
    east eastern
    west western
    push
    pull
    upload uploading
    download downloading
    ascending
    descending
    legal allowed permitted
    illegal forbidden prohibited
    safe harmless
    dangerous unsafe harmful
    advantage advantages benefit benefits pros
    disadvantage disadvantages drawback drawbacks cons
    hot heat warm
    cold cool
    male man men he him his boy husband father
    female woman women she her hers girl wife mother
    inside indoor indoors
    outside outdoor outdoors
    win won winning
    lose lost losing
    lend
    borrow
    read reading
    write writing
    public
    private
    sync synchronous
    async asynchronous
    even
    odd
    positive
    negative"""
)
"""Words of which another one would be the opposite."""

ASKED = _groups(
    """where location located
    why reason reasons cause causes
    far distance
    long length duration
    tall height elevation altitude"""
)
"""Words that say what kind of answer is wanted, and nothing else."""

ASKED_FOR = MappingProxyType({"year": "when", "date": "when", "day": "when", "month": "when", "jahr": "when"})
"""The same where they stand behind "which" or "what"."""

SAME = _groups(
    """fix repair fixing repairing mend troubleshoot
    clean cleaning wash washing
    create make making creating build building generate produce
    cook cooking prepare preparing
    car automobile
    kid child children kids
    quick fast quickly rapidly rapid speedy
    big large huge
    find locate finding lookup
    change modify alter changing edit
    convert transform turn converting conversion
    bike bicycle
    photo picture photograph image
    film movie
    phone telephone smartphone cellphone
    tv television
    doctor physician
    store shop
    job occupation profession
    trip journey
    present gift
    ill sick
    error bug fault
    difference differ different differences differs distinguish distinction
    cost price
    number count amount
    usual typical common usually typically commonly normal normally
    compute calculate calculating calculation work-out
    learn study learning studying
    choose select pick choosing selecting
    smell odor odour
    begin commence
    color colour
    advice tip tips suggestion suggestions recommendation recommendations
    stain mark stains
    step steps procedure process instruction instructions
    important essential key crucial
    happen occur happens occurs
    capital capitals
    invent invented invention inventor
    write wrote written author writer
    population inhabitants
    method technique approach
    sort order sorting ordering arrange
    join combine merge concatenate merging joining combining
    check verify test
    install set-up setup installing
    cancel cancelling canceling terminate
    refund reimbursement
    shipping delivery
    warranty guarantee
    return returning
    password passcode
    reset resetting"""
)
"""Words that mean the same where nearly all others are equal."""

UNITS = _groups(
    """mm millimetre millimeter millimetres millimeters
    cm centimetre centimeter centimetres centimeters
    km kilometre kilometer kilometres kilometers kms
    metre meter metres meters
    mile miles mi
    inch inches
    foot feet ft
    yard yards yd
    mg milligram milligrams
    gram grams gramme grammes
    kg kilogram kilograms kilo kilos
    ounce ounces oz
    pound pounds lb lbs
    ton tons tonne tonnes
    ml millilitre milliliter millilitres milliliters
    litre liter litres liters
    gallon gallons
    cup cups
    tablespoon tablespoons tbsp
    teaspoon teaspoons tsp
    celsius centigrade °c
    fahrenheit °f
    kelvin
    percent percentage % prozent
    usd dollar dollars $ us$
    eur euro euros €
    gbp £ sterling
    jpy yen ¥
    bit bits
    byte bytes
    kb kilobyte kilobytes
    mb megabyte megabytes
    gb gigabyte gigabytes
    tb terabyte terabytes
    second seconds sec secs
    millisecond milliseconds ms
    minute minutes
    hour hours hr hrs
    week weeks
    month months
    mph
    kmh kph
    watt watts
    volt volts
    calorie calories kcal"""
)
"""Measures, currencies and sizes."""

NUMBERS: Mapping[str, str] = MappingProxyType(
    {
        word: number
        for number, words in {
            "0": "zero null zéro cero",
            "2": "two both double twice pair zwei deux dos due",
            "3": "three triple drei trois tres tre",
            "4": "four vier quatre cuatro quattro",
            "5": "five fünf cinq cinco cinque",
            "6": "six sechs seis sei",
            "7": "seven sieben sept siete sette",
            "8": "eight acht huit ocho otto",
            "9": "nine neun neuf nueve nove",
            "10": "ten zehn dix diez dieci",
            "11": "eleven elf onze once",
            "12": "twelve dozen zwölf douze doce",
            "13": "thirteen",
            "14": "fourteen",
            "15": "fifteen fünfzehn quinze",
            "16": "sixteen",
            "17": "seventeen",
            "18": "eighteen",
            "19": "nineteen",
            "20": "twenty zwanzig vingt veinte venti",
            "30": "thirty dreißig trente treinta",
            "40": "forty vierzig quarante",
            "50": "fifty fünfzig cinquante cincuenta",
            "60": "sixty",
            "70": "seventy",
            "80": "eighty",
            "90": "ninety",
            "100": "hundred hundert cent cien cento",
            "1000": "thousand tausend mille mil",
            "1000000": "million millionen millones",
            "1000000000": "billion milliarde milliarden milliard",
            "1/2": "half halb halbe moitié mitad",
            "1/4": "quarter",
            "#2": "second zweite deuxième segundo",
            "#3": "third dritte troisième tercero",
            "#4": "fourth",
            "#5": "fifth",
        }.items()
        for word in words.split()
    }
)
"""Numbers in words."""

NAMES = _groups(
    """january jan januar janvier enero
    february feb februar février febrero
    march märz marzo
    april apr avril abril
    june jun juni juin junio
    july jul juli juillet julio
    august aug août agosto
    september sept sep septembre septiembre
    october oct oktober octobre octubre
    november nov novembre noviembre
    december dec dezember décembre diciembre
    monday montag lundi lunes
    tuesday tue dienstag mardi martes
    wednesday mittwoch mercredi miércoles
    thursday thu donnerstag jeudi jueves
    friday fri freitag vendredi viernes
    saturday samstag samedi sábado
    sunday sonntag dimanche domingo
    spring springtime
    summer
    autumn
    winter
    france french frankreich francia
    germany german deutschland alemania allemagne deutsch
    spain spanish spanien espagne españa
    italy italian italien italie italia
    england english britain british uk
    ireland irish
    scotland scottish
    portugal portuguese
    netherlands dutch holland
    belgium belgian
    switzerland swiss schweiz suisse
    austria austrian österreich
    poland polish
    sweden swedish
    norway norwegian
    denmark danish
    finland finnish
    iceland icelandic
    russia russian
    ukraine ukrainian
    greece greek
    turkey turkish
    hungary hungarian
    romania romanian
    china chinese
    japan japanese
    korea korean
    india indian hindi
    vietnam vietnamese
    thailand thai
    indonesia indonesian
    australia australian
    canada canadian
    mexico mexican
    brazil brazilian
    argentina argentinian
    chile chilean
    peru peruvian
    colombia colombian
    egypt egyptian
    morocco moroccan
    nigeria nigerian
    kenya kenyan
    israel israeli hebrew
    arabic arab
    iran iranian persian
    america american usa
    europe european
    africa african
    asia asian
    latin
    london
    paris
    berlin
    madrid
    rome
    vienna
    tokyo
    python py python's
    java
    javascript js ecmascript
    typescript ts
    rust
    golang go-lang
    ruby
    php
    perl
    kotlin
    swift
    scala
    haskell
    bash zsh
    powershell
    sql
    mysql mariadb
    postgres postgresql
    sqlite
    mongodb mongo
    redis
    json
    xml
    yaml
    csv
    html
    css
    react
    angular
    vue
    django
    flask
    linux ubuntu-linux
    ubuntu
    debian
    fedora
    windows
    macos mac osx
    android
    iphone ios
    docker
    kubernetes k8s
    git
    github
    gitlab
    aws amazon
    azure
    google
    microsoft
    apple
    excel
    numpy
    pandas
    nginx
    apache
    mercury
    venus
    mars
    jupiter
    saturn
    moon lunar"""
)
"""Names that people write small as well."""
