"""Text for the demo model: small tales told from a simulated world, and talks about it."""
