"""ListModels."""

from bisect import bisect_left, bisect_right

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import FieldViolation, ModelNotFound, RequestInvalid
from hedgerow_server.core.event import CandidateInfo, Events, ModelInfo, ModelsListed
from hedgerow_server.core.request import ListModelsRequest
from hedgerow_server.rpc.listing import Named


class Models:
    """Answers questions about models."""

    def __init__(self, listing: Named) -> None:
        self._listing = listing

    async def list_models(self, call: Call) -> Events:
        """One page, or the one model that is asked about. A page token is the name after which the page begins, whether
        it is still there or not: a model that comes or goes between two pages shifts nothing. Raises RequestInvalid and
        ModelNotFound.
        """
        request = call.request
        assert isinstance(request, ListModelsRequest)
        models = self._visible(call, request)
        if request.name and not models:
            raise ModelNotFound(
                f"There is no model {request.name!r} here.",
                metadata={"model": request.name},
                resource=("hedgerow.router.v1.Model", request.name),
            )
        if request.before_token:
            end = bisect_left(models, _place(request.before_token), key=_key)
            start = max(0, end - request.page_size)
            yield ModelsListed(models[start:end], "/".join(_key(models[start])) if start else "")
            return
        start = bisect_right(models, _place(request.page_token), key=_key) if request.page_token else 0
        page = models[start : start + request.page_size]
        more = start + len(page) < len(models)
        token = "/".join(_key(page[-1])) if more else ""
        yield ModelsListed(page, token)

    def _visible(self, call: Call, request: ListModelsRequest) -> tuple[ModelInfo, ...]:
        """The models that a caller is told of, sorted: those that it may use."""
        models = self._listing.models()
        if request.name:
            models = _named(models, request.name)
        access = call.principal.access if call.principal is not None else None
        if access is not None:
            models = tuple(model for model in models if access.knows(model.name))
        if request.without_stars:
            models = tuple(model for model in models if not model.name.endswith("/*"))
        if request.kind:
            models = tuple(model for model in models if model.kind == request.kind)
        if request.provider:
            models = tuple(model for model in models if any(request.provider == c.provider for c in model.candidates))
        return models


def _named(models: tuple[ModelInfo, ...], name: str) -> tuple[ModelInfo, ...]:
    """The models of a name, else what the longest beginning with a star makes of it."""
    found = tuple(model for model in models if model.name == name)
    beginning = name
    while not found and (cut := beginning.rfind("/")) > 0:
        beginning, rest = beginning[:cut], name[cut + 1 :]
        found = tuple(_behind(model, name, rest) for model in models if model.name == f"{beginning}/*")
    return found


def _behind(star: ModelInfo, name: str, rest: str) -> ModelInfo:
    candidates = tuple(CandidateInfo(one.provider, rest, one.region) for one in star.candidates)
    return ModelInfo(name, star.kind, candidates)


def _key(model: ModelInfo) -> tuple[str, str]:
    """What models are sorted by."""
    return model.name, model.kind


def _place(token: str) -> tuple[str, str]:
    name, _, kind = token.rpartition("/")
    if not name or kind not in ("chat", "embed"):
        violation = FieldViolation("page_token", "must be a next_page_token of this gateway")
        raise RequestInvalid(
            "page_token is not of this gateway.", metadata={"field": "page_token"}, violations=(violation,)
        )
    return name, kind
