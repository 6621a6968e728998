"""GET /promises."""

from collections.abc import Callable

from chalice.app import Response

from privacy.policy import under_policy_in_force
from privacy.settings import Deployment, load
from privacy.web import PrivacyApp, answer
from promises.parts import Parts, assemble
from promises.showing import shown


def build(parts: Callable[[], Parts]) -> PrivacyApp:
    """The app over its parts, which are asked for at the first request."""
    app = PrivacyApp("promises", site=lambda: parts().settings.site_url)

    @app.view("GET", "/promises")
    def show() -> Response:
        found = parts().findings.current(list(parts().policy.promises))
        items = [shown(promise, found.get(promise.id), parts().clock()) for promise in parts().policy.promises.values()]
        return answer(200, {"policy_version": parts().policy.version.isoformat(), "items": items})

    return app


app = build(under_policy_in_force(lambda: assemble(load(Deployment))))
