"""Every address of the portal, listed once."""

from portal.routes import (
    about,
    backoffice,
    centers,
    completion,
    drafts,
    finding,
    guides,
    my_requests,
    operations,
    service,
    session_time,
    sign_in,
    track,
    uploads,
    webhooks,
)

HANDLERS = [
    *finding.HANDLERS,
    *service.HANDLERS,
    *guides.HANDLERS,
    *centers.HANDLERS,
    *about.HANDLERS,
    *sign_in.HANDLERS,
    *session_time.HANDLERS,
    *track.HANDLERS,
    *drafts.HANDLERS,
    *uploads.HANDLERS,
    *completion.HANDLERS,
    *my_requests.HANDLERS,
    *backoffice.HANDLERS,
    *webhooks.HANDLERS,
    *operations.HANDLERS,
]
