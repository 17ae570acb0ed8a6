"""The page for marking films and volumes: a server on this computer alone, and the files that it serves."""
