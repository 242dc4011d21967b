"""Measurements, as ratios against a bare ASGI application of the same server in the same run.

They are for people to compare; no test asserts them.
"""
