"""The control plane over HTTP: JSON for programs, and the `clawbot` command for a shell."""
