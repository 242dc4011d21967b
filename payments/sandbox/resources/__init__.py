"""The objects of the API, one module each, every one with its ``OPERATIONS``."""
