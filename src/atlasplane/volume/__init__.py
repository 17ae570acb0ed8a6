"""Volumes: from grey values to the masks and meshes of single bones."""
