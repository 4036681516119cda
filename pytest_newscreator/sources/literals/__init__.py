"""Every other language and format: our own scanner of strings, and Pygments for the tail."""
