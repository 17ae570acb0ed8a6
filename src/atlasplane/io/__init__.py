"""Readers and writers, one format a file: films, volumes, landmark files, case folders, schemas."""
