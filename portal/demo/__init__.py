"""Examples for trying the portal out. Nothing here runs in production."""
