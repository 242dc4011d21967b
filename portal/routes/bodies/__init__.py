"""What systems of outside bodies call: one module for each resource, and the document of all.

A resource has its handlers in one module and what the document says of them in another beside it
(``…_described``), which :mod:`portal.routes.bodies.schema` lists.
"""

from portal.routes.bodies import inquiries, oauth, schema

HANDLERS = [*oauth.HANDLERS, *inquiries.HANDLERS, *schema.HANDLERS]
