"""Secrets: what is found of them, what is none, and that nothing depends on how a text came."""

import random

import pytest
from hedgerow_server.core.guard import Source
from hedgerow_server.guardrails.forms import Form, Forms
from hedgerow_server.guardrails.secret_entropy import entropy, is_password, is_random
from hedgerow_server.guardrails.secret_formats import SecretsGuard, SecretsGuardSection
from unit.hedgerow_server.guardrails import confidential, personal
from unit.hedgerow_server.guardrails.splits import (
    assert_same_at,
    assert_same_at_every_split,
    in_pieces,
    in_steps,
    whole,
)

SPLIT_TEXTS = 1_000
PLACES = 4
"""Split positions of each text in an ordinary run; all of them with --long."""


@pytest.fixture(scope="module")
def guard() -> SecretsGuard:
    return SecretsGuard(SecretsGuardSection())


def found(guard: SecretsGuard, text: str) -> list[tuple[str, str]]:
    return [(one.category.removeprefix("secret."), text[one.start : one.end]) for one in whole(guard, text)]


@pytest.mark.parametrize("category", confidential.FORMATS)
def test_every_key_of_a_provider_is_found_whole(guard: SecretsGuard, category: str) -> None:
    draw = random.Random(category)
    for make in confidential.FORMATS[category]:
        for around in ("{}", "it is {}, I think", 'key="{}"', "KEY={}\n", "({})"):
            for _ in range(20):
                secret = make(draw)
                assert found(guard, around.replace("{}", secret)) == [(category, secret)]


@pytest.mark.parametrize(("category", "around", "make"), confidential.ANNOUNCED)
def test_every_secret_that_its_name_announces_is_found(
    guard: SecretsGuard, category: str, around: str, make: confidential.Make
) -> None:
    draw = random.Random(around)
    for _ in range(200):
        secret = make(draw)
        if category == "password" and secret.isalpha():
            continue
        (one,) = found(guard, around.replace("{}", secret))
        assert one == (category, secret) or secret.startswith(one[1])


def test_web_tokens_are_found_whole(guard: SecretsGuard) -> None:
    draw = random.Random(1)
    for _ in range(100):
        token = confidential.web_token(draw)
        assert found(guard, f"cookie {token}; next") == [("jwt", token)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n", "\n    "])
def test_private_keys_are_found_over_all_their_lines(guard: SecretsGuard, newline: str) -> None:
    draw = random.Random(2)
    for _ in range(50):
        key = confidential.private_key(draw, newline=newline)
        assert found(guard, f'key: "{key}" and on') == [("private_key", key)]


def test_a_private_key_without_an_end_is_found_as_far_as_it_goes(guard: SecretsGuard) -> None:
    key = confidential.private_key(random.Random(3))[:300]
    assert [kind for kind, _ in found(guard, key)] == ["private_key"]
    assert found(guard, f"{key}\nAnd then some words.")[0][1].startswith(key[:250])


@pytest.mark.parametrize(
    "text",
    [
        "the password is required, your password: must contain 8 characters, password = os.environ['PW1']",
        "password: <your-password1>, token = get_token1(), api_key=${API_KEY_1}, secret: example-secret-123456",
        "max_tokens: 4096, token limit is 128000 tokens, tokens=2048, secret: none",
        "postgres://user:password@localhost/db, https://example.org:8080/a@b, redis://localhost:6379",
        "sk-learn, risk-assessment-of-the-whole-organisation-2024, ask-me, desk-organiser-for-the-office-2024",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b, key 550e8400-e29b-41d4-a716-446655440000",
        "the key claude-3-5-sonnet-20241022, token gpt-4o-mini-2024-07-18 and key getElementsByTagNameAndClass",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----, -----BEGIN RSA PRIVATE KEY----- starts it",
        "Authorization: Bearer <token>, Authorization: Bearer YOUR_API_KEY_GOES_HERE",
        "AKIA is a prefix, eyJ too, ghp_ and AIza, hf_transfer_is_a_package_with_a_long_name",
    ],
)
def test_what_only_looks_like_a_secret_is_left(guard: SecretsGuard, text: str) -> None:
    assert found(guard, text) == []


def test_random_strings_count_only_beside_a_word_for_a_secret(guard: SecretsGuard) -> None:
    draw = random.Random(4)
    make = confidential.drawn(confidential.ALNUM, 32)
    caught = 0
    for _ in range(500):
        secret = make(draw)
        caught += found(guard, f"here is the credential for it: {secret}") != []
        assert found(guard, f"here is the picture of it: {secret}") == []
    assert caught >= 490


def test_random_strings_can_be_left_out() -> None:
    without = SecretsGuard(SecretsGuardSection(random_strings=False))
    assert found(without, "the token there: kJ8xQ2mZ7vB4nL9pR3tY6wD1") == []


def test_no_secret_is_found_in_the_development_texts(guard: SecretsGuard) -> None:
    texts = personal.others(2_000, random.Random(5))
    if not texts:
        pytest.skip(f"the development texts are not at {personal.TEXTS}")
    assert sum(bool(whole(guard, text)) for text in texts) <= len(texts) / 1_000


def test_the_replacement_is_the_configured_one() -> None:
    guard = SecretsGuard(SecretsGuardSection(replacement="<gone>"))
    assert [one.replacement for one in whole(guard, "my password is hunter2")] == ["<gone>"]


@pytest.mark.timeout(1800)
def test_where_a_text_is_split_changes_nothing(guard: SecretsGuard, pytestconfig: pytest.Config) -> None:
    draw = random.Random(6)
    for count, text in enumerate([confidential.text(draw) for _ in range(SPLIT_TEXTS)] + personal.others(100, draw)):
        if pytestconfig.getoption("--long"):
            assert_same_at_every_split(guard, text)
        else:
            assert_same_at(
                guard,
                text[:400],
                draw.sample(range(min(len(text), 400)), min(PLACES, len(text))),
                singly=count % 10 == 0,
            )


def test_a_long_text_in_steps_is_as_in_one(guard: SecretsGuard) -> None:
    draw = random.Random(7)
    text = " ".join(confidential.text(draw) for _ in range(200))
    assert in_steps(guard, text, step=1000).findings == whole(guard, text)


def test_prose_flows_but_for_its_last_word(guard: SecretsGuard) -> None:
    text = "the key to a good password is that nobody knows the secret and no token of it is left - anywhere at all"
    assert in_pieces(guard, [f"{word} " for word in text.split()]).longest_hold == 0


def test_a_private_key_is_held_until_it_ends(guard: SecretsGuard) -> None:
    key = confidential.private_key(random.Random(8))
    half = len(key) // 2
    assert guard.scan(key[:half], Source.ANSWER, 0, final=False).settled == 0
    assert guard.scan(key + " and", Source.ANSWER, 0, final=False).settled > len(key)


@pytest.mark.parametrize(("text", "most"), [("a" * 3_000, 512), ("-" * 3_000, 512), ("eyJ" * 6_000, 8_192)])
def test_what_never_ends_is_settled_after_the_longest_there_is(guard: SecretsGuard, text: str, most: int) -> None:
    assert in_pieces(guard, [text[at : at + 500] for at in range(0, len(text), 500)]).longest_hold <= most


@pytest.mark.parametrize(
    "piece",
    ["password=", "password=abc123 ", "token secret ", "key abcdefgabcdefgabcdefg ", "eyJ.", "http://a:b@", "sk-"],
)
def test_checks_grow_with_the_text_and_no_faster(
    guard: SecretsGuard, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_entropy_is_that_of_the_letters_drawn() -> None:
    assert entropy(b"") == 0
    assert entropy(b"aaaa") == 0
    assert entropy(b"abcd" * 4) == 2


@pytest.mark.parametrize("text", [b"hunter2", b"Tr0ub4dor&3", b"!correct%horse", b"aB3dE5gH7jK9"])
def test_passwords_have_digits_or_signs_among_letters(text: bytes) -> None:
    assert is_password(text)


@pytest.mark.parametrize("text", [b"secret", b"required", b"get_password", b"settings.key1", b"12345678", b"f(x1)abcd"])
def test_words_names_and_code_are_no_passwords(text: bytes) -> None:
    assert not is_password(text)


@pytest.mark.parametrize("text", [b"my-super-secret-token-value", b"a" * 30, b"ThisIsAVeryLongIdentifierName"])
def test_words_and_names_are_not_random(text: bytes) -> None:
    assert not is_random(text)
