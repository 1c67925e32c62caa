"""ListModels."""

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import FieldViolation, RequestInvalid
from hedgerow_server.core.event import Events, ModelsListed
from hedgerow_server.core.request import ListModelsRequest
from hedgerow_server.routing.plan import Routes


class Models:
    """Answers questions about models."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def list_models(self, call: Call) -> Events:
        """One page. A page token is the name after which the page begins, so a model that comes or goes between two
        pages shifts nothing.
        """
        request = call.request
        assert isinstance(request, ListModelsRequest)
        models = self._routes.models()
        start = 0
        if request.page_token:
            keys = [f"{model.name}/{model.kind}" for model in models]
            if request.page_token not in keys:
                violation = FieldViolation("page_token", "must be a next_page_token of this gateway")
                raise RequestInvalid("page_token is not of this gateway.", violations=(violation,))
            start = keys.index(request.page_token) + 1
        page = models[start : start + request.page_size]
        more = start + len(page) < len(models)
        token = f"{page[-1].name}/{page[-1].kind}" if more else ""
        yield ModelsListed(page, token)
