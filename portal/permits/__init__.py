"""The register of building permits (facts §6): what was permitted, what became of it, who asked."""
