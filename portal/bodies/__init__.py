"""Bodies outside local administration that ask about building permits by machine."""
