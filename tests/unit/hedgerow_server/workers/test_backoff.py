"""How long a worker that ends by itself is left alone."""

from hedgerow_server.workers.backoff import Backoff


def test_pauses_double_up_to_half_a_minute() -> None:
    one = Backoff()
    assert [one.pause_s(0.0) for _ in range(9)] == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_worker_that_has_served_for_a_minute_is_started_again_soon() -> None:
    one = Backoff()
    for _ in range(6):
        one.pause_s(59.9)
    assert one.pause_s(60.0) == 0.25
    assert one.pause_s(1.0) == 0.5
