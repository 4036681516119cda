"""Hygiene: what no contract has to say, since it holds for every stack."""
