"""Is that right? The checks, one module a level; each is a plain function over fixtures."""
