"""The books: every attempt and every call, with what it cost."""
