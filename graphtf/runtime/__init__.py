"""Running programs: native segments and host steps over a planned arena."""
