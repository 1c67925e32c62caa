"""The part of a provider's configuration that belongs to this dialect."""

from typing import Annotated, ClassVar, Literal

import pydantic

from hedgerow_server.providers.section import EmbeddingSection, ProviderUrl

_Region = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$", max_length=32)]


class BedrockSection(EmbeddingSection):
    """Amazon Bedrock: chat by Converse, embeddings by InvokeModel.

    The secret is either a Bedrock API key, or the text of a JSON object with `access_key_id`, `secret_access_key` and,
    for temporary credentials, `session_token`; then requests are signed (SigV4), which takes the extra `bedrock`.
    """

    own_family: ClassVar[str | None] = "bedrock"
    dialect: Literal["bedrock"]
    """The dialect."""
    region: _Region
    """The AWS region, such as us-east-1: where the requests go and what they are signed for."""
    base_url: ProviderUrl | None = None
    """Where the API is, without the operation: an http or https URL without query. None: the region's own endpoint."""
