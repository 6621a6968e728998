"""The website's script in a browser: it asks once, and nothing of Analytics happens before a yes."""

from datetime import timedelta
from typing import Any

import pytest

from privacy import policy
from tests.browser.conftest import complaining
from tests.browser.website import API, Website
from tests.unit.engine import SITE, SetClock, items

pytestmark = pytest.mark.xdist_group("browser")

ANALYTICS = {"_ga", "_ga_4711ABC", "_gid", "_gac_UA-4711-1", "_gat", "_gat_gtag_UA_4711_1"}
LOADED = "GET analytics.example/analytics.js"
SAVED = "PUT api.perfectwork.app/cookies/consent"


def visit(page: Any) -> Any:
    """Open the website, and wait until the script has had its answer."""
    with page.expect_response(f"{API}/cookies/consent"):
        page.goto(SITE + "/")
    return page


def press(page: Any, name: str) -> None:
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.get_by_role("button", name=name, exact=True).click()


def until(page: Any, condition: str) -> None:
    """Wait for what holds in the page. Playwright's own way wants the page to allow `eval`, and ours does not."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never: {condition}")


def names(page: Any) -> set[str]:
    return {cookie["name"] for cookie in page.context.cookies()}


def dialog(page: Any) -> Any:
    return page.get_by_role("dialog", name="Your choice about cookies")


def gone(page: Any) -> None:
    dialog(page).wait_for(state="hidden")


def chosen(page: Any) -> str:
    """The end of what `td_id` holds."""
    (value,) = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "td_id"]
    return str(value[-4:])


@pytest.mark.promise("cookies.choice")
def test_a_first_visit_asks_and_requests_nothing_of_analytics(page: Any, website: Website) -> None:
    visit(page)
    dialog(page).wait_for()
    buttons = [button.inner_text() for button in dialog(page).get_by_role("button").all()]
    assert buttons == ["Accept all", "Reject all", "Choose"]
    assert (names(page), LOADED in website.asked, page.errors) == (set(), False, [])
    assert items("choices") == []


@pytest.mark.promise("cookies.choice")
def test_a_yes_loads_analytics_and_nobody_is_asked_again(page: Any, website: Website) -> None:
    visit(page)
    press(page, "Accept all")
    gone(page)
    until(page, "window.counting")
    assert (chosen(page), names(page)) == ("p1a1", {"td_id", *ANALYTICS})
    website.asked.clear()
    visit(page)
    until(page, "window.counting")
    assert not dialog(page).is_visible()
    assert [line for line in website.asked if "analytics.js" in line or SAVED in line] == [LOADED]
    assert page.errors == []
    (row,) = items("choices")
    assert (row["preferences"], row["analytics"]) == (True, True)


@pytest.mark.promise("cookies.choice")
def test_a_no_loads_nothing_and_nobody_is_asked_again(page: Any, website: Website) -> None:
    visit(page)
    press(page, "Reject all")
    gone(page)
    visit(page)
    page.wait_for_timeout(200)
    assert not dialog(page).is_visible()
    assert (chosen(page), names(page), LOADED in website.asked) == ("p0a0", {"td_id"}, False)


@pytest.mark.promise("cookies.choice")
def test_who_takes_a_yes_back_loses_the_cookies_of_the_domain_and_of_the_host(page: Any, website: Website) -> None:
    visit(page)
    press(page, "Accept all")
    until(page, "window.counting")
    page.context.add_cookies([{"name": "tz", "value": "Asia/Singapore", "url": SITE}])
    page.context.add_cookies([{"name": "cart", "value": "1", "url": SITE}])
    page.get_by_role("link", name="Cookie settings").click()
    website.asked.clear()
    with page.expect_navigation():  # what had been loaded is gone with its page
        press(page, "Reject all")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.counting") is None
    assert (chosen(page), names(page), LOADED in website.asked) == ("p0a0", {"td_id", "cart"}, False)


@pytest.mark.promise("cookies.choice")
def test_the_server_alone_removes_the_cookies_of_the_domain(page: Any) -> None:
    visit(page)
    page.context.add_cookies(
        [{"name": name, "value": "1", "domain": ".perfectwork.app", "path": "/"} for name in ANALYTICS]
    )
    page.evaluate(f"fetch('{API}/cookies/consent', {{ credentials: 'include' }}).then((answer) => answer.status)")
    assert names(page) == set()


@pytest.mark.promise("cookies.choice")
def test_one_category_can_be_chosen_without_the_other(page: Any, website: Website) -> None:
    visit(page)
    page.get_by_role("button", name="Choose").click()
    boxes = page.get_by_role("checkbox").all()
    assert [box.is_checked() for box in boxes] == [False, False]
    page.get_by_role("checkbox", name="Preferences").check()
    press(page, "Save my choice")
    gone(page)
    assert (chosen(page), LOADED in website.asked) == ("p1a0", False)
    page.get_by_role("link", name="Cookie settings").click()
    assert [box.is_checked() for box in page.get_by_role("checkbox").all()] == [True, False]


@pytest.mark.promise("cookies.choice")
@pytest.mark.parametrize("by", ["the script", "the server"])
def test_global_privacy_control_keeps_analytics_off_whoever_sees_it(context: Any, website: Website, by: str) -> None:
    if by == "the script":
        context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })")
    else:
        context.set_extra_http_headers({"Sec-GPC": "1"})
    page = visit(complaining(context.new_page()))
    press(page, "Accept all")
    gone(page)
    visit(page)
    page.wait_for_timeout(200)
    assert (chosen(page), LOADED in website.asked) == ("p1a0", False)
    page.get_by_role("link", name="Cookie settings").click()
    analytics = page.get_by_role("checkbox", name="Analytics")
    assert (analytics.is_checked(), analytics.is_enabled()) == (False, by == "the server")
    assert dialog(page).get_by_text("Global Privacy Control").is_visible() == (by == "the script")


@pytest.mark.promise("cookies.choice")
def test_the_choice_is_asked_anew_when_it_has_ended(page: Any, website: Website, clock: SetClock) -> None:
    visit(page)
    press(page, "Accept all")
    until(page, "window.counting")
    website.asked.clear()
    clock.set(policy.load().retention["cookies.choice"].after(clock()) + timedelta(days=1))
    visit(page)
    dialog(page).wait_for()
    assert (names(page), LOADED in website.asked) == (set(), False)


@pytest.mark.promise("cookies.choice")
def test_the_keyboard_alone_is_enough(page: Any) -> None:
    visit(page)
    dialog(page).wait_for()
    assert page.evaluate("document.activeElement.tagName") == "H2"  # a screen reader begins with the question
    walked = []
    for _ in range(3):
        page.keyboard.press("Tab")
        walked.append(page.evaluate("document.activeElement.textContent"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    assert walked == ["Accept all", "Reject all", "Choose"]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "preferences"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for _ in range(3):
        page.keyboard.press("Tab")
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.keyboard.press("Enter")
    gone(page)
    assert chosen(page) == "p0a1"


@pytest.mark.promise("cookies.choice")
def test_the_dialog_holds_the_focus_and_gives_it_back(page: Any) -> None:
    visit(page)
    press(page, "Reject all")
    gone(page)
    link = page.get_by_role("link", name="Cookie settings")
    link.focus()
    page.keyboard.press("Enter")
    dialog(page).wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    gone(page)
    assert page.evaluate("document.activeElement.hasAttribute('data-cookie-settings')")


@pytest.mark.promise("cookies.choice")
def test_escape_rejects_what_was_not_asked_for_yet_and_changes_no_choice(page: Any, website: Website) -> None:
    visit(page)
    dialog(page).wait_for()
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        page.keyboard.press("Escape")
    gone(page)
    assert chosen(page) == "p0a0"
    page.get_by_role("link", name="Cookie settings").click()
    page.get_by_role("checkbox", name="Preferences").check()
    press(page, "Save my choice")
    gone(page)
    website.asked.clear()
    page.get_by_role("link", name="Cookie settings").click()
    page.keyboard.press("Escape")
    gone(page)
    assert (chosen(page), website.asked) == ("p1a0", [])


@pytest.mark.promise("cookies.choice")
def test_a_choice_that_cannot_be_saved_is_told_and_loads_nothing(page: Any, website: Website) -> None:
    visit(page)
    website.down = True
    press(page, "Accept all")
    page.get_by_role("alert").get_by_text("could not be saved").wait_for()
    assert dialog(page).is_visible()
    page.context.add_cookies([{"name": "_ga", "value": "1", "domain": ".perfectwork.app", "path": "/"}])
    press(page, "Reject all")
    until(page, "!document.cookie.includes('_ga')")
    assert (names(page), LOADED in website.asked) == (set(), False)
    website.down = False
    press(page, "Reject all")
    gone(page)
    assert chosen(page) == "p0a0"


@pytest.mark.promise("cookies.choice")
def test_while_the_choice_cannot_be_asked_nothing_is_loaded(page: Any, website: Website) -> None:
    website.down = True
    visit(page)
    page.wait_for_timeout(200)
    assert not dialog(page).is_visible()
    assert (names(page), LOADED in website.asked) == (set(), False)


@pytest.mark.promise("cookies.choice")
def test_it_keeps_nothing_in_the_browser_by_itself_and_works_under_a_strict_policy(page: Any) -> None:
    visit(page)
    press(page, "Accept all")
    until(page, "window.counting")
    kept = page.evaluate(
        "Promise.all([localStorage.length, sessionStorage.length, indexedDB.databases().then((all) => all.length)])"
    )
    assert (kept, page.errors) == ([0, 0, 0], [])
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "td_id"]
    assert (cookie["domain"], cookie["secure"], cookie["sameSite"]) == ("api.perfectwork.app", True, "Lax")


@pytest.mark.promise("cookies.choice")
def test_the_website_is_told_what_was_chosen(page: Any) -> None:
    page.add_init_script(
        "window.told = []; document.addEventListener('cookie-consent', (event) => told.push(event.detail))"
    )
    visit(page)
    press(page, "Accept all")
    gone(page)
    assert page.evaluate("told") == [
        {"preferences": False, "analytics": False},
        {"preferences": True, "analytics": True},
    ]


@pytest.mark.promise("cookies.choice")
def test_the_three_ways_look_alike_and_nothing_moves(page: Any) -> None:
    visit(page)
    dialog(page).wait_for()
    looks = page.evaluate(
        """[...document.querySelectorAll('dialog button')].map((one) => {
             const style = getComputedStyle(one);
             return [style.backgroundColor, style.color, style.fontSize, style.fontWeight, style.borderTopWidth,
                     one.offsetHeight >= 44].join();
           })"""
    )
    assert len(looks) == 3
    assert len(set(looks)) == 1
    assert looks[0].endswith("true")
    moving = "[...document.querySelectorAll('dialog, dialog *')].flatMap((one) => one.getAnimations()).length"
    assert page.evaluate(moving) == 0


@pytest.mark.promise("cookies.choice")
def test_the_words_can_be_the_website_s_own_and_are_only_words(page: Any, website: Website) -> None:
    website.words = {"title": "Ihre Wahl", "accept": "<img src=x onerror=alert(1)>"}
    visit(page)
    found = page.get_by_role("dialog", name="Ihre Wahl")
    found.wait_for()
    assert found.get_by_role("button").first.inner_text() == website.words["accept"]
    assert found.get_by_role("button", name="Reject all").is_visible()


@pytest.mark.promise("cookies.choice")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("expanded", [False, True])
def test_nothing_is_in_the_way_of_a_screen_reader(page: Any, scheme: str, expanded: bool) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core: roles alone are checked")
    page.emulate_media(color_scheme=scheme)
    visit(page)
    dialog(page).wait_for()
    if expanded:
        page.get_by_role("button", name="Choose").click()
    # axe comes in from outside, so the page's own policy does not apply to it
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
