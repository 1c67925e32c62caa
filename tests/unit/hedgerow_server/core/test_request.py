"""What a request says of itself."""

import pytest
from hedgerow_server.core.request import is_stateful


@pytest.mark.parametrize(
    ("options", "stateful"),
    [
        ("{}", False),
        ('{"previous_response_id": "resp_1"}', True),
        ('{"conversation": "conv_1"}', True),
        ('{"session_id": "s"}', True),
        ('{"container": "c"}', True),
        ('{"store": true}', True),
        ('{"store":true,"a":false}', True),
        ('{"store": false}', False),
        ('{"store":null}', False),
        ('{"background": true}', True),
        ('{"background": false}', False),
        ('{"storefront": true}', False),
    ],
)
def test_options_by_which_a_provider_keeps_something(options: str, stateful: bool) -> None:
    assert is_stateful({"vendor": "{}", "other": options}) is stateful
