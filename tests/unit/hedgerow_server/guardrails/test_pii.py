"""Personal data: what is found of it, what is none, and that nothing depends on how a text came."""

import random
from collections.abc import Callable
from typing import get_args

import pydantic
import pytest
from hedgerow_server.core.guard import Source
from hedgerow_server.guardrails.announced import Announced
from hedgerow_server.guardrails.forms import Form, Forms
from hedgerow_server.guardrails.pii import Category, PiiGuard, PiiGuardSection
from hedgerow_server.guardrails.pii_checks import is_multiple, is_verhoeff
from hedgerow_server.guardrails.pii_words import ID_WORDS, PHONE_WORDS, PLAIN_NUMBER_WORDS, POSTCODE_WORDS, SSN_WORDS
from stdnum import verhoeff
from stdnum.cn import ric
from stdnum.no import fodselsnummer
from unit.hedgerow_server.guardrails import personal
from unit.hedgerow_server.guardrails.splits import (
    assert_same_at,
    assert_same_at_every_split,
    in_pieces,
    in_steps,
    whole,
)

SPLIT_TEXTS = 1_000
PLACES = 6
"""Split positions of each text in an ordinary run; all of them with --long."""


@pytest.fixture(scope="module")
def guard() -> PiiGuard:
    return PiiGuard(PiiGuardSection(categories=frozenset(get_args(Category))))


def found(guard: PiiGuard, text: str) -> list[tuple[str, str]]:
    return [(one.category.removeprefix("pii."), text[one.start : one.end]) for one in whole(guard, text)]


@pytest.mark.parametrize(
    ("text", "category", "expected"),
    [
        ("write to Ann.O'Hara+x@mail.example.co.uk.", "email", "Ann.O'Hara+x@mail.example.co.uk"),
        ("<jörg@müller.de>", "email", "jörg@müller.de"),
        ("邮箱ann@example.org。", "email", "ann@example.org"),
        ("mailto:ann@example.org", "email", "ann@example.org"),
        ("see https://www.example.org/a?b=c, then", "url", "https://www.example.org/a?b=c"),
        ("from 203.0.113.77:8080", "ip", "203.0.113.77"),
        ("from [2001:db8::8a2e:370:7334]", "ip", "2001:db8::8a2e:370:7334"),
        ("address 1:22:333:4444:5555:6666:7777:8888 was", "ip", "1:22:333:4444:5555:6666:7777:8888"),
        ("at 00:1B:44:11:3a:b7.", "mac", "00:1B:44:11:3a:b7"),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "crypto", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "crypto", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("pay GB82 WEST 1234 5698 7654 32 today", "iban", "GB82 WEST 1234 5698 7654 32"),
        ("de89370400440532013000", "iban", "de89370400440532013000"),
        ("4111-1111-1111-1111", "card", "4111-1111-1111-1111"),
        ("3782 822463 10005", "card", "3782 822463 10005"),
        ("my visa 4222222222222", "card", "4222222222222"),
        ("SSN 123-45-6789", "us_ssn", "123-45-6789"),
        ("social security: 123 45 6789", "us_ssn", "123 45 6789"),
        ("CPF 111.444.777-35", "national_id", "111.444.777-35"),
        ("RSSMRA85T10A562S", "national_id", "RSSMRA85T10A562S"),
        ("NINO AB 12 34 56 C", "national_id", "AB 12 34 56 C"),
        ("PESEL 44051401359", "national_id", "44051401359"),
        ("born on 3 March 1981", "birth_date", "3 March 1981"),
        ("DOB: 1981-03-31", "birth_date", "1981-03-31"),
        ("passport no. C01X00T47", "passport", "C01X00T47"),
        ("driver's license number is D123-4567-8901", "driving_licence", "D123-4567-8901"),
        ("my zip code is 04109", "postcode", "04109"),
        ("Springfield, IL 62704-1234", "postcode", "IL 62704-1234"),
        ("London SW1A 2AA", "postcode", "SW1A 2AA"),
        ("501 Evergreen Ln", "address", "501 Evergreen Ln"),
        ("12 N. 42nd Street", "address", "12 N. 42nd Street"),
        ("live at 9 elm street", "address", "9 elm street"),
        ("04109 Karl-Heine-Straße 12b", "address", "04109 Karl-Heine-Straße 12b"),
        ("Via dei Mille 17, Roma", "address", "Via dei Mille 17"),
        ("26 bis, rue de la Paix".replace(" bis,", ","), "address", "26, rue de la Paix"),
        ("P.O. Box 1234", "address", "P.O. Box 1234"),
        ("PSC 1234, Box 5678\nAPO AE 09123", "address", "PSC 1234, Box 5678\nAPO AE 09123"),
        ("+49 (0)30 1234567", "phone", "+49 (0)30 1234567"),
        ("+27 82 345 6789 10 times", "phone", "+27 82 345 6789"),
        ("(212) 555-2368 ext. 12", "phone", "(212) 555-2368 ext. 12"),
        ("reach me: 060-56.85", "phone", "060-56.85"),
        ("Tel.: 60-56-85-91", "phone", "60-56-85-91"),
        ("ruf mich an: 0561/123456", "phone", "0561/123456"),
        ("my new number is 699 956 915", "phone", "699 956 915"),
    ],
)
def test_is_found_with_its_first_and_last_character(guard: PiiGuard, text: str, category: str, expected: str) -> None:
    assert (category, expected) in found(guard, text)


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:org/project.git and git@github.com/org",
        "https://user:word@example/",
        "icon@2x.png, @decorator, a@b, package@1.2.3",
        "std::vector, a::b, add::Add, 12:30:45, x[1:2:3]",
        "127.0.0.1, 0.0.0.0, 255.255.255.0, version 1.2.3.4, 300.1.1.1, 1.2.3.4.5",
        "4111 1111 1111 1112, 1234567890123456, 0000000000000000",
        "GB82 WEST 1234 5698 7654 33, XX82WEST12345698765432",
        "000-12-3456, 666-12-3456, 912-00-1234, 123-00-4567, 123-45-0000",
        "on 2000-04-16 11:34, from 1990-1995, 12/01/2024, 1.234.567 and 1 000 000",
        "order 212-555-2368, invoice 020 7946 0123",
        "to reach 100 000 000 users, answer 1.234.567",
        "costs $212 555 2368 and 30 minutes drive, a 2 lane road, 5 way street",
        "Section 4 Street, the Avenue, room 12, Gate 5, Spring 2020, Brigade 12",
        "born in 1981, a passport of 2 pages, the zip file 12345",
        "3.14159265358979, 0x7fff5fbff8a0, 550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_what_only_looks_like_personal_data_is_left(guard: PiiGuard, text: str) -> None:
    assert found(guard, text) == []


@pytest.mark.parametrize(
    ("category", "make"),
    [
        ("card", personal.card),
        ("card", personal.grouped_card),
        ("iban", personal.iban),
        ("iban", lambda draw: personal.iban(draw, printed=True)),
        ("email", personal.email),
        ("us_ssn", personal.ssn),
        ("ip", personal.ip),
        ("address", personal.address),
    ],
)
def test_every_drawn_one_is_found_whole(guard: PiiGuard, category: str, make: Callable[[random.Random], str]) -> None:
    draw = random.Random(category)
    for _ in range(200):
        one = make(draw)
        assert found(guard, f"it is {one}, she said") == [(category, one)]


def test_phone_numbers_of_many_countries_are_found_without_a_word_for_them(guard: PiiGuard) -> None:
    draw = random.Random(5)
    missed = [
        one for one in (personal.phone(draw) for _ in range(300)) if found(guard, f"so {one}.") != [("phone", one)]
    ]
    assert missed == []


def test_local_phone_numbers_are_found_behind_a_word_for_them_and_nowhere_else(guard: PiiGuard) -> None:
    draw = random.Random(6)
    for _ in range(200):
        one = personal.local_phone(draw)
        assert found(guard, f"Please call {one} today") == [("phone", one)]
        if not one.startswith("("):
            assert found(guard, f"There were {one} of them") == []


def test_one_wrong_digit_makes_a_number_with_a_check_digit_none(guard: PiiGuard) -> None:
    draw = random.Random(7)
    for _ in range(200):
        number, account = personal.card(draw), personal.iban(draw)
        wrong = str((int(number[-1]) + 1) % 10)
        assert found(guard, f"see {number[:-1]}{wrong} there") == []
        wrong = str((int(account[-1]) + 1) % 10)
        assert ("iban", account[:-1] + wrong) not in found(guard, f"see {account[:-1]}{wrong} there")


def test_only_the_chosen_categories_are_looked_for_and_replaced_as_configured() -> None:
    section = PiiGuardSection.model_validate({"categories": ["email"], "replacements": {"email": "<mail>"}})
    findings = whole(PiiGuard(section), "ann@example.org 4111111111111111")
    assert [(one.category, one.replacement) for one in findings] == [("pii.email", "<mail>")]


def test_a_replacement_is_the_category_in_capitals_unless_configured(guard: PiiGuard) -> None:
    assert [one.replacement for one in whole(guard, "ann@example.org 4111111111111111")] == ["[EMAIL]", "[CARD]"]


def test_numbers_without_a_country_code_are_those_of_the_configured_countries() -> None:
    french = PiiGuard(PiiGuardSection.model_validate({"categories": ["phone"], "phone_regions": ["FR"]}))
    assert found(french, "01 42 34 56 78") == [("phone", "01 42 34 56 78")]
    assert found(french, "0161 496 0123 or +44 161 496 0123") == [("phone", "+44 161 496 0123")]


@pytest.mark.parametrize("wrong", [{"categories": ["names"]}, {"replacements": {"x": ""}}, {"phone_regions": []}])
def test_a_configuration_that_names_what_there_is_not_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        PiiGuardSection.model_validate(wrong)


@pytest.mark.timeout(1800)
def test_where_a_text_is_split_changes_nothing(guard: PiiGuard, pytestconfig: pytest.Config) -> None:
    draw = random.Random(8)
    for count, text in enumerate([personal.text(draw) for _ in range(SPLIT_TEXTS)] + personal.others(200, draw)):
        if pytestconfig.getoption("--long"):
            assert_same_at_every_split(guard, text)
        else:
            assert_same_at(
                guard, text, draw.sample(range(len(text) + 1), min(PLACES, len(text))), singly=count % 10 == 0
            )


def test_half_a_character_hides_nothing(guard: PiiGuard) -> None:
    """A lone surrogate is no Unicode, but strings in JSON may have one."""
    text = "\ud800 card 4111 1111 1111 1111 \udfff"
    assert found(guard, text) == [("card", "4111 1111 1111 1111")]
    assert_same_at_every_split(guard, text)


def test_a_long_text_in_steps_is_as_in_one(guard: PiiGuard) -> None:
    draw = random.Random(9)
    text = " ".join(personal.text(draw) for _ in range(200))
    assert in_steps(guard, text, step=1000).findings == whole(guard, text)


def test_prose_flows_but_for_its_last_words(guard: PiiGuard) -> None:
    text = "the plan for next week is still open and nobody has said when all of us may leave so please wait until then"
    assert in_pieces(guard, [f"{word} " for word in text.split()]).longest_hold == 0
    assert in_pieces(guard, list(text)).longest_hold <= 6


def test_text_without_spaces_between_words_flows(guard: PiiGuard) -> None:
    assert in_pieces(guard, list("彼女は来週の計画について何も言わなかった。" * 30)).longest_hold == 0


@pytest.mark.parametrize(
    "text", ["a" * 2000, "a@" * 1000, "1" * 2000, "12 " * 700, "Main " * 400, "(" * 2000, "é" * 2000]
)
def test_what_never_ends_is_settled_after_the_longest_there_is(guard: PiiGuard, text: str) -> None:
    assert in_pieces(guard, [text[at : at + 50] for at in range(0, len(text), 50)]).longest_hold <= 320


@pytest.mark.parametrize(
    "piece",
    [
        "a@b.cc ",
        "12 ",
        "4111 1111 1111 1112 ",
        "call 12 34 56 78 ",
        "GB82 ",
        "12 Main Street ",
        "1.",
        "::",
        "id 123456789 ",
    ],
)
def test_checks_grow_with_the_text_and_no_faster(guard: PiiGuard, piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = 0

    def counted(form: Form) -> Form:
        def check(data: bytes, start: int, end: int) -> tuple[int, int] | int:
            nonlocal checks
            checks += 1
            return form.check(data, start, end)

        return Form(form.category, form.pattern, form.trigger, check, form.words, form.reach)

    monkeypatch.setattr(guard, "_forms", Forms([counted(form) for form in guard.forms]))
    counts = []
    for size in (1_000, 2_000, 4_000):
        checks = 0
        guard.scan(piece * (size // len(piece)), Source.USER, 0, final=True)
        counts.append(checks)
    assert counts[2] - counts[1] <= 2 * (counts[1] - counts[0]) + 10
    assert counts[2] <= 4_000


@pytest.mark.parametrize("kind", ["Rua ", "St ", "Av ", "Via Roma ", "Bulevardul ", "Strada Nuova\n", "Main Street "])
@pytest.mark.parametrize(
    "address", ["Via dei Fiorentini 17", "12 Main Street", "26 rue de la Paix", "Bulevardul Unirii 3"]
)
def test_streets_without_a_number_hide_none_that_has_one(guard: PiiGuard, kind: str, address: str) -> None:
    for count in (1, 7, 8, 9, 30):
        assert found(guard, f"{kind * count}and {address}") == [("address", address)]


def test_the_more_numbers_there_are_the_shorter_is_a_step(guard: PiiGuard) -> None:
    prose = "The hedge is green, and 3 m wide where it stands beside the road that leads to the old harbour. " * 100
    numbers = "4111 1111 1111 1112 " * 410
    assert guard.reach(prose, 0, 8192) == 8192
    assert 256 <= guard.reach(numbers, 0, 2048) < 300
    assert 256 <= guard.reach(numbers, 0, 8192) < 1100
    assert 256 <= guard.reach(numbers[:1024] + prose, 0, 8192) < 8192
    assert guard.reach(numbers, 100, 340) == 340


def test_numbers_far_behind_the_word_that_announces_them_are_passed_over(
    guard: PiiGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: dict[str, list[int]] = {}

    def counted(form: Form) -> Form:
        def check(data: bytes, start: int, end: int) -> tuple[int, int] | int:
            starts.setdefault(form.words, []).append(start)
            return form.check(data, start, end)

        return Form(form.category, form.pattern, form.trigger, check, form.words, form.reach)

    monkeypatch.setattr(guard, "_forms", Forms([counted(form) for form in guard.forms if form.words]))
    text = f"passport 123 zip: id number born call {'123 456 789 ' * 60}call {'123 456 789 ' * 60}"
    guard.scan(text, Source.USER, 0, final=True)
    second = text.rindex("call")
    assert starts
    for words, seen in starts.items():
        assert all(start < 100 or second < start < second + 60 for start in seen[:-1]), words


@pytest.mark.parametrize("words", [PHONE_WORDS, PLAIN_NUMBER_WORDS, ID_WORDS, POSTCODE_WORDS, SSN_WORDS])
def test_no_number_is_passed_over_before_which_such_a_word_stands(words: str) -> None:
    lots = random.Random(6)
    announced = Announced(words, 48)
    parts = ["call", "xcall", "tel", "né", "電話", "my number", "id", "video", "ssn", "ss#", "zip ", "電", " ", "1"]
    parts.append("-" * 30)
    for _ in range(12):
        data = "".join(lots.choice(parts) for _ in range(25)).encode()
        for start in range(len(data)):
            passed = range(start + 1, announced.next(data, start))
            assert not any(announced.before(data, at) or announced.directly(data, at) for at in passed)


def test_a_number_of_a_place_that_nobody_knows_is_none(guard: PiiGuard) -> None:
    """python-stdnum raises KeyError for Chinese numbers of some prefectures."""
    with pytest.raises(KeyError):
        ric.is_valid("111300458602035954")
    assert not whole(guard, "no. 111300458602035954")


def test_check_digits_are_those_of_the_authority() -> None:
    lots = random.Random(7)
    for _ in range(300):
        number = "".join(lots.choices("0123456789", k=12))
        assert is_verhoeff(number.encode()) == verhoeff.is_valid(number)
        assert is_verhoeff(f"{number[:11]}{verhoeff.calc_check_digit(number[:11])}".encode())
        norwegian = f"{number[:10]}{fodselsnummer.calc_check_digit2(number[:10])}"
        if len(norwegian) == 11:
            assert is_multiple(norwegian.encode(), bytes((5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)), 11)
