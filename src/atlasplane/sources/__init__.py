"""What a clinic brings, typed and consistent: films with their readings, volumes, visits, cases."""
