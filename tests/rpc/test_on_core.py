"""The gRPC door on C-core (`server.grpc.engine: grpcio`): what matters most, by the tests of the door by default."""

from collections.abc import Iterator

import pytest
from rpc.caller import Door, connected
from rpc.conftest import StartRouter
from rpc.test_cancel import (
    test_a_caller_that_leaves_in_the_middle_of_a_write_is_no_fault,
    test_a_caller_that_leaves_mid_stream_ends_the_upstream_request,
    test_a_connection_that_breaks_ends_its_calls,
    test_cancelled_calls_leave_nothing_behind,
)
from rpc.test_deadline import (
    test_the_callers_deadline_bounds_the_upstream_request,
    test_what_came_before_the_deadline_stands,
)
from rpc.test_errors import (
    test_a_failed_call_leaves_the_connection_usable,
    test_a_throttled_provider_says_when_to_come_back,
    test_an_rpc_that_does_not_exist,
    test_every_bad_field_is_named,
    test_far_above_the_limit_grpc_itself_refuses,
    test_the_callers_own_request_id_comes_back,
    test_the_limit_that_a_message_exceeds_is_told,
)
from rpc.test_stream_embed import (
    test_a_caller_that_sends_little_waits_for_nobody,
    test_a_stream_that_is_dropped_in_the_middle_is_no_success,
    test_answers_come_in_order_under_the_callers_ids,
)
from stack import Stack

__all__ = [
    "test_a_caller_that_leaves_in_the_middle_of_a_write_is_no_fault",
    "test_a_caller_that_leaves_mid_stream_ends_the_upstream_request",
    "test_a_caller_that_sends_little_waits_for_nobody",
    "test_a_connection_that_breaks_ends_its_calls",
    "test_a_failed_call_leaves_the_connection_usable",
    "test_a_stream_that_is_dropped_in_the_middle_is_no_success",
    "test_a_throttled_provider_says_when_to_come_back",
    "test_an_rpc_that_does_not_exist",
    "test_answers_come_in_order_under_the_callers_ids",
    "test_cancelled_calls_leave_nothing_behind",
    "test_every_bad_field_is_named",
    "test_far_above_the_limit_grpc_itself_refuses",
    "test_the_callers_deadline_bounds_the_upstream_request",
    "test_the_callers_own_request_id_comes_back",
    "test_the_limit_that_a_message_exceeds_is_told",
    "test_what_came_before_the_deadline_stands",
]


@pytest.fixture(scope="module", name="door")
def door_fixture(start_router: StartRouter, stack: Stack) -> Iterator[Door]:
    """A router on the shared simulator."""
    with (
        start_router(server={"grpc": {"listen": "127.0.0.1:0", "engine": "grpcio"}}) as running,
        connected(running.addresses) as caller,
    ):
        yield Door(Stack(stack.simulator, running, stack.recordings), caller)


@pytest.fixture
def either(door: Door) -> Door:
    """The same: upstream transports are not what these are about."""
    return door
