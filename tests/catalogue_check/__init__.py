"""`make catalogue-check`: data/models.json beside the newest lists that genai-prices and litellm keep."""
