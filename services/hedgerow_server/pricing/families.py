"""Whose prices are meant: the names of providers here, and in the price list."""

# Only those that differ; any other name stands for itself, and one that the list does not know has no price.
_IN_THE_LIST = {
    "azure_ai": "azure",
    "azure_openai": "azure",
    "bedrock": "aws",
    "bedrock_mantle": "aws",
    "gemini": "google",
    "moonshot": "moonshotai",
    "vertex": "google",
    "voyage": "voyageai",
    "xai": "x-ai",
}
_HUGGING_FACE = "huggingface"


def listed(family: str, model: str) -> tuple[str, str]:
    """The price list's names of a provider and a model. Hugging Face's router says in the model's name who serves it:
    `owner/model:novita`; without that nobody knows the price.
    """
    if family == _HUGGING_FACE:
        model, _, partner = model.partition(":")
        return f"{_HUGGING_FACE}_{partner}", model
    family = _IN_THE_LIST.get(family, family)
    if family == "google":
        # The Gemini API's full name of a model, and Vertex AI's: publishers/google/models/...
        model = model.rpartition("models/")[2]
    return family, model
