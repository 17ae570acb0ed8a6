"""Statistics: numbers in, frozen results out; imports nothing of the rest of the project."""
