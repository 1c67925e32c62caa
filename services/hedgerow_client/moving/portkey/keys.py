"""Every key of Portkey's configs that the import knows, and what becomes of it.

From https://portkey.ai/docs/api-reference/inference-api/config-object and the checks of the open gateway,
https://github.com/Portkey-AI/gateway/blob/main/src/middlewares/requestValidator/schema/config.ts (November 2026).
"""

from collections.abc import Mapping
from types import MappingProxyType

from hedgerow_client.moving.report import Key, Verdict

_MAPS, _PARTLY, _NO = Verdict.MAPS, Verdict.PARTLY, Verdict.NO


def _table(**rows: tuple[Verdict, str]) -> Mapping[str, Key]:
    return MappingProxyType({name: Key(verdict, text) for name, (verdict, text) in rows.items()})


_AWS = "a credential with `source: aws`, which finds keys where AWS's tools do: the environment, a profile, a role"
_HOOKS = (
    "see docs/guardrails.md: Hedgerow's guards stand in its own file, and checks of Portkey's account cannot be read"
)

NODE = _table(
    strategy=(_MAPS, "`strategy`, weights and conditions of the route"),
    targets=(_MAPS, "candidates; nested targets are laid out flat"),
    name=(_MAPS, "what conditions call a target"),
    provider=(_MAPS, "dialect or vendor; of `@slug/model` the slug tells which, or `--provider SLUG=NAME` does"),
    virtual_key=(_PARTLY, "the key is in Portkey's vault: an environment variable takes its place"),
    api_key=(_PARTLY, "an environment variable takes its place"),
    weight=(_MAPS, "`weight` of the candidate"),
    override_params=(_MAPS, "`model` of the candidate; other parameters are callers' to send"),
    custom_host=(_MAPS, "`base_url` of the provider"),
    retry=(_MAPS, "`max_attempts` of the route"),
    cache=(_MAPS, "`cache` of the route"),
    request_timeout=(
        _PARTLY,
        "at the top `deadline.default_seconds`; at a target `first_token_timeout_seconds` of the candidate",
    ),
    openai_organization=(_MAPS, "`organization` of the provider"),
    openai_project=(_MAPS, "`project` of the provider"),
    azure_resource_name=(_MAPS, "`base_url` of an Azure provider"),
    azure_deployment_id=(_MAPS, "`model` of the candidate"),
    azure_api_version=(_MAPS, "`api_version` of the provider"),
    azure_model_name=(_MAPS, "not needed"),
    aws_region=(_MAPS, "`region` of a Bedrock provider"),
    aws_access_key_id=(_PARTLY, _AWS),
    aws_secret_access_key=(_PARTLY, _AWS),
    aws_session_token=(_PARTLY, _AWS),
    vertex_project_id=(_MAPS, "`project` of a Vertex provider"),
    vertex_region=(_MAPS, "`location` of a Vertex provider"),
    vertex_service_account_json=(_PARTLY, "put it into a file and name it as `path` of the credential"),
    strict_open_ai_compliance=(_NO, "docs/openai.md says what answers look like"),
    forward_headers=(_NO, "callers' headers do not reach providers"),
    on_status_codes=(_NO, "what a failure means decides (docs/routing.md#failover)"),
    input_guardrails=(_NO, _HOOKS),
    output_guardrails=(_NO, _HOOKS),
    before_request_hooks=(_NO, _HOOKS),
    after_request_hooks=(_NO, _HOOKS),
    default_input_guardrails=(_NO, _HOOKS),
    default_output_guardrails=(_NO, _HOOKS),
    metadata=(_NO, "callers send labels"),
    drop_params=(_NO, "what a provider does not take is always dropped with a warning"),
    transform_to_form_data=(_NO, "Hedgerow has no such API"),
)

STRATEGY = _table(
    mode=(_MAPS, "single, fallback: in order; loadbalance: weighted; conditional: conditions of the candidates"),
    on_status_codes=(
        _PARTLY,
        (
            "what a failure means decides (docs/routing.md#failover): 429, 5xx and lost connections go to "
            "the next candidate, requests that are wrong do not"
        ),
    ),
    conditions=(_MAPS, "`when` of the candidates, over labels instead of metadata"),
    default=(_MAPS, "the candidate whose condition is that no other holds"),
    cb_config=(_PARTLY, "`breaker`, which is the same for all routes"),
    sticky=(_PARTLY, "`affinity` of the route: by conversation, not by fields of the request"),
    sticky_session=(_PARTLY, "`affinity` of the route: by conversation, not by fields of the request"),
)

RETRY = _table(
    attempts=(_MAPS, "`max_attempts`, which counts the attempts of all candidates"),
    on_status_codes=(_PARTLY, "what a failure means decides (docs/routing.md#failover)"),
    use_retry_after_header=(_MAPS, "the provider's delay always counts"),
)

CACHE = _table(
    mode=(_MAPS, "simple: exact; semantic: exact too, until `cache.semantic.model` names a route for embeddings"),
    max_age=(_PARTLY, "`ttl_seconds`, read as seconds; the open gateway counts milliseconds, the hosted one seconds"),
)

BREAKER = _table(
    failure_threshold=(_MAPS, "`breaker.consecutive_failures`"),
    failure_threshold_percentage=(_MAPS, "`breaker.failure_share`"),
    minimum_requests=(_MAPS, "`breaker.min_calls`"),
    cooldown_interval=(_MAPS, "`breaker.ejection_seconds`"),
    failure_status_codes=(_NO, "only failures of the provider count"),
)

SECTIONS: Mapping[str, Mapping[str, Key]] = MappingProxyType(
    {
        "": NODE,
        "strategy": STRATEGY,
        "strategy.cb_config": BREAKER,
        "retry": RETRY,
        "cache": CACHE,
    }
)
"""All of it, by section. The first holds for the config and for each of its targets."""
