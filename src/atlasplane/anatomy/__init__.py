"""What every room needs to know of the body: landmarks, film views and the procedural phantom."""
