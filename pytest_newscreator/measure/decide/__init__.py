"""Is a quantile, a rate or a ratio what it should be? Decided from few requests, with stated error rates."""
