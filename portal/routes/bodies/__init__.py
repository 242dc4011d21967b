"""What systems of outside bodies call: one module for each resource, and the document of all.

A resource has its handlers in one module and what the document says of them in another beside it
(``…_described``), which :mod:`portal.routes.bodies.schema` lists.
"""

from litestar.handlers import HTTPRouteHandler

from portal.routes.bodies import centers, inquiries, jobs, notices, oauth, schema

HANDLERS: list[HTTPRouteHandler] = [
    *oauth.HANDLERS,
    *inquiries.HANDLERS,
    *jobs.HANDLERS,
    *notices.HANDLERS,
    *centers.HANDLERS,
    *schema.HANDLERS,
]
