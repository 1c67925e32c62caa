"""What may be done from a page, by whom, and that a read-only console offers and does nothing."""

from collections.abc import Iterator

import pytest
from console.browser import visit
from console.ground import ROLES, Ground, ground
from console.visitor import Visitor, visiting
from playwright.async_api import Browser, expect
from rpc.access import OPERATOR
from stack import simulator

OFF = {"do": "off", "scope": "model", "name": "fast", "reason": "too dear"}
MORE = {"looks": {"rpcs": [], "admin": ["Get*", "List*"]}}


@pytest.fixture(scope="module", name="acting")
def acting_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A router whose console is not read-only."""
    folder = tmp_path_factory.mktemp("acting")
    with simulator(folder) as sim:
        console = {"public_url": "http://localhost", "read_only": False}
        with ground(folder, f"http://{sim.addresses['http']}", console, []) as found:
            identity = found.config["identity"]
            found.reload(identity={**identity, "roles": {**ROLES, **MORE}})
            yield found


@pytest.fixture(name="actor")
def actor_fixture(acting: Ground) -> Iterator[Visitor]:
    """Somebody with the operator's token."""
    with visiting(acting.url) as found:
        assert found.log_in(OPERATOR).status_code == 303
        yield found


def audited(acting: Ground) -> list[tuple[str, str, str]]:
    """The rows of the audit log: who, what, what became of it."""
    with acting.admin() as admin:
        return [(row.who, row.action, row.outcome) for row in admin.list_audit_rows()]


def test_what_is_switched_off_serves_no_call_until_it_is_on_again(acting: Ground, actor: Visitor) -> None:
    csrf = actor.csrf("/console/routes")
    assert actor.post("/console/routes", csrf, site="same-origin", **OFF).headers["location"] == "/console/routes"
    assert "too dear" in actor.get("/console/routes").text
    with acting.admin() as admin:
        assert [(one.name, one.reason) for one in admin.list_kill_switches()] == [("fast", "too dear")]
    actor.post("/console/routes", csrf, site="same-origin", do="on", scope="model", name="fast")
    with acting.admin() as admin:
        assert admin.list_kill_switches() == []
    rows = audited(acting)
    for action in ("SetKillSwitch", "ClearKillSwitch"):
        assert any(row[1:] == (action, "OK") for row in rows), rows


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({**OFF, "reason": " "}, 400),
        ({**OFF, "name": ""}, 400),
        ({**OFF, "name": "x" * 321}, 400),
        ({**OFF, "scope": "world"}, 400),
    ],
)
def test_a_switch_needs_a_name_and_a_reason(form: dict[str, str], status: int, acting: Ground, actor: Visitor) -> None:
    assert actor.post("/console/routes", actor.csrf("/console/routes"), **form).status_code == status
    with acting.admin() as admin:
        assert admin.list_kill_switches() == []


@pytest.mark.parametrize(("path", "form"), [("/console/routes", OFF), ("/console/configuration", {})])
def test_a_role_that_may_only_look_is_offered_nothing_and_refused(
    path: str, form: dict[str, str], acting: Ground
) -> None:
    key, _ = acting.key("looks")
    with visiting(acting.url) as found:
        found.log_in(key)
        page = found.get(path).text
        assert "Switch something off" not in page
        assert "Reload the file" not in page
        assert found.post(path, found.csrf(path), site="same-origin", **form).status_code == 403
    with acting.admin() as admin:
        assert admin.list_kill_switches() == []


@pytest.mark.parametrize("csrf", ["", "wrong"])
def test_nothing_is_done_for_a_form_of_somebody_else_s(csrf: str, acting: Ground, actor: Visitor) -> None:
    assert actor.post("/console/routes", csrf, **OFF).status_code == 403
    good = actor.csrf("/console/routes")
    assert actor.post("/console/routes", good, site="cross-site", **OFF).status_code == 403
    with acting.admin() as admin:
        assert admin.list_kill_switches() == []


@pytest.mark.parametrize(("path", "form"), [("/console/routes", OFF), ("/console/configuration", {})])
def test_a_read_only_console_offers_nothing_and_refuses_it(
    path: str, form: dict[str, str], ground: Ground, operator: Visitor
) -> None:
    """It is the default, whatever the roles allow."""
    page = operator.get(path).text
    assert "Switch something off" not in page
    assert "Reload the file" not in page
    answer = operator.post(path, operator.csrf(path), site="same-origin", **form)
    assert answer.status_code == 403
    assert "read-only" in answer.text
    with ground.admin() as admin:
        assert admin.list_kill_switches() == []


async def test_people_switch_off_and_on_and_reload_by_the_page(chromium: Browser, acting: Ground) -> None:
    async with visit(chromium, acting.url) as (page, seen):
        await page.goto("/")
        await page.get_by_label("API key").fill(OPERATOR)
        await page.get_by_role("button", name="Log in", exact=True).click()
        await page.goto("/console/routes")
        await page.get_by_text("Switch something off").click()
        form = page.get_by_role("form", name="Switch something off")
        await form.get_by_label("What").select_option("provider")
        await form.get_by_label("Name").fill("sim")
        await form.get_by_label("Reason").fill("a <b>drill</b>")
        await form.get_by_role("button", name="Switch off").click()
        await expect(page.get_by_text("a <b>drill</b>")).to_be_visible()
        await page.get_by_role("button", name="Switch on the provider sim").click()
        await expect(page.get_by_text("Switched off by operators")).to_have_count(0)
        with acting.admin() as admin:
            # The file is followed, so it differs for long after a rollback only.
            admin.rollback_config()
        await page.goto("/console/configuration")
        await page.get_by_role("button", name="Reload the file").click()
        await expect(page.get_by_text("The file is what is in force.")).to_be_visible()
        assert seen.complaints == []
    assert any(row[1:] == ("Reload", "OK") for row in audited(acting)[-2:])
