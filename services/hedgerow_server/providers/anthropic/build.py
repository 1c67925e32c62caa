"""Requests to Claude: https://docs.claude.com/en/api/messages, there and on the platforms that serve it."""

import msgspec

from hedgerow_server.core.request import ChatSpec, FunctionTool, JsonSchemaFormat, ToolChoice, ToolChoiceMode
from hedgerow_server.providers.anthropic.body import (
    Cacheable,
    JsonSchema,
    MessageBody,
    OutputConfig,
    ToolBody,
    ToolChoiceBody,
    ToolResultBlock,
    encode,
)
from hedgerow_server.providers.anthropic.messages import (
    Conversation,
    as_cache_control,
    with_cache_control,
    with_members,
)
from hedgerow_server.providers.anthropic.models import Traits, traits
from hedgerow_server.providers.anthropic.thinking import set_thinking
from hedgerow_server.providers.draft import Draft

_NO_PARAMETERS = msgspec.Raw(b'{"type":"object","properties":{}}')
_MAX_BREAKPOINTS = 4
_OPTIONS = "chat.provider_options"
_NOTHING = msgspec.Raw()
# What the caller's options may say as long as this request says nothing of it.
_OPEN_MEMBERS = ("thinking", "output_config")
_MEMBERS = frozenset(MessageBody.__struct_fields__) - frozenset(_OPEN_MEMBERS)
# Options that are no members of the body: features in beta, and further members of functions by the functions' names.
_BETAS, _TOOL_MEMBERS = "betas", "tool_members"
_WORDS = msgspec.json.Decoder(list[str])
_BY_NAME = msgspec.json.Decoder(dict[str, dict[str, msgspec.Raw]])
_Members = dict[str, msgspec.Raw]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says of the body."""

    default_max_tokens: int | None = None
    """The limit where the caller sets none; None for the model's own."""
    thinking_display: str | None = None
    """How thoughts are shown; None for the model's own way."""
    cite_documents: bool = False
    """Whether documents are given with citations enabled."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What the body holds beside the conversation. The defaults are those of Anthropic's own API."""

    names_model: bool = True
    """Whether the model stands in the body; elsewhere it stands in the URL."""
    names_stream: bool = True
    """Whether the body says that the answer is streamed; on Bedrock the URL does."""
    version: str | None = None
    """`anthropic_version`, where it stands in the body."""
    betas: tuple[str, ...] = ()
    """`anthropic_beta`, where it stands in the body."""
    takes_betas: bool = True
    """Whether callers may name further ones. Other platforms refuse what they do not know."""


ANTHROPIC = Envelope()
VERTEX = Envelope(names_model=False, version="vertex-2023-10-16", takes_betas=False)
BEDROCK = Envelope(names_model=False, names_stream=False, version="bedrock-2023-05-31", takes_betas=False)


def message_body(
    spec: ChatSpec,
    draft: Draft,
    *,
    model: str,
    stream: bool,
    options: Options,
    envelope: Envelope = ANTHROPIC,
) -> bytes:
    """The body of a request for a message. `model` is the provider's name of it, which also decides what the body may
    say. Raises RequestInvalid.
    """
    return message_body_and_betas(spec, draft, model=model, stream=stream, options=options, envelope=envelope)[0]


def message_body_and_betas(
    spec: ChatSpec, draft: Draft, *, model: str, stream: bool, options: Options, envelope: Envelope = ANTHROPIC
) -> tuple[bytes, list[str]]:
    """The same, and the features in beta that the caller names, which stand in a header. Raises RequestInvalid."""
    takes = traits(model)
    path, own = draft.options(spec, _OPTIONS)
    betas = _betas(own, path, draft, envelope)
    tool_members = _tool_members(own, path, draft)
    body = MessageBody(
        messages=[],
        max_tokens=spec.max_output_tokens or options.default_max_tokens or takes.default_max_tokens,
        model=model if envelope.names_model else None,
        anthropic_version=envelope.version,
        anthropic_beta=list(envelope.betas) or None,
        stream=True if stream and envelope.names_stream else None,
    )
    _set_messages(body, spec, draft, takes, cite_documents=options.cite_documents and not spec.response_format)
    if spec.reasoning is not None and not _says_how_to_think(own, takes):
        limited = spec.max_output_tokens is not None
        set_thinking(body, spec.reasoning, takes, draft, limited=limited, display=options.thinking_display)
    if spec.tools or spec.tool_choice is not None:
        _set_tools(body, spec, draft, tool_members)
    if spec.response_format is not None:
        _set_format(body, spec, draft)
    _set_sampling(body, spec, takes, draft)
    _limit_cache_breakpoints(body)
    _merge_output_config(body, own, path, draft)
    forbidden = _MEMBERS | {name for name in _OPEN_MEMBERS if getattr(body, name) is not None}
    return draft.with_members(encode(body), own, path, forbidden), betas


def _betas(own: _Members, path: str, draft: Draft, envelope: Envelope) -> list[str]:
    """Takes the features in beta out of the caller's options."""
    if _BETAS not in own:
        return []
    try:
        betas = _WORDS.decode(own.pop(_BETAS))
    except msgspec.DecodeError:
        raise draft.invalid(f"{path}.{_BETAS}", "must be a list of strings") from None
    if not envelope.takes_betas:
        draft.ignored(f"{path}.{_BETAS}", "The platform is only asked for what its configuration names.")
        return []
    return betas


def _tool_members(own: _Members, path: str, draft: Draft) -> dict[str, _Members]:
    """Takes what the contract cannot say of functions out of the caller's options."""
    if _TOOL_MEMBERS not in own:
        return {}
    try:
        found = _BY_NAME.decode(own.pop(_TOOL_MEMBERS))
    except msgspec.DecodeError:
        raise draft.invalid(f"{path}.{_TOOL_MEMBERS}", "must be an object of objects") from None
    for members in found.values():
        if taken := sorted(members.keys() & frozenset(ToolBody.__struct_fields__)):
            raise draft.invalid(f"{path}.{_TOOL_MEMBERS}", f"must not hold {taken[0]!r}, which the gateway sets itself")
    return found


def _says_how_to_think(own: _Members, takes: Traits) -> bool:
    """Whether the caller says in Claude's own words how to think, beside what `reasoning` says for every model. These
    words hold where the model takes them; elsewhere they are left out, and `reasoning` holds.
    """
    thinking = own.get("thinking", _NOTHING)
    config = own.get("output_config", _NOTHING)
    unfit = (b'"adaptive"' in bytes(thinking) and not takes.adaptive) or (
        b'"enabled"' in bytes(thinking) and not takes.budgets
    )
    if unfit:
        own.pop("thinking", None)
        own.pop("output_config", None)
        return False
    return thinking is not _NOTHING or b'"effort"' in bytes(config)


def _merge_output_config(body: MessageBody, own: _Members, path: str, draft: Draft) -> None:
    """What the caller says of effort goes into the same member as the form of the answer."""
    if body.output_config is None or "output_config" not in own:
        return
    members = draft.members(bytes(own["output_config"]), f"{path}.output_config")
    ours = msgspec.json.decode(encode(body.output_config), type=_Members)
    if taken := sorted(members.keys() & ours.keys()):
        raise draft.invalid(f"{path}.output_config", f"must not hold {taken[0]!r}, which the gateway sets itself")
    body.output_config = None
    own["output_config"] = msgspec.Raw(encode(ours | members))


def _set_messages(body: MessageBody, spec: ChatSpec, draft: Draft, takes: Traits, *, cite_documents: bool) -> None:
    conversation = Conversation(draft, cite_documents=cite_documents, later_system=takes.later_system)
    for index, message in enumerate(spec.messages):
        conversation.add(message, f"chat.messages[{index}]")
    if not conversation.turns:
        raise draft.invalid("chat.messages", "must hold more than a system prompt: the provider wants something said")
    body.messages = conversation.turns
    body.system = conversation.system or None


def _set_tools(body: MessageBody, spec: ChatSpec, draft: Draft, others: dict[str, _Members]) -> None:
    choice = spec.tool_choice
    names = choice.function_names if choice is not None else ()
    # The provider forces one tool or any. To narrow a choice the others are not offered.
    narrowed = names and not _forced(choice)
    tools: list[ToolBody | msgspec.Raw] = []
    for index, tool in enumerate(spec.tools):
        if isinstance(tool, FunctionTool):
            if not narrowed or tool.name in names:
                tools.append(with_members(_tool(tool), others.get(tool.name)))
        elif tool.provider not in draft.names:
            message = "The tool is of another provider and was not offered."
            draft.ignored(f"chat.tools[{index}].provider_tool", message)
        elif not narrowed:
            definition = msgspec.Raw(tool.definition.encode())
            tools.append(with_cache_control(definition, as_cache_control(tool.cache_hint)))
    if tools:
        body.tools = tools
        body.tool_choice = _tool_choice(choice, spec.parallel_tool_calls)
        _settle_forced_choice(body, draft)
    elif choice is not None and choice.mode is ToolChoiceMode.REQUIRED:
        raise draft.invalid("chat.tool_choice.mode", "must not be required when no tool can be offered")


def _forced(choice: ToolChoice | None) -> bool:
    return choice is not None and choice.mode is ToolChoiceMode.REQUIRED and len(choice.function_names) == 1


def _tool(tool: FunctionTool) -> ToolBody:
    return ToolBody(
        name=tool.name,
        input_schema=msgspec.Raw(tool.parameters.encode()) if tool.parameters else _NO_PARAMETERS,
        description=tool.description or None,
        strict=tool.strict,
        cache_control=as_cache_control(tool.cache_hint),
    )


def _tool_choice(choice: ToolChoice | None, parallel: bool | None) -> ToolChoiceBody | None:
    alone = True if parallel is False else None
    if choice is None:
        return ToolChoiceBody("auto", disable_parallel_tool_use=alone) if alone else None
    if choice.mode is ToolChoiceMode.NONE:
        return ToolChoiceBody("none")
    if choice.mode is ToolChoiceMode.AUTO:
        return ToolChoiceBody("auto", disable_parallel_tool_use=alone)
    if _forced(choice):
        return ToolChoiceBody("tool", choice.function_names[0], alone)
    return ToolChoiceBody("any", disable_parallel_tool_use=alone)


def _settle_forced_choice(body: MessageBody, draft: Draft) -> None:
    """A model that must call a tool cannot think before. What must be done goes before how much to think of it."""
    thinks = body.thinking is not None and body.thinking.type in ("enabled", "adaptive")
    if thinks and body.tool_choice is not None and body.tool_choice.type in ("any", "tool"):
        body.thinking = None
        draft.ignored("chat.reasoning", "The model does not think when it must call a tool.")


def _set_format(body: MessageBody, spec: ChatSpec, draft: Draft) -> None:
    form = spec.response_format
    if not isinstance(form, JsonSchemaFormat):
        draft.ignored("chat.response_format.json_object", "The provider makes JSON by a schema only.")
        return
    at = "chat.response_format.json_schema"
    if form.description:
        draft.ignored(f"{at}.description", "The provider has no description of a schema.")
    if form.strict is False:
        draft.ignored(f"{at}.strict", "The provider always follows the schema.")
    body.output_config = body.output_config or OutputConfig()
    body.output_config.format = JsonSchema(msgspec.Raw(form.schema.encode()))


def _set_sampling(body: MessageBody, spec: ChatSpec, takes: Traits, draft: Draft) -> None:
    for name in ("frequency_penalty", "presence_penalty", "seed", "top_logprobs"):
        if getattr(spec, name) is not None:
            draft.ignored(f"chat.{name}", "The provider has no such parameter.")
    if spec.stop_sequences:
        for index, text in enumerate(spec.stop_sequences):
            if text.isspace():
                raise draft.invalid(f"chat.stop_sequences[{index}]", "must not be blank: the provider refuses it")
        body.stop_sequences = list(spec.stop_sequences)
    thinks = body.thinking is not None and body.thinking.type == "enabled"
    for name in ("temperature", "top_p", "top_k"):
        value = getattr(spec, name)
        if value is None:
            continue
        if not takes.samples:
            draft.ignored(f"chat.{name}", "The model takes no sampling parameters.")
        elif thinks:
            draft.ignored(f"chat.{name}", "The model takes no sampling parameters while it thinks.")
        elif name == "top_p" and takes.one_sampler and spec.temperature is not None:
            draft.ignored("chat.top_p", "The model takes only one of temperature and top_p.")
        else:
            setattr(body, name, value)
    if body.temperature is not None and body.temperature > 1:
        body.temperature = 1.0
        draft.changed("chat.temperature", "The provider's highest temperature is 1.")


def _limit_cache_breakpoints(body: MessageBody) -> None:
    """Keeps the last of the places to cache at: the provider refuses more than four. Raw items are not looked at."""
    blocks: list[object] = [*(body.tools or ()), *(body.system or ())]
    for turn in body.messages:
        for block in turn.content:
            if isinstance(block, ToolResultBlock):
                blocks += block.content or ()
            blocks.append(block)
    hinted = [block for block in blocks if isinstance(block, Cacheable) and block.cache_control is not None]
    for one in hinted[:-_MAX_BREAKPOINTS]:
        one.cache_control = None
