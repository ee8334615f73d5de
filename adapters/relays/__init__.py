"""What bots reach through the worker, so that they hold none of the secrets it takes."""
