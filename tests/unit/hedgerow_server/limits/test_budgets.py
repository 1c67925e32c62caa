"""What metrics tell of budgets."""

from hedgerow_server.limits.budgets import BudgetNumbers
from money.limited import ANN, BOB, World
from unit.hedgerow_server.telemetry.counted import told

WHOLE = {"name": "whole", "usd": "10", "per": "month"}
EACH = {"name": "each", "usd": "4", "per": "day", "by": ["tenant"]}
DOLLAR = 10**12


def test_a_budget_tells_what_is_spent_of_it_and_one_of_each_caller_the_sum_and_the_highest_share() -> None:
    world = World(budgets=[WHOLE, EACH])
    world.settle(world.take(ANN), picos=2 * DOLLAR)
    world.settle(world.take(BOB), picos=DOLLAR)
    assert told(BudgetNumbers(lambda: world.limiter)) == {
        ("hedgerow_budget_spent_dollars", "whole"): 3,
        ("hedgerow_budget_limit_dollars", "whole"): 10,
        ("hedgerow_budget_used_ratio", "whole"): 0.3,
        ("hedgerow_budget_spent_dollars", "each"): 3,
        ("hedgerow_budget_limit_dollars", "each"): 8,
        ("hedgerow_budget_used_ratio", "each"): 0.5,
    }


def test_what_is_reserved_is_not_spent_and_quotas_are_no_budgets() -> None:
    world = World(quotas=[{"name": "q", "limits": [{"requests": 10, "per": "minute"}]}], budgets=[WHOLE])
    world.take(ANN, picos=DOLLAR)
    assert told(BudgetNumbers(lambda: world.limiter)) == {("hedgerow_budget_limit_dollars", "whole"): 10}


def test_a_window_that_is_over_is_spent_no_more() -> None:
    world = World(budgets=[EACH])
    world.settle(world.take(ANN), picos=DOLLAR)
    world.counters.pass_s(2 * 86_400)
    assert not told(BudgetNumbers(lambda: world.limiter), "hedgerow_budget_spent")


def test_budgets_that_a_reload_has_taken_away_are_told_no_more() -> None:
    world = World(budgets=[WHOLE])
    world.settle(world.take(ANN), picos=DOLLAR)
    world.reload()
    assert not told(BudgetNumbers(lambda: world.limiter))


def test_the_budgets_of_very_many_callers_are_added_up_in_pieces() -> None:
    world = World(budgets=[{**EACH, "by": ["user"]}])
    (limit,) = world.limiter.budgets()
    for number in range(1000):
        world.counters.bucket((limit.id, (str(number),)), limit.window).load(DOLLAR)
    pieces = list(BudgetNumbers(lambda: world.limiter)())
    assert len(pieces) > 1000 / 128
    assert told(lambda: pieces, "hedgerow_budget_spent") == {("hedgerow_budget_spent_dollars", "each"): 1000}
