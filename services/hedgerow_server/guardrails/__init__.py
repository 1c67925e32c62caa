"""What must not go in and what must not come out: guards, and the pipeline that acts on what they find."""
