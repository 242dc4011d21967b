"""A stateful, Stripe-compatible payment server for tests and demonstrations.

It speaks the wire format of the official SDK (form-encoded requests, JSON
answers, signed webhooks) and remembers everything in one SQLite file. No money
moves. Start it with ``python -m payments.sandbox`` or
:func:`payments.sandbox.server.serve`; :mod:`payments.sandbox.control` lists
what a test may ask of it.
"""
