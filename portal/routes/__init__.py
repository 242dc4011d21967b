"""Every address of the portal, listed once."""

from portal.routes import (
    backoffice,
    catalogue,
    completion,
    drafts,
    my_requests,
    operations,
    sign_in,
    track,
    uploads,
    webhooks,
)

HANDLERS = [
    *catalogue.HANDLERS,
    *sign_in.HANDLERS,
    *track.HANDLERS,
    *drafts.HANDLERS,
    *uploads.HANDLERS,
    *completion.HANDLERS,
    *my_requests.HANDLERS,
    *backoffice.HANDLERS,
    *webhooks.HANDLERS,
    *operations.HANDLERS,
]
