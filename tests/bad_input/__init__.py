"""Cases and files for tests of the readers, whole ones and broken ones; each is made when a test needs it."""
