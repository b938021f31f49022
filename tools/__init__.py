"""The domain: plain typed functions over plain values."""
