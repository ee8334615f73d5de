"""The MCP relay: a bot's plugins run here, once each, and the bot asks them over HTTP."""
