"""Every key of LiteLLM's configuration that the import knows, and what becomes of it.

From https://docs.litellm.ai/docs/proxy/config_settings and https://docs.litellm.ai/docs/router/api_reference/configuration
(November 2026).
"""

from collections.abc import Mapping
from types import MappingProxyType

from hedgerow_client.moving.report import Key, Verdict


def _table(**rows: tuple[Verdict, str]) -> Mapping[str, Key]:
    return MappingProxyType({name: Key(verdict, text) for name, (verdict, text) in rows.items()})


_MAPS, _PARTLY, _NO = Verdict.MAPS, Verdict.PARTLY, Verdict.NO
_OBSERVE = "Hedgerow has no callbacks; use its metrics (`/metrics`), its call log and the ledger (`hedgerow export`)"
_CALLER = "the gateway sets no parameters of its own; let callers send it"
_UI = "Hedgerow has no such page or database; see docs/access.md and docs/ledger.md"

TOP = _table(
    model_list=(_MAPS, "`providers` and `routes`"),
    router_settings=(_MAPS, "`routes`, `breaker`, `deadline`, `sharing`"),
    litellm_settings=(_MAPS, "`routes`, `cache`, `deadline`"),
    general_settings=(_MAPS, "`identity`, `quotas`"),
    credential_list=(_MAPS, "`credentials`; the values of `litellm_credential_name` in `model_list`"),
    guardrails=(_PARTLY, "guards of Hedgerow's own where they look for the same, see docs/guardrails.md"),
    environment_variables=(_NO, "set them in the environment of the router; values are not copied"),
    callback_settings=(_NO, _OBSERVE),
    mcp_servers=(_NO, "Hedgerow is no MCP gateway"),
    vector_store_registry=(_NO, "Hedgerow searches no vector stores"),
    search_tools=(_NO, "Hedgerow has no search tools of its own; providers' tools pass through"),
    finetune_settings=(_NO, "Hedgerow has no fine-tuning API"),
    files_settings=(_NO, "Hedgerow has no files API"),
    prompts=(_NO, "Hedgerow keeps no prompts"),
    include=(_NO, "import the included files too, each by itself, or join them first"),
)

MODEL = _table(
    model_name=(_MAPS, "the name of a route; equal names are its candidates"),
    litellm_params=(_MAPS, "a candidate and its provider"),
    model_info=(_MAPS, "`kind` of the route, `pricing.overrides`"),
    rpm=(_MAPS, "as `litellm_params.rpm`"),
    tpm=(_MAPS, "as `litellm_params.tpm`"),
)

PARAMS = _table(
    model=(_MAPS, "dialect or vendor by the prefix, `model` of the candidate by the rest"),
    custom_llm_provider=(_MAPS, "as the prefix of `model`"),
    api_key=(_MAPS, "a credential from the environment; a plain secret becomes a variable that you set"),
    api_base=(_MAPS, "`base_url` of the provider"),
    base_url=(_MAPS, "as `api_base`"),
    api_version=(_MAPS, "`api_version` of an Azure provider"),
    organization=(_MAPS, "`organization` of an OpenAI provider"),
    litellm_credential_name=(_MAPS, "the values of that entry of `credential_list`"),
    aws_region_name=(_MAPS, "`region` of a Bedrock provider"),
    aws_access_key_id=(
        _PARTLY,
        "a credential with `source: aws`, which finds keys where AWS's tools do: the environment, a profile, a role",
    ),
    aws_secret_access_key=(_PARTLY, "as `aws_access_key_id`"),
    aws_session_token=(_PARTLY, "as `aws_access_key_id`"),
    aws_profile_name=(_MAPS, "`profile` of a credential with `source: aws`"),
    aws_role_name=(_MAPS, "`role_arn` of a credential with `source: aws`"),
    aws_session_name=(_MAPS, "`session_name` of that credential"),
    vertex_project=(_MAPS, "`project` of a Vertex provider"),
    vertex_location=(_MAPS, "`location` of a Vertex provider"),
    vertex_credentials=(_MAPS, "`path` of a credential with `source: google`, where it is a file"),
    extra_headers=(_PARTLY, "`headers` of an OpenAI provider, but for those that look like secrets"),
    rpm=(_MAPS, "`rate_limits.requests_per_minute` of the provider"),
    tpm=(_MAPS, "`rate_limits.tokens_per_minute` of the provider"),
    weight=(_MAPS, "`weight` of the candidate"),
    order=(_PARTLY, "the candidates stand in this order, with `strategy: ordered`; equal ones are not drawn by weight"),
    region_name=(_MAPS, "`region` of the candidate; `regions` of routes and rules use it"),
    timeout=(
        _PARTLY,
        (
            "`first_token_timeout_seconds` of the provider: a deadline for the whole call is the caller's, or "
            "`deadline.default_seconds`"
        ),
    ),
    stream_timeout=(_PARTLY, "`idle_timeout_seconds` of the provider: the longest pause of a stream"),
    max_retries=(_PARTLY, "`max_attempts` of the route, which counts all of its candidates' attempts"),
    num_retries=(_PARTLY, "`max_attempts` of the route, which counts all of its candidates' attempts"),
    input_cost_per_token=(_MAPS, "`pricing.overrides`"),
    output_cost_per_token=(_MAPS, "`pricing.overrides`"),
    drop_params=(
        _MAPS,
        (
            "what a provider does not take is always dropped with a warning; `require_parameters` of a call "
            "refuses instead"
        ),
    ),
    additional_drop_params=(_NO, "only what a provider does not take is dropped; see `quirks` in docs/providers.md"),
    max_parallel_requests=(_NO, "Hedgerow limits callers (`quotas`), and a provider's connections (`max_connections`)"),
    max_budget=(_NO, "a budget for one deployment has no counterpart; see `budgets` in docs/quotas.md"),
    budget_duration=(_NO, "as `max_budget`"),
    tags=(_NO, "use a label: `when: \"labels.tag == 'paid'\"` at the candidate (docs/routing.md)"),
    temperature=(_NO, _CALLER),
    top_p=(_NO, _CALLER),
    max_tokens=(_NO, _CALLER + "; `budgets[].max_output_tokens` is a bound"),
    seed=(_NO, _CALLER),
    stop=(_NO, _CALLER),
    extra_body=(_NO, _CALLER + " (`provider_options`)"),
    thinking=(_NO, _CALLER),
    reasoning_effort=(_NO, _CALLER),
    cache_control_injection_points=(_NO, "callers mark what is to be cached (`cache_hint`)"),
    mock_response=(_NO, "use the simulator (docs/simulator.md)"),
    merge_reasoning_content_in_choices=(_NO, "reasoning stays apart from the text"),
    use_in_pass_through=(_NO, "Hedgerow passes no calls through"),
    configurable_clientside_auth_params=(_NO, "callers never choose keys or addresses"),
    ssl_verify=(_NO, "certificates are always verified; `ca_file` of the provider names your authorities"),
)

INFO = _table(
    mode=(_MAPS, "`kind` of the route: chat or embed; other modes have no API in Hedgerow"),
    input_cost_per_token=(_MAPS, "`pricing.overrides`"),
    output_cost_per_token=(_MAPS, "`pricing.overrides`"),
    id=(_MAPS, "not needed: candidates are named by provider and model"),
    base_model=(_NO, "Azure's answers name the model, by which they are priced; else set `pricing.overrides`"),
    max_tokens=(_NO, "facts about models come from the catalogue (docs/models.md); `catalogue.files` adds some"),
    max_input_tokens=(_NO, "as `max_tokens`"),
    max_output_tokens=(_NO, "as `max_tokens`"),
    supports_function_calling=(_NO, "as `max_tokens`"),
    supports_vision=(_NO, "as `max_tokens`"),
    access_groups=(_NO, "see `identity.roles` in docs/access.md: a role lists models"),
    team_id=(_NO, "see `identity.roles` in docs/access.md"),
    metadata=(_NO, "it changes nothing"),
    description=(_NO, "it changes nothing"),
)

ROUTER = _table(
    routing_strategy=(
        _MAPS,
        (
            "`strategy` of the routes: simple-shuffle is weighted, latency-based-routing fastest, "
            "cost-based-routing cheapest"
        ),
    ),
    num_retries=(_MAPS, "`max_attempts` of the routes"),
    timeout=(_MAPS, "`deadline.default_seconds`"),
    stream_timeout=(_NO, "set `first_token_timeout_seconds` and `idle_timeout_seconds` of the providers"),
    fallbacks=(_MAPS, "further candidates of the route"),
    default_fallbacks=(_MAPS, "further candidates of every chat route"),
    context_window_fallbacks=(_PARTLY, "further candidates, and `larger_context`; they serve other failures as well"),
    content_policy_fallbacks=(
        _NO,
        "a refusal goes to the caller: what one provider's policy refuses is not taken to another",
    ),
    model_group_alias=(_MAPS, "routes with the same candidates"),
    max_fallbacks=(_NO, "`max_attempts` bounds all attempts"),
    allowed_fails=(_PARTLY, "`breaker.consecutive_failures`: failures in a row, not in a minute"),
    cooldown_time=(_PARTLY, "`breaker.ejection_seconds`, the first time; longer each time after it"),
    disable_cooldowns=(_NO, "candidates that fail are always set aside"),
    allowed_fails_policy=(_NO, "failures of a request never count, those of a provider always do (docs/routing.md)"),
    retry_policy=(_NO, "what a failure means decides (docs/routing.md#failover)"),
    model_group_retry_policy=(_NO, "as `retry_policy`"),
    retry_after=(_NO, "the provider's own delay counts"),
    redis_host=(_MAPS, "`sharing.redis`"),
    redis_port=(_MAPS, "`sharing.redis`"),
    redis_password=(_MAPS, "a credential of `sharing.redis`"),
    redis_url=(_MAPS, "`sharing.redis`, where it stands in the file and holds no password"),
    enable_pre_call_checks=(_MAPS, "candidates whose context is too small are always passed over (docs/models.md)"),
    cache_responses=(_NO, "set `cache` of the routes"),
    routing_strategy_args=(_NO, "the strategies have no settings"),
    routing_groups=(_NO, "set `strategy` of each route"),
    enable_tag_filtering=(_NO, "use labels and conditions (docs/routing.md#rules)"),
    tag_filtering_match_any=(_NO, "as `enable_tag_filtering`"),
    provider_budget_config=(_NO, "budgets are callers', not providers'; see docs/quotas.md"),
    optional_pre_call_checks=(_NO, "see `affinity` of a route for prompt caches"),
    set_verbose=(_NO, "`telemetry.log_level: debug`"),
    debug_level=(_NO, "`telemetry.log_level: debug`"),
    model_group_affinity_config=(_NO, "see `affinity` of a route"),
)


def _as_router(name: str) -> tuple[Verdict, str]:
    return ROUTER[name].verdict, ROUTER[name].text


LITELLM = _table(
    num_retries=(_MAPS, "as in `router_settings`"),
    request_timeout=(_MAPS, "`deadline.default_seconds`"),
    fallbacks=(_MAPS, "as in `router_settings`"),
    default_fallbacks=(_MAPS, "as in `router_settings`"),
    context_window_fallbacks=_as_router("context_window_fallbacks"),
    content_policy_fallbacks=_as_router("content_policy_fallbacks"),
    allowed_fails=_as_router("allowed_fails"),
    cooldown_time=_as_router("cooldown_time"),
    cache=(_MAPS, "`cache` of every route"),
    cache_params=(_MAPS, "`cache`, below"),
    drop_params=(_MAPS, "always so, with a warning"),
    json_logs=(_MAPS, "the call log is JSON"),
    turn_off_message_logging=(_MAPS, "no content is ever logged"),
    redact_user_api_key_info=(_MAPS, "no key is ever logged"),
    max_budget=(_MAPS, "an entry of `budgets`, hard"),
    budget_duration=(_PARTLY, "`per` of that budget: days, weeks and months of the calendar"),
    success_callback=(_NO, _OBSERVE),
    failure_callback=(_NO, _OBSERVE),
    callbacks=(_NO, _OBSERVE),
    service_callbacks=(_NO, _OBSERVE),
    langfuse_default_tags=(_NO, _OBSERVE),
    set_verbose=(_NO, "`telemetry.log_level: debug`"),
    modify_params=(_NO, "a request is never changed beyond what its provider demands, and then with a warning"),
    enable_json_schema_validation=(_NO, "see `structured_output` of a route"),
    force_ipv4=(_NO, "the system's resolver decides"),
    ssl_verify=(_NO, "certificates are always verified; `ca_file` of a provider names your authorities"),
    default_internal_user_params=(_NO, _UI),
    default_team_settings=(_NO, _UI),
    default_team_params=(_NO, _UI),
    max_internal_user_budget=(_NO, "an entry of `budgets` by user"),
    max_end_user_budget=(_NO, "an entry of `budgets` by user"),
    internal_user_budget_duration=(_NO, "an entry of `budgets` by user"),
    upperbound_key_generate_params=(_NO, _UI),
    key_generation_settings=(_NO, "see `identity.admin` in docs/access.md"),
    mcp_aliases=(_NO, "Hedgerow is no MCP gateway"),
    custom_provider_map=(_NO, "handlers in Python cannot move; a server of OpenAI's API needs only `base_url`"),
    tag_budget_config=(_NO, "budgets are kept by tenant, team, user, model, key and service (docs/quotas.md)"),
    priority_reservation=(_NO, "see docs/quotas.md: tenants share a provider's limits fairly"),
)

CACHE = _table(
    type=(_MAPS, "local: memory; redis: `cache.redis`; redis-semantic, qdrant-semantic: `mode: semantic`, in memory"),
    ttl=(_MAPS, "`ttl_seconds` of the routes"),
    host=(_MAPS, "`cache.redis.url`"),
    port=(_MAPS, "`cache.redis.url`"),
    password=(_MAPS, "a credential of `cache.redis`"),
    ssl=(_MAPS, "`rediss://`"),
    url=(_MAPS, "`cache.redis.url`, where it holds no password"),
    namespace=(_MAPS, "`cache.redis.prefix`"),
    similarity_threshold=(_MAPS, "`cache.semantic.min_similarity`"),
    redis_semantic_cache_embedding_model=(_MAPS, "`cache.semantic.model`"),
    qdrant_semantic_cache_embedding_model=(_MAPS, "`cache.semantic.model`"),
    supported_call_types=(_PARTLY, "chats and embeddings, each by its route"),
    mode=(_NO, "routes cache or do not; a call may opt out, and none can opt in"),
    redis_startup_nodes=(_NO, "set `cache.redis.url` and `cluster: true`"),
    service_name=(_NO, "Redis Sentinel is not supported"),
    sentinel_nodes=(_NO, "Redis Sentinel is not supported"),
    max_connections=(_NO, "there is no such setting"),
    s3_bucket_name=(_NO, "answers are kept in memory or in Redis"),
    gcs_bucket_name=(_NO, "answers are kept in memory or in Redis"),
    disk_cache_dir=(_NO, "answers are kept in memory or in Redis"),
    qdrant_api_base=(_NO, "vectors are kept in the router's memory"),
    qdrant_collection_name=(_NO, "vectors are kept in the router's memory"),
)

GENERAL = _table(
    master_key=(
        _PARTLY,
        "`identity.api_keys` and a store; the key itself cannot move: make keys with `hedgerow keys create`",
    ),
    database_url=(
        _PARTLY,
        (
            "a store (SQLite); virtual keys, teams and spend in LiteLLM's database cannot move: make keys with "
            "`hedgerow keys create`"
        ),
    ),
    max_parallel_requests=(_NO, "per deployment there is none; callers have `quotas`, see docs/quotas.md"),
    global_max_parallel_requests=(_MAPS, "an entry of `quotas` with `concurrency`"),
    disable_spend_logs=(_NO, "`ledger.enabled: false`, if you want no books"),
    maximum_spend_logs_retention_period=(_NO, "`ledger.retention_days`"),
    store_model_in_db=(_NO, "models are in the file; models in LiteLLM's database have to be written there"),
    store_prompts_in_spend_logs=(_NO, "no content is ever kept in the books"),
    alerting=(_NO, "see `alerts` in docs/quotas.md: a signed webhook"),
    alerting_threshold=(_NO, "as `alerting`"),
    background_health_checks=(_NO, "breakers learn from calls; `hedgerow probe` asks by hand"),
    health_check_interval=(_NO, "as `background_health_checks`"),
    completion_model=(_NO, "callers name the model"),
    enable_jwt_auth=(_NO, "see `identity.jwt` in docs/access.md"),
    litellm_jwtauth=(_NO, "see `identity.jwt` in docs/access.md"),
    custom_auth=(_NO, "code cannot move; see `identity.jwt` and `identity.mtls` in docs/access.md"),
    allowed_routes=(_NO, "see `identity.roles` in docs/access.md"),
    key_management_system=(_NO, "credentials come from the environment, files, Vault and clouds (docs/vault.md)"),
    key_management_settings=(_NO, "as `key_management_system`"),
    pass_through_endpoints=(_NO, "Hedgerow passes no calls through"),
    forward_client_headers_to_llm_api=(_NO, "callers' headers do not reach providers"),
    enforce_user_param=(_NO, "who calls is known by authentication"),
    allow_requests_on_db_unavailable=(_NO, "keys are held in memory (docs/access.md)"),
    database_connection_pool_limit=(_NO, "`store.postgres.pool_size`"),
    proxy_batch_write_at=(_NO, "the ledger writes by itself"),
    proxy_budget_rescheduler_min_time=(_NO, "budgets are renewed on time"),
    ui_access_mode=(_NO, _UI),
    infer_model_from_keys=(_NO, "routes are in the file; a name ending with `/*` stands for all models of a provider"),
)

GUARDRAIL = _table(
    guardrail_name=(_MAPS, "the name of the guard"),
    litellm_params=(_MAPS, "below"),
)

GUARDRAIL_PARAMS = _table(
    guardrail=(_MAPS, "presidio: `type: pii`; hide-secrets: `type: secrets`; others have no counterpart"),
    mode=(_MAPS, "`sides`: pre_call and during_call are input, post_call is output"),
    default_on=(_MAPS, "`guardrails.default`"),
    pii_entities_config=(_PARTLY, "the guard looks for all categories of its own, and redacts them"),
)

CREDENTIAL = _table(
    credential_name=(_MAPS, "what `litellm_credential_name` says"),
    credential_values=(_MAPS, "as `litellm_params`"),
    credential_info=(_MAPS, "not needed"),
)

SECTIONS: Mapping[str, Mapping[str, Key]] = MappingProxyType(
    {
        "": TOP,
        "model_list[]": MODEL,
        "model_list[].litellm_params": PARAMS,
        "model_list[].model_info": INFO,
        "router_settings": ROUTER,
        "litellm_settings": LITELLM,
        "litellm_settings.cache_params": CACHE,
        "general_settings": GENERAL,
        "guardrails[]": GUARDRAIL,
        "guardrails[].litellm_params": GUARDRAIL_PARAMS,
        "credential_list[]": CREDENTIAL,
    }
)
"""All of it, by section."""
