"""What a build makes of a Dockerfile."""
