"""X-ray projection: attenuation from CT greys, and line integrals through voxel solids."""
