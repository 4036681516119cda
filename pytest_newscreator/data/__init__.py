"""Data files of the package: the schema of the contract, and tables that checks look things up in."""
